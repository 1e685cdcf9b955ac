import { isJsonObject, valueAt } from "@ai-edge/apimachinery";
import type { Column } from "../resources/resource.ts";
import { ageOf } from "./age.ts";

export const NONE = "<none>";
export const UNSET = "<unset>";

/** A column whose cell is a function of the object. */
export function column(
  name: string,
  type: string,
  cell: Column["cell"],
  options: { priority?: number; format?: string } = {},
): Column {
  return { name, type, cell, ...options };
}

/** A wide column: only with `-o wide`. */
export function wide(name: string, cell: Column["cell"]): Column {
  return { name, type: "string", priority: 1, cell };
}

/** A column with the text under a path of fields, or a fallback. */
export function textColumn(name: string, path: string, fallback: string = NONE): Column {
  return { name, type: "string", cell: (object) => textAt(object, path) ?? fallback };
}

/** A column with the number under a path of fields, 0 if there is none. */
export function countColumn(name: string, path: string): Column {
  return { name, type: "integer", cell: (object) => numberAt(object, path) };
}

/** A column with the time that has passed since the one under a path. */
export function ageColumn(name: string, path: string): Column {
  return { name, type: "string", cell: (object, now) => ageOf(valueAt(object, path.split(".")), now) };
}

export function textAt(object: unknown, path: string): string | undefined {
  const value = valueAt(object, path.split("."));
  return typeof value === "string" && value !== "" ? value : undefined;
}

export function numberAt(object: unknown, path: string): number {
  const value = valueAt(object, path.split("."));
  return typeof value === "number" ? value : 0;
}

/** The objects in the list under a path. */
export function objectsAt(object: unknown, path: string): Record<string, unknown>[] {
  const value = valueAt(object, path.split("."));
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

/** The strings in the list under a path. */
export function stringsAt(object: unknown, path: string): string[] {
  const value = valueAt(object, path.split("."));
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}

/** How many entries the object under a path has. */
export function sizeAt(object: unknown, path: string): number {
  const value = valueAt(object, path.split("."));
  return isJsonObject(value) ? Object.keys(value).length : 0;
}

/** A LabelSelector or plain map of labels as kubectl prints it. */
export function selectorText(selector: unknown): string {
  if (!isJsonObject(selector)) return NONE;
  const { matchLabels, matchExpressions } = selector;
  const labels = isJsonObject(matchLabels) || Array.isArray(matchExpressions) ? matchLabels : selector;
  const parts = isJsonObject(labels)
    ? Object.entries(labels)
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, value]) => `${key}=${String(value)}`)
    : [];
  const expressions = Array.isArray(matchExpressions) ? matchExpressions.filter(isJsonObject) : [];
  for (const { key, operator, values } of expressions) {
    const list = Array.isArray(values) ? ` (${values.join(",")})` : "";
    if (operator === "Exists") parts.push(String(key));
    else if (operator === "DoesNotExist") parts.push(`!${String(key)}`);
    else parts.push(`${String(key)} ${String(operator).toLowerCase()}${list}`);
  }
  return parts.length === 0 ? NONE : parts.join(",");
}
