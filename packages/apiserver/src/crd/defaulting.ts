import type { JSONSchemaProps } from "@ai-edge/api";
import { isJsonObject, setField } from "@ai-edge/apimachinery";

/** Fills in the defaults of a structural schema (`structuralschema/defaulting`). @param value modified */
export function applyDefaults(value: unknown, schema: JSONSchemaProps): void {
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items === undefined) return;
    value.forEach((item, index) => {
      if (item === null && items.nullable !== true && items.default !== undefined)
        value[index] = copyDefault(items);
      applyDefaults(value[index], items);
    });
    return;
  }
  if (!isJsonObject(value)) return;
  const { properties = {}, additionalProperties } = schema;
  for (const [field, property] of Object.entries(properties)) {
    const present = Object.hasOwn(value, field) ? value[field] : undefined;
    if (present === null && property.nullable !== true) {
      // A null for a field that must not be null counts as absent when there is a default, and is dropped otherwise.
      if (property.default === undefined) continue;
      delete value[field];
    }
    if (value[field] === undefined && property.default !== undefined)
      setField(value, field, copyDefault(property));
    if (Object.hasOwn(value, field)) applyDefaults(value[field], property);
  }
  if (!isJsonObject(additionalProperties)) return;
  for (const [field, child] of Object.entries(value)) {
    if (!Object.hasOwn(properties, field)) applyDefaults(child, additionalProperties);
  }
}

function copyDefault(schema: JSONSchemaProps): unknown {
  return structuredClone(schema.default);
}
