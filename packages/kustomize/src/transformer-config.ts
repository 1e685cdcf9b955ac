import {
  CLAIM_TEMPLATE_LABELS,
  COMMON_ANNOTATIONS,
  COMMON_LABELS,
  IMAGE_FIELDS,
  NAMESPACE_FIELDS,
  NAME_FIELDS,
  REPLICA_FIELDS,
  TEMPLATE_LABELS,
  VAR_REFERENCE_FIELDS,
} from "./default-field-specs.ts";
import type { FieldSpec } from "./field-spec.ts";
import { NAME_REFERENCES } from "./name-reference-fields.ts";
import type { NameReference } from "./name-reference-fields.ts";
import type { TypeOf } from "./shape.ts";
import { fieldSpecShape } from "./kustomization.ts";
import { list, object, text } from "./shape.ts";
import type { Value } from "./value.ts";

const fieldSpecs = list(fieldSpecShape);
const configurationShape = object(
  {
    namePrefix: fieldSpecs,
    nameSuffix: fieldSpecs,
    namespace: fieldSpecs,
    labels: fieldSpecs,
    templateLabels: fieldSpecs,
    volumeClaimTemplateLabels: fieldSpecs,
    commonLabels: fieldSpecs,
    commonAnnotations: fieldSpecs,
    nameReference: list(object({ group: text, version: text, kind: text, fieldSpecs })),
    varReference: fieldSpecs,
    images: fieldSpecs,
    replicas: fieldSpecs,
  },
  "TransformerConfig",
);
type Configuration = TypeOf<typeof configurationShape>;

/** Where the transformers write: the defaults and what `configurations` and `crds` add. */
export interface TransformerConfig {
  readonly namePrefix: readonly FieldSpec[];
  readonly nameSuffix: readonly FieldSpec[];
  readonly namespace: readonly FieldSpec[];
  readonly labels: readonly FieldSpec[];
  readonly templateLabels: readonly FieldSpec[];
  readonly volumeClaimTemplateLabels: readonly FieldSpec[];
  readonly commonLabels: readonly FieldSpec[];
  readonly commonAnnotations: readonly FieldSpec[];
  readonly nameReference: readonly NameReference[];
  readonly varReference: readonly FieldSpec[];
  readonly images: readonly FieldSpec[];
  readonly replicas: readonly FieldSpec[];
}

const EMPTY: TransformerConfig = {
  namePrefix: [],
  nameSuffix: [],
  namespace: [],
  labels: [],
  templateLabels: [],
  volumeClaimTemplateLabels: [],
  commonLabels: [],
  commonAnnotations: [],
  nameReference: [],
  varReference: [],
  images: [],
  replicas: [],
};

export const DEFAULT_CONFIG: TransformerConfig = {
  namePrefix: NAME_FIELDS,
  nameSuffix: NAME_FIELDS,
  namespace: NAMESPACE_FIELDS,
  labels: [],
  templateLabels: TEMPLATE_LABELS,
  volumeClaimTemplateLabels: CLAIM_TEMPLATE_LABELS,
  commonLabels: COMMON_LABELS,
  commonAnnotations: COMMON_ANNOTATIONS,
  nameReference: NAME_REFERENCES,
  varReference: VAR_REFERENCE_FIELDS,
  images: IMAGE_FIELDS,
  replicas: REPLICA_FIELDS,
};

/** The configuration of a file of `configurations`. @throws Error for unknown fields or wrong types */
export function parseTransformerConfig(value: Value): TransformerConfig {
  const configuration: Configuration = configurationShape.decode(value, "");
  const specs = (given: Configuration["images"]): FieldSpec[] => (given ?? []).map(toFieldSpec);
  return {
    ...EMPTY,
    namePrefix: specs(configuration.namePrefix),
    nameSuffix: specs(configuration.nameSuffix),
    namespace: specs(configuration.namespace),
    labels: specs(configuration.labels),
    templateLabels: specs(configuration.templateLabels),
    volumeClaimTemplateLabels: specs(configuration.volumeClaimTemplateLabels),
    commonLabels: specs(configuration.commonLabels),
    commonAnnotations: specs(configuration.commonAnnotations),
    varReference: specs(configuration.varReference),
    images: specs(configuration.images),
    replicas: specs(configuration.replicas),
    nameReference: (configuration.nameReference ?? []).map((reference) => ({
      group: reference.group ?? "",
      version: reference.version ?? "",
      kind: reference.kind ?? "",
      fieldSpecs: specs(reference.fieldSpecs),
    })),
  };
}

export function toFieldSpec(args: TypeOf<typeof fieldSpecShape>): FieldSpec {
  return {
    group: args.group ?? "",
    version: args.version ?? "",
    kind: args.kind ?? "",
    path: args.path ?? "",
    create: args.create ?? false,
  };
}

/** Both together. @throws Error when they disagree on creating a field */
export function mergeConfig(left: TransformerConfig, right: TransformerConfig): TransformerConfig {
  if (left === right || isEmptyConfig(right)) return left;
  return {
    namePrefix: mergeFieldSpecs(left.namePrefix, right.namePrefix),
    nameSuffix: mergeFieldSpecs(left.nameSuffix, right.nameSuffix),
    namespace: mergeFieldSpecs(left.namespace, right.namespace),
    labels: mergeFieldSpecs(left.labels, right.labels),
    templateLabels: mergeFieldSpecs(left.templateLabels, right.templateLabels),
    volumeClaimTemplateLabels: mergeFieldSpecs(
      left.volumeClaimTemplateLabels,
      right.volumeClaimTemplateLabels,
    ),
    commonLabels: mergeFieldSpecs(left.commonLabels, right.commonLabels),
    commonAnnotations: mergeFieldSpecs(left.commonAnnotations, right.commonAnnotations),
    varReference: mergeFieldSpecs(left.varReference, right.varReference),
    images: mergeFieldSpecs(left.images, right.images),
    replicas: mergeFieldSpecs(left.replicas, right.replicas),
    nameReference: mergeNameReferences(left.nameReference, right.nameReference),
  };
}

function isEmptyConfig(config: TransformerConfig): boolean {
  return Object.values(config).every((specs: readonly unknown[]) => specs.length === 0);
}

function sameKind(left: Partial<NameReference>, right: Partial<NameReference>): boolean {
  return (
    (left.group ?? "") === (right.group ?? "") &&
    (left.version ?? "") === (right.version ?? "") &&
    (left.kind ?? "") === (right.kind ?? "")
  );
}

/** The union; @throws Error when the same field is to be created by one and not by the other */
export function mergeFieldSpecs(
  left: readonly FieldSpec[],
  right: readonly FieldSpec[],
): readonly FieldSpec[] {
  if (right.length === 0 || left === right) return left;
  const merged = [...left];
  for (const spec of right) {
    const same = merged.find((other) => other.path === spec.path && sameKind(other, spec));
    if (same === undefined) merged.push(spec);
    else if ((same.create ?? false) !== (spec.create ?? false)) {
      throw new Error(
        `conflicting fieldspecs: field '${spec.path}' of kind '${spec.kind ?? ""}' differs in 'create'`,
      );
    }
  }
  return merged;
}

function mergeNameReferences(
  left: readonly NameReference[],
  right: readonly NameReference[],
): readonly NameReference[] {
  if (right.length === 0 || left === right) return left;
  const merged = [...left];
  for (const reference of right) {
    const index = merged.findIndex((other) => sameKind(other, reference));
    const present = merged[index];
    if (present === undefined) merged.push(reference);
    else
      merged[index] = { ...present, fieldSpecs: mergeFieldSpecs(present.fieldSpecs, reference.fieldSpecs) };
  }
  return merged;
}
