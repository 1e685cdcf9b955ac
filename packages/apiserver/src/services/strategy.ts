import type { Service } from "@ai-edge/api";
import { type StatusCause, statusError, validateDns1035Label } from "@ai-edge/apimachinery";
import type { HookContext, Strategy } from "../resources/resource.ts";
import { invalidValue, notSupported, required } from "../rest/errors.ts";
import { type AddressRange, freeAddress, parseRange } from "./address-range.ts";

const TYPES = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];

/**
 * Services: defaults as upstream, and a cluster address from the block.
 * @param serviceCIDR absent: Services get no address
 */
export function serviceStrategy(serviceCIDR: string | undefined, random: () => number): Strategy<Service> {
  const range = serviceCIDR === undefined ? undefined : parseRange(serviceCIDR);
  return {
    validateName: validateDns1035Label,
    applyDefaults,
    prepareForCreate(service, context) {
      service.status = { loadBalancer: {} };
      if (service.spec !== undefined) allocate(service, range, random, context);
    },
    prepareForUpdate(service, old, context) {
      if (service.spec === undefined) return;
      // A PUT that leaves the address out keeps it (patchAllocatedValues).
      if (service.spec.type !== "ExternalName") {
        if ((service.spec.clusterIP ?? "") === "") service.spec.clusterIP = old.spec.clusterIP ?? "";
        service.spec.clusterIPs ??= old.spec.clusterIPs ?? [];
      }
      allocate(service, range, random, context);
    },
    validate: (service, old) => validateService(service, old),
  };
}

function applyDefaults(service: Service): void {
  const { spec } = service;
  if (spec === undefined) return;
  spec.type ??= "ClusterIP";
  spec.sessionAffinity ??= "None";
  for (const port of spec.ports ?? []) {
    port.protocol ??= "TCP";
    if (port.targetPort === undefined || port.targetPort === 0 || port.targetPort === "")
      port.targetPort = port.port;
  }
  if (spec.type === "ExternalName") return;
  spec.internalTrafficPolicy ??= "Cluster";
  spec.ipFamilies ??= ["IPv4"];
  spec.ipFamilyPolicy ??= "SingleStack";
  if (spec.type !== "ClusterIP") spec.externalTrafficPolicy ??= "Cluster";
}

function allocate(
  service: Service,
  range: AddressRange | undefined,
  random: () => number,
  { transaction }: HookContext,
): void {
  const { spec } = service;
  if (spec.type === "ExternalName") return;
  const [first] = spec.clusterIPs ?? [];
  if ((spec.clusterIP ?? "") === "" && first !== undefined) spec.clusterIP = first;
  const taken = new Set<string>();
  for (const { object } of transaction.list("services", undefined)) {
    const other = object as unknown as Service;
    if (other.metadata.uid !== service.metadata.uid && other.spec?.clusterIP !== undefined)
      taken.add(other.spec.clusterIP);
  }
  if ((spec.clusterIP ?? "") === "" && range !== undefined) {
    const address = freeAddress(range, taken, random);
    if (address === undefined)
      throw statusError("InternalError", "failed to allocate a serviceIP: range is full");
    spec.clusterIP = address;
  }
  if (spec.clusterIP === undefined || spec.clusterIP === "") return;
  if (spec.clusterIP !== "None" && taken.has(spec.clusterIP)) {
    throw statusError(
      "Invalid",
      `Service ${JSON.stringify(service.metadata.name)} is invalid: spec.clusterIPs: Invalid value: ["${spec.clusterIP}"]: failed to allocate IP ${spec.clusterIP}: provided IP is already allocated`,
    );
  }
  spec.clusterIPs = [spec.clusterIP];
}

function validateService({ spec }: Service, old: Service | undefined): StatusCause[] {
  if (spec === undefined) return [required("spec")];
  const causes: StatusCause[] = [];
  const { type = "ClusterIP", ports = [], clusterIP } = spec;
  if (!TYPES.includes(type)) causes.push(notSupported("spec.type", type, TYPES));
  if (ports.length === 0 && clusterIP !== "None" && type !== "ExternalName")
    causes.push(required("spec.ports"));
  const names = new Set<string>();
  ports.forEach((port, index) => {
    const path = `spec.ports[${index}]`;
    if (ports.length > 1 && (port.name ?? "") === "") causes.push(required(`${path}.name`));
    if (port.name !== undefined && names.has(port.name)) {
      causes.push({
        reason: "FieldValueDuplicate",
        field: `${path}.name`,
        message: `Duplicate value: ${JSON.stringify(port.name)}`,
      });
    }
    names.add(port.name ?? "");
    if (!Number.isInteger(port.port) || port.port < 1 || port.port > 65_535) {
      causes.push(invalidValue(`${path}.port`, port.port, "must be between 1 and 65535, inclusive"));
    }
  });
  const previous = old?.spec.clusterIP ?? "";
  if (
    previous !== "" &&
    type !== "ExternalName" &&
    old?.spec.type !== "ExternalName" &&
    clusterIP !== previous
  ) {
    causes.push(invalidValue("spec.clusterIPs[0]", [clusterIP], "may not change once set"));
  }
  return causes;
}
