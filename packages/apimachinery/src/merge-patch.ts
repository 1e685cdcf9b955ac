import { deepEqual } from "./deep-equal.ts";
import { isJsonObject, setField, type JsonObject } from "./json.ts";

/** Applies a JSON merge patch (RFC 7386): null deletes a field, lists are replaced whole. Nothing is modified. */
export function applyMergePatch(target: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) return structuredClone(patch);
  const result: JsonObject = isJsonObject(target) ? { ...target } : {};
  for (const field of Object.keys(patch)) {
    const value = patch[field];
    if (value === null) delete result[field];
    else if (value !== undefined) {
      setField(
        result,
        field,
        applyMergePatch(Object.hasOwn(result, field) ? result[field] : undefined, value),
      );
    }
  }
  return result;
}

/**
 * The smallest merge patch that turns one object into the other, or undefined when they are equal. A field that is
 * null in `after` cannot be expressed (RFC 7386 section 1) and counts as absent.
 */
export function createMergePatch(before: JsonObject, after: JsonObject): JsonObject | undefined {
  const patch: JsonObject = {};
  for (const field of Object.keys(before)) {
    if (isPresent(before, field) && !isPresent(after, field)) setField(patch, field, null);
  }
  for (const field of Object.keys(after)) {
    if (!isPresent(after, field)) continue;
    const value = after[field];
    const previous = isPresent(before, field) ? before[field] : undefined;
    if (isJsonObject(value) && isJsonObject(previous)) {
      const nested = createMergePatch(previous, value);
      if (nested !== undefined) setField(patch, field, nested);
    } else if (!deepEqual(value, previous)) {
      setField(patch, field, value);
    }
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}

function isPresent(object: JsonObject, field: string): boolean {
  return Object.hasOwn(object, field) && object[field] !== undefined && object[field] !== null;
}
