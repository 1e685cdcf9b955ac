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
export function runTransformers(layer: Layer, into: Accumulator): void {
  for (const step of steps(layer, into)) {
    step.run();
    if (!layer.context.tracksOrigins) continue;
    const origin = layer.context.origin.configured({ apiVersion: "builtin", kind: step.kind });
    for (const resource of into.map.resources) resource.transformations.push(origin);
  }
  transformWithPlugins(layer, into);
}

interface Step {
  /** The name of kustomize's built-in transformer. */
  readonly kind: string;
  run(): void;
}

function steps(layer: Layer, into: Accumulator): Step[] {
  const { kustomization, loader, context } = layer;
  const { map, config } = into;
  const { namespace, namePrefix, nameSuffix, commonLabels, commonAnnotations } = kustomization;
  const list: Step[] = [];
  const add = (kind: string, run: () => void): void => void list.push({ kind, run });
  const strategic = kustomization.patchesStrategicMerge ?? [];
  if (strategic.length > 0) {
    add("PatchStrategicMergeTransformer", () => {
      applyStrategicPatches(map, loadStrategicPatches(strategic, loader), context);
    });
  }
  for (const patch of kustomization.patches ?? []) {
    add("PatchTransformer", () => applyPatch(map, patch, loader, context));
  }
  if (namespace) add("NamespaceTransformer", () => setNamespaces(map, { namespace }, config.namespace));
  if (namePrefix) add("PrefixTransformer", () => affixNames(map, { prefix: namePrefix }, config.namePrefix));
  if (nameSuffix) add("SuffixTransformer", () => affixNames(map, { suffix: nameSuffix }, config.nameSuffix));
  for (const label of kustomization.labels ?? []) {
    add("LabelTransformer", () => setPairs(map, label.pairs ?? {}, labelFieldSpecs(label, config)));
  }
  if (commonLabels) add("LabelTransformer", () => setPairs(map, commonLabels, config.commonLabels));
  if (commonAnnotations) {
    add("AnnotationsTransformer", () => setPairs(map, commonAnnotations, config.commonAnnotations));
  }
  for (const patch of kustomization.patchesJson6902 ?? []) {
    add("PatchJson6902Transformer", () => applyJsonPatchToOne(map, patch, loader));
  }
  for (const replica of kustomization.replicas ?? []) {
    add("ReplicaCountTransformer", () => setReplicas(map, replica, config.replicas));
  }
  for (const image of kustomization.images ?? []) {
    add("ImageTagTransformer", () => setImages(map, image, config.images));
  }
  const replacements = kustomization.replacements ?? [];
  if (replacements.length > 0) {
    add("ReplacementTransformer", () => {
      for (const replacement of loadReplacements(replacements, loader)) applyReplacement(map, replacement);
    });
  }
  return list;
}

/** An entry of `patchesStrategicMerge` is a file or inline YAML. @throws Error when all of them are empty */
function loadStrategicPatches(entries: readonly string[], loader: Loader): Resource[] {
  const patches = entries.flatMap((entry) => {
    let text = entry;
    try {
      text = loader.readText(entry);
    } catch (error) {
      if (!entry.includes("\n") && !entry.includes("{")) throw error;
    }
    return parseResources(text);
  });
  if (patches.length === 0)
    throw new Error(`patch appears to be empty; files=[${entries.join(" ")}], Patch=`);
  return patches;
}
