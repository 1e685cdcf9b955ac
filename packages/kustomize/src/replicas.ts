import type { FieldSpec } from "./field-spec.ts";
import { applyFieldSpec } from "./field-spec.ts";
import { formatGvk, isSelectedBy } from "./gvk.ts";
import type { ReplicaArgs } from "./kustomization.ts";
import type { ResourceMap } from "./resource-map.ts";

/** One entry of `replicas`. @throws Error when no workload has or had the name */
export function setReplicas(map: ResourceMap, replica: ReplicaArgs, specs: readonly FieldSpec[]): void {
  let found = false;
  for (const spec of specs) {
    for (const resource of map.resources) {
      const named = resource.allIds.some((id) => id.name === replica.name && isSelectedBy(id, spec));
      if (!named) continue;
      found = true;
      applyFieldSpec(resource.value, resource.gvk, spec, () => replica.count ?? 0, "scalar");
    }
  }
  if (!found) {
    const kinds = specs
      .map((spec) =>
        formatGvk({ group: spec.group ?? "", version: spec.version ?? "", kind: spec.kind ?? "" }),
      )
      .join(" ");
    throw new Error(
      `resource with name ${replica.name} does not match a config with the following GVK [${kinds}]`,
    );
  }
}
