import { isJsonObject } from "./json.ts";

/**
 * Equality of JSON values. The order of fields does not matter, that of list elements does; a field that is undefined
 * counts as absent, as it does when the object is serialised.
 */
export function deepEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a === "number" && typeof b === "number") return a === b;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => deepEqual(item, b[index]));
  }
  if (!isJsonObject(a) || !isJsonObject(b)) return false;
  const fields = definedFields(a);
  return (
    fields.length === definedFields(b).length &&
    fields.every((field) => Object.hasOwn(b, field) && deepEqual(a[field], b[field]))
  );
}

function definedFields(object: Record<string, unknown>): string[] {
  return Object.keys(object).filter((field) => object[field] !== undefined);
}
