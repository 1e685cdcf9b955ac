import { isJsonObject, setField, type JsonObject } from "./json.ts";

/**
 * A patch value without its directives, for places where there is nothing to merge it with: nulls and elements marked
 * `$patch: delete` are gone, `$…` fields too.
 */
export function dropDirectives(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((item) => !isDeletion(item)).map(dropDirectives);
  if (!isJsonObject(value)) return value;
  const result: JsonObject = {};
  for (const field of Object.keys(value)) {
    const nested = value[field];
    if (isDirective(field) || nested === null || isDeletion(nested)) continue;
    setField(result, field, dropDirectives(nested));
  }
  return result;
}

function isDeletion(value: unknown): boolean {
  return isJsonObject(value) && value["$patch"] === "delete";
}

function isDirective(field: string): boolean {
  return (
    field === "$patch" ||
    field === "$retainKeys" ||
    field.startsWith("$setElementOrder/") ||
    field.startsWith("$deleteFromPrimitiveList/")
  );
}
