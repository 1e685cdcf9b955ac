import { setImages } from "./images.ts";
import { labelFieldSpecs, setPairs } from "./labels-and-annotations.ts";
import { affixNames, setNamespaces } from "./names-and-namespace.ts";
import { applyJsonPatchToOne, applyPatch, applyStrategicPatches } from "./patches.ts";
import { transformWithPlugins } from "./plugins.ts";
import { applyReplacement, loadReplacements } from "./replacements.ts";
import { setReplicas } from "./replicas.ts";
import { parseResources } from "./resource-parser.ts";
import type { Resource } from "./resource.ts";
import type { Loader } from "./loader.ts";
import type { Accumulator } from "./accumulator.ts";
import type { Layer } from "./layer.ts";

/** The transformers of a kustomization, in kustomize's fixed order, then those of `transformers`. */
export function runTransformers(target: Layer, into: Accumulator): void {
  const { kustomization, loader, context } = target;
  const { map, config } = into;
  const strategic = kustomization.patchesStrategicMerge ?? [];
  if (strategic.length > 0) {
    applyStrategicPatches(
      map,
      strategic.flatMap((entry) => strategicPatches(entry, loader)),
      context.schema,
    );
  }
  for (const patch of kustomization.patches ?? []) applyPatch(map, patch, loader, context.schema);
  setNamespaces(map, { namespace: kustomization.namespace ?? "" }, config.namespace);
  affixNames(map, { prefix: kustomization.namePrefix ?? "" }, config.namePrefix);
  affixNames(map, { suffix: kustomization.nameSuffix ?? "" }, config.nameSuffix);
  for (const label of kustomization.labels ?? [])
    setPairs(map, label.pairs ?? {}, labelFieldSpecs(label, config));
  setPairs(map, kustomization.commonLabels ?? {}, config.commonLabels);
  setPairs(map, kustomization.commonAnnotations ?? {}, config.commonAnnotations);
  for (const patch of kustomization.patchesJson6902 ?? []) applyJsonPatchToOne(map, patch, loader);
  for (const replica of kustomization.replicas ?? []) setReplicas(map, replica, config.replicas);
  for (const image of kustomization.images ?? []) setImages(map, image, config.images);
  for (const replacement of loadReplacements(kustomization.replacements ?? [], loader))
    applyReplacement(map, replacement);
  transformWithPlugins(target, into);
}

/** Validators are transformers that may not change anything; only built-in ones exist here. */
export function runValidators(target: Layer, _into: Accumulator): void {
  const [validator] = target.kustomization.validators ?? [];
  if (validator !== undefined) {
    throw new Error(
      `field 'validators': '${validator}' is not supported, only built-in transformers and generators are`,
    );
  }
}

/** An entry of `patchesStrategicMerge` is a file or inline YAML. */
function strategicPatches(entry: string, loader: Loader): Resource[] {
  let text: string;
  try {
    text = loader.readText(entry);
  } catch (error) {
    if (!entry.includes("\n") && !entry.includes("{")) throw error;
    text = entry;
  }
  const patches = parseResources(text);
  return patches;
}
