import type { TypeOf } from "./shape.ts";
import { anything, flag, integer, list, mapOf, object, text } from "./shape.ts";

/*
 * The fields of Kustomization v1beta1 and Component v1alpha1
 * (https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/).
 */

const textMap = mapOf(text);

const generatorOptionsShape = object({
  labels: textMap,
  annotations: textMap,
  disableNameSuffixHash: flag,
  immutable: flag,
});
export type GeneratorOptions = TypeOf<typeof generatorOptionsShape>;

const keyValueSources = {
  name: text,
  namespace: text,
  behavior: text,
  literals: list(text),
  files: list(text),
  envs: list(text),
  env: text,
  options: generatorOptionsShape,
};

const configMapArgsShape = object(keyValueSources);
const secretArgsShape = object({ ...keyValueSources, type: text });
/** A generator that is configured by an object of its own; unknown fields are ignored there. */
export const secretPluginShape = object({ ...keyValueSources, type: text }, "", { ignoreUnknown: true });
export type ConfigMapArgs = TypeOf<typeof configMapArgsShape>;
export type SecretArgs = TypeOf<typeof secretArgsShape>;

const selectorFields = {
  group: text,
  version: text,
  kind: text,
  name: text,
  namespace: text,
  labelSelector: text,
  annotationSelector: text,
};
export const selectorShape = object(selectorFields);
export type SelectorArgs = TypeOf<typeof selectorShape>;

const patchShape = object({
  path: text,
  patch: text,
  target: selectorShape,
  options: mapOf(flag),
});
export type PatchArgs = TypeOf<typeof patchShape>;

export const fieldSpecFields = { group: text, version: text, kind: text, path: text, create: flag };
export const fieldSpecShape = object(fieldSpecFields);

const labelShape = object({
  pairs: textMap,
  includeSelectors: flag,
  includeTemplates: flag,
  includeVolumeClaimTemplates: flag,
  fields: list(fieldSpecShape),
});
export type LabelArgs = TypeOf<typeof labelShape>;

export const imageShape = object({ name: text, newName: text, newTag: text, tagSuffix: text, digest: text });
export type ImageArgs = TypeOf<typeof imageShape>;

export const replicaShape = object({ name: text, count: integer });
export type ReplicaArgs = TypeOf<typeof replicaShape>;

const replacementOptionsShape = object({ delimiter: text, index: integer, encoding: text, create: flag });
export type ReplacementOptions = TypeOf<typeof replacementOptionsShape>;

const replacementFields = {
  source: object({ ...selectorFields, fieldPath: text, options: replacementOptionsShape }),
  sourceValue: text,
  targets: list(
    object({
      select: selectorShape,
      reject: list(selectorShape),
      fieldPaths: list(text),
      options: replacementOptionsShape,
    }),
  ),
};
export const replacementShape = object(replacementFields);
export type Replacement = TypeOf<typeof replacementShape>;
export const replacementEntryShape = object({ path: text, ...replacementFields });
export type ReplacementEntry = TypeOf<typeof replacementEntryShape>;

const varShape = object({
  name: text,
  objref: object({ apiVersion: text, group: text, version: text, kind: text, name: text, namespace: text }),
  fieldref: object({ fieldPath: text }),
});
export type VarArgs = TypeOf<typeof varShape>;

const sortOptionsShape = object({
  order: text,
  legacySortOptions: object({ orderFirst: list(text), orderLast: list(text) }),
});
export type SortOptions = TypeOf<typeof sortOptionsShape>;

export const kustomizationShape = object(
  {
    apiVersion: text,
    kind: text,
    metadata: anything,
    openapi: textMap,
    namePrefix: text,
    nameSuffix: text,
    namespace: text,
    commonLabels: textMap,
    labels: list(labelShape),
    commonAnnotations: textMap,
    patchesStrategicMerge: list(text),
    patchesJson6902: list(patchShape),
    patches: list(patchShape),
    images: list(imageShape),
    imageTags: list(imageShape),
    replacements: list(replacementEntryShape),
    replicas: list(replicaShape),
    vars: list(varShape),
    sortOptions: sortOptionsShape,
    resources: list(text),
    components: list(text),
    crds: list(text),
    bases: list(text),
    configMapGenerator: list(configMapArgsShape),
    secretGenerator: list(secretArgsShape),
    helmGlobals: anything,
    helmCharts: list(anything),
    helmChartInflationGenerator: list(anything),
    generatorOptions: generatorOptionsShape,
    configurations: list(text),
    generators: list(text),
    transformers: list(text),
    validators: list(text),
    buildMetadata: list(text),
  },
  "Kustomization",
);
export type Kustomization = TypeOf<typeof kustomizationShape>;

const KUSTOMIZATION_VERSION = "kustomize.config.k8s.io/v1beta1";
const COMPONENT_VERSION = "kustomize.config.k8s.io/v1alpha1";

/** Deprecated field → what to use instead, in the order of kustomize's warnings. */
const DEPRECATED: readonly (readonly [keyof Kustomization, string])[] = [
  ["bases", "resources"],
  ["commonLabels", "labels"],
  ["imageTags", "images"],
  ["patchesJson6902", "patches"],
  ["patchesStrategicMerge", "patches"],
  ["vars", "replacements"],
];

/** kustomize's warnings about deprecated fields, without the leading `# `. */
export function deprecationWarnings(kustomization: Kustomization): string[] {
  return DEPRECATED.filter(([field]) => kustomization[field] !== undefined).map(
    ([field, instead]) =>
      `Warning: '${field}' is deprecated. Please use '${instead}' instead. ${instead === "replacements" ? "[EXPERIMENTAL] " : ""}` +
      "Run 'kustomize edit fix' to update your Kustomization automatically.",
  );
}

/** Folds deprecated fields into those that replaced them and checks kind, version and combinations. */
export function normaliseKustomization(kustomization: Kustomization): Kustomization {
  const kind = kustomization.kind || "Kustomization";
  const apiVersion =
    kustomization.apiVersion || (kind === "Component" ? COMPONENT_VERSION : KUSTOMIZATION_VERSION);
  if (kind !== "Kustomization" && kind !== "Component")
    throw new Error("kind should be Kustomization or Component");
  const expected = kind === "Component" ? COMPONENT_VERSION : KUSTOMIZATION_VERSION;
  if (apiVersion !== expected) throw new Error(`apiVersion for ${kind} should be ${expected}`);
  const generator = <T extends ConfigMapArgs>(args: T): T =>
    args.env ? { ...args, envs: [...(args.envs ?? []), args.env] } : args;
  return {
    ...kustomization,
    kind,
    apiVersion,
    resources: [...(kustomization.resources ?? []), ...(kustomization.bases ?? [])],
    images: [...(kustomization.images ?? []), ...(kustomization.imageTags ?? [])],
    configMapGenerator: (kustomization.configMapGenerator ?? []).map(generator),
    secretGenerator: (kustomization.secretGenerator ?? []).map(generator),
  };
}
