import { builtInSchema, UNKNOWN_KIND_SCHEMA } from "@ai-edge/apimachinery";
import type { FieldSchema } from "@ai-edge/apimachinery";
import type { Gvk } from "./gvk.ts";
import { gvkOf } from "./gvk.ts";
import { parseOpenApi } from "./openapi.ts";
import type { Value, ValueMap } from "./value.ts";
import { scalarText } from "./value.ts";

/** Says by which keys lists of a kind merge. */
export interface MergeSchema {
  of(apiVersion: string, kind: string): FieldSchema | undefined;
}

/** Groups of Kubernetes, with the versions that kustomize's schema has where others existed. */
const BUILT_IN_GROUPS: Readonly<Record<string, readonly string[] | "any">> = {
  "": ["v1"],
  apps: ["v1"],
  batch: ["v1", "v1beta1"],
  autoscaling: "any",
  policy: "any",
};

function isBuiltIn({ group, version }: Gvk): boolean {
  const versions = Object.hasOwn(BUILT_IN_GROUPS, group) ? BUILT_IN_GROUPS[group] : undefined;
  if (versions !== undefined) return versions === "any" || versions.includes(version);
  // The groups of CRDs of Kubernetes' own projects have more parts: `gateway.networking.k8s.io`.
  return /^[a-z]+(?:\.authorization|\.apiserver)?\.k8s\.io$/.test(group);
}

/** Metadata is the same in all kinds: lists of owners and finalizers. */
const METADATA_ONLY: FieldSchema = UNKNOWN_KIND_SCHEMA;
/** Built-in kinds of their groups without lists that merge; any other kind of a core group is a custom one. */
const CORE_KINDS_WITHOUT_LISTS = new Set([
  "ConfigMap",
  "Secret",
  "Endpoints",
  "Event",
  "LimitRange",
  "Binding",
]);

/** The built-in kinds. */
export const builtInMergeSchema: MergeSchema = {
  of(apiVersion, kind) {
    const gvk = gvkOf(apiVersion, kind);
    if (!isBuiltIn(gvk)) return undefined;
    const schema = builtInSchema(gvk.group, kind);
    if (schema !== undefined || gvk.group !== "") return schema ?? METADATA_ONLY;
    return CORE_KINDS_WITHOUT_LISTS.has(kind) ? METADATA_ONLY : undefined;
  },
};

/**
 * The kinds of an OpenAPI document (`openapi.path`), and those of `others`. As in kustomize there are no others when
 * the root kustomization names the document: then it replaces the built-in kinds.
 */
export function customMergeSchema(document: Value, others?: MergeSchema): MergeSchema {
  const kinds = parseOpenApi(document);
  return { of: (apiVersion, kind) => kinds.get(`${apiVersion}|${kind}`) ?? others?.of(apiVersion, kind) };
}

/** The schema for an object, by its `apiVersion` and `kind`. */
export function schemaOf(schema: MergeSchema, object: ValueMap): FieldSchema | undefined {
  return schema.of(scalarText(object.apiVersion), scalarText(object.kind));
}
