export * from "./condition.ts";
export * from "./deep-equal.ts";
export * from "./field-schema.ts";
export * from "./field-selector.ts";
export * from "./generate-name.ts";
export { checkFieldSet, formatFieldPath, pathsOf, type FieldSet } from "./field-set.ts";
export * from "./json-patch.ts";
export * from "./json-path.ts";
export * from "./json-pointer.ts";
export * from "./json.ts";
export * from "./label-selector.ts";
export * from "./merge-patch.ts";
export {
  managedFieldsOf,
  MAX_FIELD_MANAGER_LENGTH,
  updateManagedFields,
  type FieldWriter,
} from "./managed-fields.ts";
export * from "./merge-keys.ts";
export * from "./names.ts";
export * from "./object.ts";
export * from "./quantity.ts";
export * from "./resource-type.ts";
export * from "./server-side-apply.ts";
export * from "./status.ts";
export * from "./strategic-merge.ts";
