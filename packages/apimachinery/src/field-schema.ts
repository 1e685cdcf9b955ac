import { fieldOf, isJsonObject } from "./json.ts";

/**
 * What patches and server-side apply need to know of a type: which lists and maps merge and by what. A branch without
 * entry has the default: maps are granular, lists are atomic.
 */
export interface FieldSchema {
  /** Fields of an object, where something differs from the default. */
  readonly fields?: Readonly<Record<string, FieldSchema>>;
  /** The values of a map with arbitrary keys. */
  readonly values?: FieldSchema;
  /** The elements of a list. */
  readonly items?: FieldSchema;
  /** `x-kubernetes-list-type`: how server-side apply merges the list. */
  readonly list?: "atomic" | "set" | "map";
  /** `x-kubernetes-list-map-keys`. */
  readonly keys?: readonly string[];
  /** What a left-out key means: `protocol: TCP`. */
  readonly keyDefaults?: Readonly<Record<string, string | number | boolean>>;
  /** `x-kubernetes-map-type: atomic`, also on structs. */
  readonly map?: "atomic";
  /** `x-kubernetes-patch-strategy: merge`: strategic merge patch merges the list; without it replaces it. */
  readonly merge?: boolean;
  /** `x-kubernetes-patch-strategy: replace`: strategic merge patch replaces the map. */
  readonly replace?: boolean;
  /** `x-kubernetes-patch-merge-key`; absent for lists of scalars. */
  readonly mergeKey?: string;
  /** `x-kubernetes-patch-strategy: retainKeys`: a union, of which a patch may clear the members that it does not name. */
  readonly retainKeys?: boolean;
}

/** The schema of a field of an object or a value of a map. */
export function fieldSchema(schema: FieldSchema | undefined, field: string): FieldSchema | undefined {
  const fields = schema?.fields;
  return fields !== undefined && Object.hasOwn(fields, field) ? fields[field] : schema?.values;
}

/** Deeper than any real CRD; keeps a hostile one from exhausting the stack. */
const MAX_SCHEMA_DEPTH = 100;

/**
 * The merge rules in a CRD's structural schema (`openAPIV3Schema`), or undefined where all is default. Strategic merge
 * patch does not exist for custom resources, so only the server-side apply rules are read.
 */
export function schemaFromStructural(structural: unknown, depth = 0): FieldSchema | undefined {
  if (!isJsonObject(structural) || depth > MAX_SCHEMA_DEPTH) return undefined;
  const schema: { -readonly [K in keyof FieldSchema]: FieldSchema[K] } = {};
  const fields: Record<string, FieldSchema> = {};
  const properties = fieldOf(structural, "properties");
  for (const [name, property] of Object.entries(isJsonObject(properties) ? properties : {})) {
    const field = schemaFromStructural(property, depth + 1);
    if (field !== undefined) fields[name] = field;
  }
  if (Object.keys(fields).length > 0) schema.fields = fields;
  const values = schemaFromStructural(fieldOf(structural, "additionalProperties"), depth + 1);
  if (values !== undefined) schema.values = values;
  const items = schemaFromStructural(fieldOf(structural, "items"), depth + 1);
  if (items !== undefined) schema.items = items;
  if (structural["x-kubernetes-map-type"] === "atomic") schema.map = "atomic";
  const list = structural["x-kubernetes-list-type"];
  if (list === "set") schema.list = "set";
  if (list === "map") {
    const keys = structural["x-kubernetes-list-map-keys"];
    schema.list = "map";
    schema.keys = Array.isArray(keys) ? keys.filter((key) => typeof key === "string") : [];
    schema.keyDefaults = keyDefaults(fieldOf(structural, "items"), schema.keys);
  }
  return Object.keys(schema).length === 0 ? undefined : schema;
}

function keyDefaults(items: unknown, keys: readonly string[]): Record<string, string | number | boolean> {
  const defaults: Record<string, string | number | boolean> = {};
  for (const key of keys) {
    const value = fieldOf(fieldOf(fieldOf(items, "properties"), key), "default");
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean")
      defaults[key] = value;
  }
  return defaults;
}
