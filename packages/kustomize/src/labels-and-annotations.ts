import { METADATA_LABELS } from "./default-field-specs.ts";
import type { FieldSpec } from "./field-spec.ts";
import { applyFieldSpec } from "./field-spec.ts";
import type { LabelArgs } from "./kustomization.ts";
import type { ResourceMap } from "./resource-map.ts";
import type { TransformerConfig } from "./transformer-config.ts";
import { mergeFieldSpecs, toFieldSpec } from "./transformer-config.ts";
import { isMap, newMap } from "./value.ts";

/** Sets pairs of text in every map that the field specs name. */
export function setPairs(
  map: ResourceMap,
  pairs: Readonly<Record<string, string>>,
  specs: readonly FieldSpec[],
): void {
  const keys = Object.keys(pairs).toSorted();
  if (keys.length === 0) return;
  for (const resource of map.resources) {
    const { gvk } = resource;
    for (const spec of specs) {
      applyFieldSpec(
        resource.value,
        gvk,
        spec,
        (present) => {
          if (present !== null && !isMap(present)) {
            throw new Error(`expected a map in field '${spec.path}' of ${resource.kind} ${resource.name}`);
          }
          const target = present ?? newMap();
          for (const key of keys) target[key] = pairs[key] ?? "";
          return target;
        },
        "map",
      );
    }
  }
}

/** The fields that one entry of `labels` writes to. @throws Error for a combination that kustomize refuses */
export function labelFieldSpecs(label: LabelArgs, config: TransformerConfig): readonly FieldSpec[] {
  let specs = (label.fields ?? []).map(toFieldSpec) as readonly FieldSpec[];
  if (label.includeSelectors === true) return mergeFieldSpecs(specs, config.commonLabels);
  if (label.includeTemplates === true) specs = mergeFieldSpecs(specs, config.templateLabels);
  if (label.includeVolumeClaimTemplates === true)
    specs = mergeFieldSpecs(specs, config.volumeClaimTemplateLabels);
  specs = mergeFieldSpecs(specs, config.labels);
  return mergeFieldSpecs(specs, [METADATA_LABELS]);
}
