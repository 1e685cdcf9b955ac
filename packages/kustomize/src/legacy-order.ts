import type { SortOptions } from "./kustomization.ts";
import type { ResourceMap } from "./resource-map.ts";
import type { Resource } from "./resource.ts";
import type { ResourceId } from "./gvk.ts";
import { compareBytes } from "./natural-order.ts";

/** Kinds that others depend on, in the order of `legacy` (also the default of `legacySortOptions.orderFirst`). */
const ORDER_FIRST = [
  "Namespace",
  "ResourceQuota",
  "StorageClass",
  "CustomResourceDefinition",
  "ServiceAccount",
  "PodSecurityPolicy",
  "Role",
  "ClusterRole",
  "RoleBinding",
  "ClusterRoleBinding",
  "ConfigMap",
  "Secret",
  "Endpoints",
  "Service",
  "LimitRange",
  "PriorityClass",
  "PersistentVolume",
  "PersistentVolumeClaim",
  "Deployment",
  "StatefulSet",
  "CronJob",
  "PodDisruptionBudget",
];
const ORDER_LAST = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

export type ResourceOrder = "none" | "legacy";

/** Orders by kind, then by id; `fifo` and `none` keep the order of the input. */
export function sortResources(map: ResourceMap, options: SortOptions): void {
  if (options.order === "fifo") return;
  if (options.order !== "legacy") {
    throw new Error("the field 'sortOptions.order' must be one of [fifo, legacy]");
  }
  const first = options.legacySortOptions?.orderFirst ?? ORDER_FIRST;
  const last = options.legacySortOptions?.orderLast ?? ORDER_LAST;
  const ranks = new Map<string, number>();
  for (const [index, kind] of first.entries()) ranks.set(kind, index - first.length);
  for (const [index, kind] of last.entries()) ranks.set(kind, index + 1);
  const keyed = map.resources.map((resource) => ({
    resource,
    rank: ranks.get(resource.kind) ?? 0,
    key: sortKey(resource),
  }));
  keyed.sort(
    (left, right) =>
      left.rank - right.rank ||
      compareKinds(left.resource, right.resource) ||
      compareBytes(left.key, right.key),
  );
  map.replaceAll(keyed.map(({ resource }) => resource));
}

function compareKinds(left: Resource, right: Resource): number {
  const order = compareBytes(sortableKind(left.id), sortableKind(right.id));
  // The real Namespace goes before kinds of the same name in other groups.
  const namespaces = left.kind === "Namespace" && right.kind === "Namespace";
  return namespaces && (left.gvk.group === "" || right.gvk.group === "") ? -order : order;
}

function sortableKind(id: ResourceId): string {
  return `${id.group || "~G"}_${id.version || "~V"}_${id.kind || "~K"}`;
}

function sortKey(resource: Resource): string {
  const { id } = resource;
  return `${sortableKind(id)}|${id.namespace || "~X"}|${id.name || "~N"}`;
}
