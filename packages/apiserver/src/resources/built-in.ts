import { type FieldSchema, UNKNOWN_KIND_SCHEMA, builtInSchema, groupResource } from "@ai-edge/apimachinery";
import type { KubernetesObject, ResourceType } from "@ai-edge/apimachinery";
import { builtInObjectSchema } from "../schema/built-in-schema.ts";
import { AGE, NAME } from "../printing/columns.ts";
import {
  ALL_VERBS,
  type Column,
  type ObjectSchema,
  type Resource,
  type Strategy,
  type Subresource,
  type Verb,
} from "./resource.ts";

export interface BuiltInOptions<T extends KubernetesObject> {
  readonly shortNames?: readonly string[];
  readonly singular?: string;
  readonly categories?: readonly string[];
  readonly verbs?: readonly Verb[];
  readonly status?: boolean;
  readonly generation?: boolean;
  readonly returnsDeleted?: boolean;
  readonly scale?: Resource["scale"];
  readonly subresources?: readonly Subresource[];
  readonly selectable?: Resource["selectable"];
  readonly strategy?: Strategy<T>;
  /** Between name and age; `columnsInFull` replaces all. */
  readonly columns?: readonly Column[];
  readonly columnsInFull?: readonly Column[];
  readonly schema?: ObjectSchema;
  readonly convert?: Resource["convert"];
  readonly storage?: string;
}

/** A schema that accepts any field; for kinds whose shape the server does not need to know. */
const ANY_SCHEMA: ObjectSchema = {
  conform: () => [],
  validate: () => [],
  openApi: () => ({ type: "object", "x-kubernetes-preserve-unknown-fields": true }),
};

/** Declares a built-in resource. */
export function builtIn<T extends KubernetesObject>(
  type: ResourceType<T>,
  options: BuiltInOptions<T> = {},
): Resource {
  const mergeRules: FieldSchema = builtInSchema(type.group, type.kind) ?? UNKNOWN_KIND_SCHEMA;
  return {
    type,
    listKind: `${type.kind}List`,
    singular: options.singular ?? type.kind.toLowerCase(),
    shortNames: options.shortNames ?? [],
    categories: options.categories ?? [],
    verbs: options.verbs ?? ALL_VERBS,
    storage: options.storage ?? groupResource(type),
    hasStatus: options.status ?? false,
    tracksGeneration: options.generation ?? false,
    returnsDeleted: options.returnsDeleted ?? false,
    ...(options.scale === undefined ? {} : { scale: options.scale }),
    subresources: options.subresources ?? [],
    mergeRules,
    selectable: options.selectable ?? {},
    strategy: options.strategy ?? {},
    columns: options.columnsInFull ?? [NAME, ...(options.columns ?? []), AGE],
    custom: false,
    schema: options.schema ?? builtInObjectSchema(type) ?? ANY_SCHEMA,
    ...(options.convert === undefined ? {} : { convert: options.convert }),
  };
}
