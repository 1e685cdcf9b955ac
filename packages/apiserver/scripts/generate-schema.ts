/**
 * Writes src/schema/built-in-types.ts: the fields of the built-in kinds with their JSON names, protobuf numbers and types, read
 * from the interface definitions in `types.go` of k8s.io/api and k8s.io/apimachinery.
 *
 *   go mod download k8s.io/api@v0.33.0 k8s.io/apimachinery@v0.33.0
 *   npx node packages/apiserver/scripts/generate-schema.ts "$(go env GOMODCACHE)/k8s.io" v0.33.0
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const PACKAGES: Record<string, string> = {
  meta: "apimachinery/pkg/apis/meta/v1",
  "": "api/core/v1",
  apps: "api/apps/v1",
  authentication: "api/authentication/v1",
  authorization: "api/authorization/v1",
  autoscaling: "api/autoscaling/v2",
  autoscalingv1: "api/autoscaling/v1",
  batch: "api/batch/v1",
  certificates: "api/certificates/v1",
  coordination: "api/coordination/v1",
  discovery: "api/discovery/v1",
  events: "api/events/v1",
  networking: "api/networking/v1",
  policy: "api/policy/v1",
  rbac: "api/rbac/v1",
  scheduling: "api/scheduling/v1",
  storage: "api/storage/v1",
};

const SPECIAL: Record<string, string> = {
  string: "s",
  bool: "b",
  int32: "i",
  int64: "i",
  int: "i",
  uint32: "i",
  float64: "d",
  "[]byte": "y",
  "resource.Quantity": "q",
  "metav1.Time": "t",
  "metav1.MicroTime": "T",
  "metav1.Duration": "D",
  "metav1.FieldsV1": "f",
  "intstr.IntOrString": "x",
  "runtime.RawExtension": "r",
  "types.UID": "s",
};

interface Declaration {
  readonly kind: "struct" | "alias";
  readonly target: string;
  readonly fields: string[];
}

/** What the server serves or reads; everything else that these refer to comes along. */
const ROOTS = (
  "meta.DeleteOptions ConfigMap Endpoints Event LimitRange Namespace Node PersistentVolume PersistentVolumeClaim Pod PodTemplate " +
  "ReplicationController ResourceQuota Secret Service ServiceAccount Binding apps.ControllerRevision apps.DaemonSet apps.Deployment " +
  "apps.ReplicaSet apps.StatefulSet autoscaling.HorizontalPodAutoscaler autoscalingv1.HorizontalPodAutoscaler batch.CronJob batch.Job authentication.TokenReview " +
  "authentication.TokenRequest authentication.SelfSubjectReview authorization.LocalSubjectAccessReview " +
  "authorization.SelfSubjectAccessReview authorization.SelfSubjectRulesReview authorization.SubjectAccessReview " +
  "certificates.CertificateSigningRequest coordination.Lease discovery.EndpointSlice events.Event networking.Ingress " +
  "networking.IngressClass networking.NetworkPolicy policy.PodDisruptionBudget policy.Eviction rbac.ClusterRole " +
  "rbac.ClusterRoleBinding rbac.Role rbac.RoleBinding scheduling.PriorityClass storage.StorageClass"
)
  .split(" ")
  .map((name) => (name.includes(".") ? name : `.${name}`));

const [, , root = "", version = ""] = process.argv;
const declarations = new Map<string, Map<string, Declaration>>();
for (const [name, path] of Object.entries(PACKAGES)) declarations.set(name, parse(name, path));

const header = `/**
 * The fields of the built-in kinds, from the interface definitions of k8s.io/api ${version} (Apache-2.0), written by
 * scripts/generate-schema.ts. A line holds a type and its fields as \`name:number:type\`; see schema/type-table.ts.
 */
export const BUILT_IN_TYPES = \``;
function parse(name: string, path: string): Map<string, Declaration> {
  const [module = "", ...rest] = path.split("/");
  const types = new Map<string, Declaration>();
  const files = name === "meta" ? ["types.go"] : ["types.go"];
  for (const file of files) {
    const text = readFileSync(join(root, `${module}@${version}`, ...rest, file), "utf8");
    for (const [, type = "", body = ""] of text.matchAll(/^type (\w+) struct \{\n(.*?)^\}/gms)) {
      types.set(type, { kind: "struct", target: "", fields: fieldsOf(body, name) });
    }
    for (const [, type = "", target = ""] of text.matchAll(/^type (\w+) ((?:map|\[|\w)[^\n{]*)$/gm)) {
      types.set(type, { kind: "alias", target: target.trim(), fields: [] });
    }
  }
  return types;
}

function fieldsOf(body: string, name: string): string[] {
  const fields: string[] = [];
  let comment = "";
  for (const line of body.split("\n")) {
    if (line.trim().startsWith("//")) {
      comment += line;
      continue;
    }
    const match = /^\t(?:(\w+)\s+)?([\w.*[\]]+)\s+`(.*)`/.exec(line);
    if (match !== null) {
      const [, , type = "", tags = ""] = match;
      const json = /json:"([^"]*)"/.exec(tags)?.[1] ?? "";
      const number = /protobuf:"\w+,(\d+),/.exec(tags)?.[1];
      if (number !== undefined) {
        const [jsonName = "", ...options] = json.split(",");
        const isInline = jsonName === "" && options.includes("inline");
        const isRequired = !isInline && !options.includes("omitempty") && !/\+optional/.test(comment);
        fields.push(`${jsonName}:${number}:${isInline ? "~" : ""}<${type}|${name}>${isRequired ? "*" : ""}`);
      }
    }
    comment = "";
  }
  return fields;
}

function resolve(type: string, home: string): string {
  const isPointer = type.startsWith("*");
  const plain = isPointer ? type.slice(1) : type;
  if (SPECIAL[plain] !== undefined) return SPECIAL[plain];
  if (home === "meta" && SPECIAL[`metav1.${plain}`] !== undefined) return SPECIAL[`metav1.${plain}`] ?? "";
  if (plain.startsWith("[]")) return `[${resolve(`*${plain.slice(2)}`, home)}`;
  const map = /^map\[[^\]]+\](.*)$/.exec(plain);
  if (map !== null) return `{${resolve(`*${map[1]}`, home)}`;
  const [qualifier, local] = plain.includes(".") ? plain.split(".") : [undefined, plain];
  const target = qualifier === undefined ? home : packageOf(qualifier);
  const declaration = declarations.get(target)?.get(local ?? "");
  if (declaration === undefined) throw new Error(`unknown type ${type} in ${home}`);
  if (declaration.kind === "alias") {
    // A message around a list, only in protobuf.
    if (local === "ExtraValue") return "L";
    return resolve(declaration.target, target);
  }
  const name = target === home ? local : `${target}.${local}`;
  return `${name}${isPointer ? "" : "!"}`;
}

function packageOf(qualifier: string): string {
  if (qualifier === "metav1") return "meta";
  if (qualifier === "v1" || qualifier === "corev1" || ["apiv1", "core"].includes(qualifier)) return "";
  throw new Error(`unknown package ${qualifier}`);
}

const reached = new Map<string, string>();
const open = [...ROOTS];
for (let name = open.pop(); name !== undefined; name = open.pop()) {
  if (reached.has(name)) continue;
  const [home = "", type = ""] = name.split(".");
  const declaration = declarations.get(home)?.get(type);
  if (declaration === undefined) throw new Error(`no type ${name}`);
  const fields = declaration.fields.map((field) =>
    field.replace(/<([^|]*)\|([^>]*)>/, (_, target: string, from: string) => resolve(target, from)),
  );
  reached.set(name, `${type} ${fields.join(" ")}`);
  for (const field of fields) {
    const target = field.split(":")[2]?.replaceAll(/[~[{!*]/g, "") ?? "";
    if (!/[A-Z]\w/.test(target)) continue;
    open.push(target.includes(".") ? target : `${home}.${target}`);
  }
}
const lines = Object.keys(PACKAGES).flatMap((home) => [
  `#${home}`,
  ...[...reached]
    .filter(([name]) => name.split(".")[0] === home)
    .map(([, line]) => line)
    .toSorted(),
]);
writeFileSync(
  new URL("../src/schema/built-in-types.ts", import.meta.url),
  `${header}\n${lines.join("\n")}\n\`;\n`,
);
