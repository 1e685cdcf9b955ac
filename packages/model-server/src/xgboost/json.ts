/** Checked access to a parsed XGBoost JSON document. Model files come from outside: nothing is assumed. */
import { ModelLoadError } from "../model.ts";

export type JsonObject = Record<string, unknown>;

export function fail(where: string, problem: string): never {
  throw new ModelLoadError(`XGBoost model: ${where}: ${problem}`);
}

export function objectAt(parent: JsonObject, key: string, where: string): JsonObject {
  const value = parent[key];
  if (typeof value !== "object" || value === null || Array.isArray(value))
    fail(`${where}.${key}`, "not an object");
  return { ...value };
}

export function listAt(parent: JsonObject, key: string, where: string): unknown[] {
  const value = parent[key];
  if (!Array.isArray(value)) fail(`${where}.${key}`, "not a list");
  return value;
}

export function stringAt(parent: JsonObject, key: string, where: string): string {
  const value = parent[key];
  if (typeof value !== "string") fail(`${where}.${key}`, "not a string");
  return value;
}

/** Parameters are numbers written as strings: `"num_feature": "11"`. */
export function countAt(parent: JsonObject, key: string, where: string, fallback?: number): number {
  const value = parent[key];
  if (value === undefined && fallback !== undefined) return fallback;
  const count = Number(value);
  if (!Number.isSafeInteger(count) || count < 0)
    fail(`${where}.${key}`, `${JSON.stringify(value)} is not a count`);
  return count;
}

/** A list of finite numbers; booleans count as 0 and 1 (`default_left` was boolean before XGBoost 1.6). */
export function numbersAt(parent: JsonObject, key: string, where: string, length?: number): number[] {
  const list = listAt(parent, key, where);
  if (length !== undefined && list.length !== length) {
    fail(`${where}.${key}`, `has ${list.length} elements, ${length} expected`);
  }
  return list.map((element, index) => {
    const number = typeof element === "boolean" ? Number(element) : element;
    if (typeof number !== "number" || !Number.isFinite(number))
      fail(`${where}.${key}[${index}]`, "not a number");
    return number;
  });
}
