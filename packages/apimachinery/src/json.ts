/** A JSON object whose fields are not known at compile time. */
export type JsonObject = Record<string, unknown>;

/** True for a JSON object: not null, not an array. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The own field of an object, or undefined: a field named `constructor` or `__proto__` is data like any other. */
export function fieldOf(object: unknown, field: string): unknown {
  return isJsonObject(object) && Object.hasOwn(object, field) ? object[field] : undefined;
}

/** Sets an own field, also one named `__proto__`, which plain assignment would take for the prototype. */
export function setField(object: JsonObject, field: string, value: unknown): void {
  if (field === "__proto__") {
    Object.defineProperty(object, field, { value, writable: true, enumerable: true, configurable: true });
  } else {
    object[field] = value;
  }
}

/** The value under a path of fields, or undefined where one is missing. */
export function valueAt(object: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, field) => fieldOf(value, field), object);
}
