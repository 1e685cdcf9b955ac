import { deepEqual } from "./deep-equal.ts";
import { fieldSchema, type FieldSchema } from "./field-schema.ts";
import { insertPath, type FieldSet } from "./field-set.ts";
import { isJsonObject, type JsonObject } from "./json.ts";

/** How apply sees a value: a leaf is owned as a whole (scalars, atomic lists and maps). */
export type Shape =
  | { kind: "leaf" }
  | { kind: "map"; fields: JsonObject }
  | { kind: "list"; elements: ListElement[]; duplicate: string | undefined };

export interface ListElement {
  /** `k:{"name":"web"}` or `v:"a"`. */
  element: string;
  value: unknown;
}

/**
 * The shape of a value under the merge rules. A list that does not fit its own rules (an element without its keys)
 * is a leaf: nothing can be owned inside it.
 */
export function shapeOf(value: unknown, schema: FieldSchema | undefined): Shape {
  if (isJsonObject(value))
    return schema?.map === "atomic" ? { kind: "leaf" } : { kind: "map", fields: value };
  if (!Array.isArray(value) || (schema?.list !== "map" && schema?.list !== "set")) return { kind: "leaf" };
  const elements: ListElement[] = [];
  const seen = new Set<string>();
  let duplicate: string | undefined;
  for (const item of value) {
    const element = schema.list === "set" ? valueElement(item) : keyElement(item, schema);
    if (element === undefined) return { kind: "leaf" };
    if (seen.has(element)) duplicate ??= element;
    seen.add(element);
    elements.push({ element, value: item });
  }
  return { kind: "list", elements, duplicate };
}

function valueElement(item: unknown): string | undefined {
  return typeof item === "object" && item !== null ? undefined : `v:${JSON.stringify(item)}`;
}

/** The element of an associative list; left-out keys take their default, at least one key must be there. */
function keyElement(item: unknown, schema: FieldSchema): string | undefined {
  if (!isJsonObject(item)) return undefined;
  const keys: JsonObject = {};
  for (const key of [...(schema.keys ?? [])].sort()) {
    const value = item[key] ?? schema.keyDefaults?.[key];
    if (value === undefined) continue;
    if (typeof value === "object") return undefined;
    keys[key] = value;
  }
  return Object.keys(keys).length === 0 ? undefined : `k:${JSON.stringify(keys)}`;
}

/** The path element of a field of an object. */
export function fieldElement(field: string): string {
  return `f:${field}`;
}

/**
 * The fields that an applied configuration owns (`typed.ToFieldSet`): its leaves, empty maps, and the elements of
 * associative lists with their keys.
 */
export function fieldSetOf(value: unknown, schema: FieldSchema | undefined): FieldSet {
  const set: FieldSet = {};
  collect(set, value, schema, []);
  return set;
}

function collect(set: FieldSet, value: unknown, schema: FieldSchema | undefined, path: string[]): void {
  const shape = shapeOf(value, schema);
  if (shape.kind === "leaf") {
    if (path.length > 0) insertPath(set, path);
  } else if (shape.kind === "map") {
    const fields = Object.keys(shape.fields).filter((field) => shape.fields[field] !== undefined);
    if (fields.length === 0 && path.length > 0) insertPath(set, path);
    for (const field of fields) {
      collect(set, shape.fields[field], fieldSchema(schema, field), [...path, fieldElement(field)]);
    }
  } else {
    for (const { element, value: item } of shape.elements) {
      insertPath(set, [...path, element]);
      collect(set, item, schema?.items, [...path, element]);
    }
  }
}

/** What differs between two states of an object (`typed.Compare`). */
export interface Comparison {
  added: FieldSet;
  modified: FieldSet;
  removed: FieldSet;
}

export function compareFields(before: unknown, after: unknown, schema: FieldSchema | undefined): Comparison {
  const comparison: Comparison = { added: {}, modified: {}, removed: {} };
  compare(comparison, before, after, schema, []);
  return comparison;
}

function compare(
  out: Comparison,
  before: unknown,
  after: unknown,
  schema: FieldSchema | undefined,
  path: string[],
): void {
  if (before === after) return;
  if (before === undefined) return collectAll(out.added, after, schema, path);
  if (after === undefined) return collectAll(out.removed, before, schema, path);
  const left = shapeOf(before, schema);
  const right = shapeOf(after, schema);
  if (left.kind === "map" && right.kind === "map") {
    for (const field of new Set([...Object.keys(left.fields), ...Object.keys(right.fields)])) {
      compare(out, own(left.fields, field), own(right.fields, field), fieldSchema(schema, field), [
        ...path,
        fieldElement(field),
      ]);
    }
  } else if (left.kind === "list" && right.kind === "list") {
    const old = new Map(left.elements.map(({ element, value }) => [element, value]));
    const next = new Map(right.elements.map(({ element, value }) => [element, value]));
    for (const element of new Set([...old.keys(), ...next.keys()])) {
      compare(out, old.get(element), next.get(element), schema?.items, [...path, element]);
    }
  } else if (!deepEqual(before, after)) {
    if (left.kind !== "leaf") collectAll(out.removed, before, schema, path);
    if (right.kind !== "leaf") collectAll(out.added, after, schema, path);
    if (path.length > 0) insertPath(out.modified, path);
  }
}

/** A value that exists on one side only: its leaves and all containers on the way to them. */
function collectAll(set: FieldSet, value: unknown, schema: FieldSchema | undefined, path: string[]): void {
  if (value === undefined) return;
  if (path.length > 0) insertPath(set, path);
  const shape = shapeOf(value, schema);
  if (shape.kind === "map") {
    for (const field of Object.keys(shape.fields)) {
      collectAll(set, shape.fields[field], fieldSchema(schema, field), [...path, fieldElement(field)]);
    }
  } else if (shape.kind === "list") {
    for (const { element, value: item } of shape.elements)
      collectAll(set, item, schema?.items, [...path, element]);
  }
}

function own(object: JsonObject, field: string): unknown {
  return Object.hasOwn(object, field) ? object[field] : undefined;
}
