import { type UnstructuredObject, isConditionTrue, valueAt, type Condition } from "@ai-edge/apimachinery";
import type { Column } from "../resources/resource.ts";
import { humanDuration } from "./age.ts";
import { AGE, NAME } from "./columns.ts";
import {
  NONE,
  UNSET,
  ageColumn,
  column,
  countColumn,
  numberAt,
  objectsAt,
  selectorText,
  sizeAt,
  stringsAt,
  textAt,
  textColumn,
  wide,
} from "./cells.ts";

export const NAMESPACE_COLUMNS: readonly Column[] = [NAME, textColumn("Status", "status.phase", ""), AGE];

export const SECRET_COLUMNS: readonly Column[] = [
  NAME,
  textColumn("Type", "type", ""),
  column("Data", "string", (secret) => String(sizeAt(secret, "data"))),
  AGE,
];

export const CONFIG_MAP_COLUMNS: readonly Column[] = [
  NAME,
  column("Data", "string", (map) => String(sizeAt(map, "data") + sizeAt(map, "binaryData"))),
  AGE,
];

export const SERVICE_ACCOUNT_COLUMNS: readonly Column[] = [
  NAME,
  column("Secrets", "string", (account) => String(objectsAt(account, "secrets").length)),
  AGE,
];

export const SERVICE_COLUMNS: readonly Column[] = [
  NAME,
  textColumn("Type", "spec.type", ""),
  textColumn("Cluster-IP", "spec.clusterIP"),
  column("External-IP", "string", (service) => externalAddress(service)),
  column("Port(s)", "string", (service) => {
    const ports = objectsAt(service, "spec.ports").map((port) => {
      const node = numberAt(port, "nodePort");
      return `${numberAt(port, "port")}${node > 0 ? `:${node}` : ""}/${textAt(port, "protocol") ?? "TCP"}`;
    });
    return ports.length === 0 ? NONE : ports.join(",");
  }),
  AGE,
  wide("Selector", (service) => selectorText(valueAt(service, ["spec", "selector"]))),
];

function externalAddress(service: UnstructuredObject): string {
  const type = textAt(service, "spec.type");
  if (type === "ExternalName") return textAt(service, "spec.externalName") ?? NONE;
  const own = stringsAt(service, "spec.externalIPs");
  if (type !== "LoadBalancer") return own.length === 0 ? NONE : own.join(",");
  const ingress = objectsAt(service, "status.loadBalancer.ingress").map(
    (one) => textAt(one, "ip") ?? textAt(one, "hostname") ?? "",
  );
  const all = [...ingress, ...own];
  return all.length === 0 ? "<pending>" : all.join(",");
}

export const ENDPOINTS_COLUMNS: readonly Column[] = [
  NAME,
  column("Endpoints", "string", (endpoints) => {
    const all = objectsAt(endpoints, "subsets").flatMap((subset) =>
      objectsAt(subset, "addresses").flatMap((address) => {
        const ports = objectsAt(subset, "ports");
        const ip = textAt(address, "ip") ?? "";
        return ports.length === 0 ? [ip] : ports.map((port) => `${ip}:${numberAt(port, "port")}`);
      }),
    );
    return shortList(all);
  }),
  AGE,
];

export const ENDPOINT_SLICE_COLUMNS: readonly Column[] = [
  NAME,
  textColumn("AddressType", "addressType", ""),
  column("Ports", "string", (slice) => {
    const ports = objectsAt(slice, "ports").map((port) => String(numberAt(port, "port")));
    return ports.length === 0 ? UNSET : shortList(ports);
  }),
  column("Endpoints", "string", (slice) => {
    const all = objectsAt(slice, "endpoints").flatMap((endpoint) => stringsAt(endpoint, "addresses"));
    return all.length === 0 ? UNSET : shortList(all);
  }),
  AGE,
];

/** kubectl shows three and counts the rest. */
function shortList(items: readonly string[]): string {
  if (items.length === 0) return NONE;
  return items.length <= 3 ? items.join(",") : `${items.slice(0, 3).join(",")} + ${items.length - 3} more...`;
}

const ROLE_LABEL = "node-role.kubernetes.io/";

export const NODE_COLUMNS: readonly Column[] = [
  NAME,
  column("Status", "string", (node) => {
    const conditions = valueAt(node, ["status", "conditions"]);
    const list = Array.isArray(conditions) ? (conditions as Condition[]) : [];
    const ready = list.some(({ type }) => type === "Ready")
      ? isConditionTrue(list, "Ready")
        ? "Ready"
        : "NotReady"
      : "Unknown";
    return valueAt(node, ["spec", "unschedulable"]) === true ? `${ready},SchedulingDisabled` : ready;
  }),
  column("Roles", "string", (node) => {
    const labels = Object.keys(node.metadata.labels ?? {});
    const roles = labels
      .filter((label) => label.startsWith(ROLE_LABEL))
      .map((label) => label.slice(ROLE_LABEL.length));
    return roles.length === 0 ? NONE : roles.toSorted().join(",");
  }),
  AGE,
  textColumn("Version", "status.nodeInfo.kubeletVersion", ""),
  wide("Internal-IP", (node) => addressOf(node, "InternalIP")),
  wide("External-IP", (node) => addressOf(node, "ExternalIP")),
  wide("OS-Image", (node) => textAt(node, "status.nodeInfo.osImage") ?? "<unknown>"),
  wide("Kernel-Version", (node) => textAt(node, "status.nodeInfo.kernelVersion") ?? "<unknown>"),
  wide("Container-Runtime", (node) => textAt(node, "status.nodeInfo.containerRuntimeVersion") ?? "<unknown>"),
];

function addressOf(node: UnstructuredObject, type: string): string {
  const found = objectsAt(node, "status.addresses").find((address) => address["type"] === type);
  return textAt(found, "address") ?? NONE;
}

const MODES: Record<string, string> = {
  ReadWriteOnce: "RWO",
  ReadOnlyMany: "ROX",
  ReadWriteMany: "RWX",
  ReadWriteOncePod: "RWOP",
};

export const CLAIM_COLUMNS: readonly Column[] = [
  NAME,
  textColumn("Status", "status.phase", ""),
  textColumn("Volume", "spec.volumeName", ""),
  textColumn("Capacity", "status.capacity.storage", ""),
  column("Access Modes", "string", (claim) =>
    stringsAt(claim, "status.accessModes")
      .map((mode) => MODES[mode] ?? mode)
      .join(","),
  ),
  textColumn("StorageClass", "spec.storageClassName", ""),
  textColumn("VolumeAttributesClass", "spec.volumeAttributesClassName", UNSET),
  AGE,
  wide("VolumeMode", (claim) => textAt(claim, "spec.volumeMode") ?? UNSET),
];

export const SIGNING_REQUEST_COLUMNS: readonly Column[] = [
  NAME,
  AGE,
  textColumn("SignerName", "spec.signerName", ""),
  textColumn("Requestor", "spec.username", ""),
  column("RequestedDuration", "string", (request) => {
    const seconds = numberAt(request, "spec.expirationSeconds");
    return seconds === 0 ? NONE : humanDuration(seconds * 1000);
  }),
  column("Condition", "string", (request) => {
    const types = objectsAt(request, "status.conditions").map((condition) => textAt(condition, "type") ?? "");
    const shown = types.length === 0 ? ["Pending"] : types;
    return [...shown, ...(textAt(request, "status.certificate") === undefined ? [] : ["Issued"])].join(",");
  }),
];

export const ROLE_COLUMNS: readonly Column[] = [
  NAME,
  column("Created At", "date", (role) => role.metadata.creationTimestamp ?? ""),
];

export const BINDING_COLUMNS: readonly Column[] = [
  NAME,
  column(
    "Role",
    "string",
    (binding) => `${textAt(binding, "roleRef.kind") ?? ""}/${textAt(binding, "roleRef.name") ?? ""}`,
  ),
  AGE,
  ...(["User", "Group", "ServiceAccount"] as const).map((kind) =>
    wide(`${kind}s`, (binding) =>
      objectsAt(binding, "subjects")
        .filter((subject) => subject["kind"] === kind)
        .map(
          (subject) =>
            (kind === "ServiceAccount" ? `${textAt(subject, "namespace") ?? ""}/` : "") +
            (textAt(subject, "name") ?? ""),
        )
        .join(", "),
    ),
  ),
];

export const DEFINITION_COLUMNS: readonly Column[] = [
  NAME,
  column("Created At", "date", (definition) => definition.metadata.creationTimestamp ?? ""),
];

export const STORAGE_CLASS_COLUMNS: readonly Column[] = [
  column("Name", "string", ({ metadata }) => {
    const isDefault = metadata.annotations?.["storageclass.kubernetes.io/is-default-class"] === "true";
    return isDefault ? `${metadata.name} (default)` : metadata.name;
  }),
  textColumn("Provisioner", "provisioner", ""),
  textColumn("ReclaimPolicy", "reclaimPolicy", "Delete"),
  textColumn("VolumeBindingMode", "volumeBindingMode", "Immediate"),
  column("AllowVolumeExpansion", "string", (object) => String(object["allowVolumeExpansion"] === true)),
  AGE,
];

export const INGRESS_COLUMNS: readonly Column[] = [
  NAME,
  textColumn("Class", "spec.ingressClassName"),
  column("Hosts", "string", (ingress) =>
    shortList(objectsAt(ingress, "spec.rules").map((rule) => textAt(rule, "host") ?? "*")),
  ),
  column("Address", "string", (ingress) =>
    objectsAt(ingress, "status.loadBalancer.ingress")
      .map((one) => textAt(one, "ip") ?? textAt(one, "hostname") ?? "")
      .join(","),
  ),
  column("Ports", "string", (ingress) => (objectsAt(ingress, "spec.tls").length > 0 ? "80, 443" : "80")),
  AGE,
];

export const DISRUPTION_BUDGET_COLUMNS: readonly Column[] = [
  NAME,
  column("Min Available", "string", (budget) => numberOrText(budget, "minAvailable")),
  column("Max Unavailable", "string", (budget) => numberOrText(budget, "maxUnavailable")),
  countColumn("Allowed Disruptions", "status.disruptionsAllowed"),
  AGE,
];

function numberOrText(object: UnstructuredObject, field: string): string {
  const value = valueAt(object, ["spec", field]);
  return typeof value === "string" || typeof value === "number" ? String(value) : "N/A";
}

export const NETWORK_POLICY_COLUMNS: readonly Column[] = [
  NAME,
  column("Pod-Selector", "string", (policy) => selectorText(valueAt(policy, ["spec", "podSelector"]))),
  AGE,
];

export const PRIORITY_CLASS_COLUMNS: readonly Column[] = [
  NAME,
  column("Value", "integer", (object) => numberAt(object, "value")),
  column("Global-Default", "boolean", (object) => object["globalDefault"] === true),
  ageColumn("Age", "metadata.creationTimestamp"),
];
