/**
 * A YAML or JSON value of a manifest. Integers that a double cannot hold are bigint. Maps have no prototype, so that a
 * manifest's key `__proto__` is a key as any other.
 */
export type Value = null | boolean | number | bigint | string | Value[] | ValueMap;
export interface ValueMap {
  [key: string]: Value;
}

/** A map without prototype, with a copy of the given entries. */
export function newMap(entries?: Readonly<Record<string, Value>>): ValueMap {
  const map: ValueMap = Object.create(null);
  if (entries !== undefined) for (const key of Object.keys(entries)) map[key] = entries[key] ?? null;
  return map;
}

export function isMap(value: unknown): value is ValueMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isScalar(value: Value | undefined): value is null | boolean | number | bigint | string {
  return typeof value !== "object" || value === null;
}

/** The text of a scalar as kustomize compares and concatenates it. */
export function scalarText(value: Value | undefined): string {
  if (value === null || value === undefined || typeof value === "object") return "";
  return String(value);
}

/** A deep copy: nothing of the result is shared with the input. */
export function cloneValue(value: Value): Value {
  if (Array.isArray(value)) return value.map(cloneValue);
  return isMap(value) ? cloneMap(value) : value;
}

export function cloneMap(map: ValueMap): ValueMap {
  const copy = newMap();
  for (const key in map) copy[key] = cloneValue(map[key] ?? null);
  return copy;
}

/** Equality as of JSON documents: the order of keys does not count. */
export function valuesEqual(left: Value, right: Value): boolean {
  if (left === right) return true;
  if (Array.isArray(left)) {
    if (!Array.isArray(right) || left.length !== right.length) return false;
    return left.every((element, index) => valuesEqual(element, right[index] ?? null));
  }
  if (!isMap(left) || !isMap(right)) return false;
  const keys = Object.keys(left);
  if (keys.length !== Object.keys(right).length) return false;
  return keys.every((key) => key in right && valuesEqual(left[key] ?? null, right[key] ?? null));
}

/** The value at a path of map keys, or undefined. */
export function getIn(value: Value | undefined, ...path: readonly string[]): Value | undefined {
  let current = value;
  for (const key of path) {
    if (!isMap(current)) return undefined;
    current = current[key];
  }
  return current;
}

/** The map at a key; an absent or null one is created. @throws Error when something else is there */
export function ensureMap(map: ValueMap, key: string): ValueMap {
  const present = map[key];
  if (isMap(present)) return present;
  if (present !== undefined && present !== null) throw new Error(`expected a map in field '${key}'`);
  const created = newMap();
  map[key] = created;
  return created;
}

/** Names a value's shape for an error message. */
export function describeShape(value: Value | undefined): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (isMap(value)) return "a map";
  return typeof value === "string" ? "a string" : typeof value === "boolean" ? "a boolean" : "a number";
}
