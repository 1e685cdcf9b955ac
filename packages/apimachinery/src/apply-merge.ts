import { fieldSchema, type FieldSchema } from "./field-schema.ts";
import { childNode, formatFieldPath, isMember, type FieldSet } from "./field-set.ts";
import { fieldElement, shapeOf, type ListElement } from "./field-walk.ts";
import { isJsonObject, setField, type JsonObject } from "./json.ts";
import { statusError } from "./status.ts";

/**
 * Merges an applied configuration into the live value (`typed.Merge`): its leaves win, maps and associative lists are
 * united, null removes a field.
 * @throws StatusError Invalid when the configuration breaks the rules of its own lists
 */
export function mergeApplied(
  live: unknown,
  applied: unknown,
  schema: FieldSchema | undefined,
  path: readonly string[] = [],
): unknown {
  const right = shapeOf(applied, schema);
  if (right.kind === "leaf") {
    if (Array.isArray(applied) && (schema?.list === "map" || schema?.list === "set"))
      throw unkeyed(schema, path);
    return applied;
  }
  const left = shapeOf(live, schema);
  if (right.kind === "map") {
    const result: JsonObject = left.kind === "map" ? { ...left.fields } : {};
    for (const field of Object.keys(right.fields)) {
      const value = right.fields[field];
      if (value === undefined) continue;
      if (value === null) {
        delete result[field];
        continue;
      }
      const previous = Object.hasOwn(result, field) ? result[field] : undefined;
      setField(
        result,
        field,
        mergeApplied(previous, value, fieldSchema(schema, field), [...path, fieldElement(field)]),
      );
    }
    return result;
  }
  if (right.duplicate !== undefined) {
    throw statusError(
      "Invalid",
      `${formatFieldPath(path)}: duplicate entries for key ${formatFieldPath([right.duplicate])}`,
    );
  }
  return mergeElements(left.kind === "list" ? left.elements : [], right.elements, schema, path);
}

/**
 * Both orders are kept where they agree; where they do not, the applied one wins. Elements only in the live list stay
 * behind the neighbour that they followed.
 */
function mergeElements(
  live: readonly ListElement[],
  applied: readonly ListElement[],
  schema: FieldSchema | undefined,
  path: readonly string[],
): unknown[] {
  const liveValues = new Map(live.map(({ element, value }) => [element, value]));
  const appliedNames = new Set(applied.map(({ element }) => element));
  const shared = applied.map(({ element }) => element).filter((element) => liveValues.has(element));
  const result: unknown[] = [];
  const take = ({ element, value }: ListElement) => {
    result.push(mergeApplied(liveValues.get(element), value, schema?.items, [...path, element]));
    if (shared[0] === element) shared.shift();
  };
  let next = 0;
  for (const left of live) {
    if (!appliedNames.has(left.element)) {
      result.push(left.value);
      continue;
    }
    if (shared[0] !== left.element) continue;
    for (let right = applied[next]; right !== undefined; right = applied[next]) {
      next++;
      take(right);
      if (right.element === left.element) break;
    }
  }
  for (const right of applied.slice(next)) take(right);
  return result;
}

function unkeyed(schema: FieldSchema, path: readonly string[]): Error {
  const rule =
    schema.list === "set"
      ? "an element of a set must be a scalar"
      : `each element must be an object with ${(schema.keys ?? []).join(" and ")}`;
  return statusError("Invalid", `${formatFieldPath(path)}: ${rule}`);
}

/**
 * Removes what the manager applied last time, does not apply now, and nobody else owns (`merge.Updater.prune`).
 * @param last what the manager owned before
 * @param owned what all managers own now, this one's new configuration included
 */
export function pruneApplied(
  merged: JsonObject,
  schema: FieldSchema | undefined,
  last: FieldSet,
  owned: FieldSet,
): JsonObject {
  const result: JsonObject = {};
  for (const field of Object.keys(merged)) {
    const element = fieldElement(field);
    const value = merged[field];
    // Every object has these, whether anybody owns something in them or not.
    const keep = field === "metadata" || field === "apiVersion" || field === "kind";
    const pruned = pruneField(
      value,
      fieldSchema(schema, field),
      childNode(last, element),
      childNode(owned, element),
      keep,
    );
    if (pruned !== undefined) setField(result, field, pruned);
  }
  return result;
}

function pruneField(
  value: unknown,
  schema: FieldSchema | undefined,
  last: FieldSet | undefined,
  owned: FieldSet | undefined,
  keep: boolean,
): unknown {
  if (last === undefined) return value;
  if (owned === undefined && !keep) return undefined;
  return pruneValue(value, schema, last, owned);
}

function pruneValue(
  value: unknown,
  schema: FieldSchema | undefined,
  last: FieldSet,
  owned: FieldSet | undefined,
): unknown {
  const shape = shapeOf(value, schema);
  if (shape.kind === "leaf") return value;
  if (shape.kind === "map") {
    const result: JsonObject = {};
    for (const field of Object.keys(shape.fields)) {
      const element = fieldElement(field);
      const nested = pruneField(
        shape.fields[field],
        fieldSchema(schema, field),
        childNode(last, element),
        childNode(owned, element),
        false,
      );
      if (nested !== undefined) setField(result, field, nested);
    }
    const emptied = Object.keys(result).length === 0 && Object.keys(shape.fields).length > 0;
    return emptied && !isMember(owned) ? undefined : result;
  }
  const kept = shape.elements.flatMap(({ element, value: item }) => {
    const before = childNode(last, element);
    const now = childNode(owned, element);
    if (before === undefined) return [item];
    if (isMember(before) && !isMember(now)) return [];
    const rest = pruneValue(item, schema?.items, before, now);
    return [isJsonObject(rest) && isJsonObject(item) ? { ...keysOf(item, schema), ...rest } : item];
  });
  return kept.length === 0 && shape.elements.length > 0 && !isMember(owned) ? undefined : kept;
}

/** The keys of a kept element stay, whoever owns them: without them it would be another element. */
function keysOf(item: JsonObject, schema: FieldSchema | undefined): JsonObject {
  return Object.fromEntries(
    (schema?.keys ?? []).filter((key) => item[key] !== undefined).map((key) => [key, item[key]]),
  );
}
