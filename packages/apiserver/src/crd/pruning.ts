import type { JSONSchemaProps } from "@ai-edge/api";
import { isJsonObject } from "@ai-edge/apimachinery";

const OBJECT_FIELDS: ReadonlySet<string> = new Set(["apiVersion", "kind", "metadata"]);

/**
 * Removes the fields that a structural schema does not know (`structuralschema/pruning`).
 * @param value modified
 * @param unknown collects the paths of what was removed
 * @param isObject true at the root and for embedded resources, whose object fields are always known
 */
export function prune(
  value: unknown,
  schema: JSONSchemaProps,
  path: string,
  unknown: string[],
  isObject = schema["x-kubernetes-embedded-resource"] === true,
): void {
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items !== undefined) value.forEach((item, index) => prune(item, items, `${path}[${index}]`, unknown));
    return;
  }
  if (!isJsonObject(value)) return;
  const { properties = {}, additionalProperties } = schema;
  const preserve = schema["x-kubernetes-preserve-unknown-fields"] === true;
  for (const [field, child] of Object.entries(value)) {
    const childPath = path === "" ? field : `${path}.${field}`;
    if (isObject && OBJECT_FIELDS.has(field)) continue;
    const property = Object.hasOwn(properties, field) ? properties[field] : undefined;
    if (property !== undefined) prune(child, property, childPath, unknown);
    else if (isJsonObject(additionalProperties)) prune(child, additionalProperties, childPath, unknown);
    else if (!preserve && additionalProperties !== true) {
      delete value[field];
      unknown.push(childPath);
    }
  }
}
