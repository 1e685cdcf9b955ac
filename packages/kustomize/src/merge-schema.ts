import { builtInSchema } from "@ai-edge/apimachinery";
import type { FieldSchema } from "@ai-edge/apimachinery";
import { parseOpenApi } from "./openapi.ts";
import type { Value, ValueMap } from "./value.ts";
import { scalarText } from "./value.ts";

/** Says by which keys lists of a kind merge. */
export interface MergeSchema {
  of(apiVersion: string, kind: string): FieldSchema | undefined;
}

/** The built-in kinds. Their metadata is known even where nothing else of the kind is. */
export const builtInMergeSchema: MergeSchema = {
  of(apiVersion, kind) {
    const slash = apiVersion.indexOf("/");
    return builtInSchema(slash < 0 ? "" : apiVersion.slice(0, slash), kind);
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
