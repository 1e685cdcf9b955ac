import type { JSONSchemaProps } from "@ai-edge/api";
import { type StatusCause, deepEqual, isJsonObject } from "@ai-edge/apimachinery";
import { invalidValue, notSupported, required } from "../rest/errors.ts";

/** Enough to see what is wrong; a hostile object may have a problem per byte. */
const MAX_CAUSES = 50;
/** Patterns come from CRD authors, whom we trust, but are run on input that we do not. */
const MAX_PATTERN_INPUT = 64 * 1024;

/** Problems of a value against a schema, with the messages of kube-openapi's validator. */
export function validateValue(value: unknown, schema: JSONSchemaProps, path: string): StatusCause[] {
  const causes: StatusCause[] = [];
  check(value, schema, path, causes);
  return causes.slice(0, MAX_CAUSES);
}

function check(value: unknown, schema: JSONSchemaProps, path: string, causes: StatusCause[]): void {
  if (causes.length >= MAX_CAUSES) return;
  if (value === undefined) return;
  if (value === null) {
    if (schema.nullable !== true && schema.type !== undefined)
      causes.push(wrongType(path, schema.type, "null"));
    return;
  }
  if (!checkType(value, schema, path, causes)) return;
  checkEnum(value, schema, path, causes);
  if (typeof value === "number") checkNumber(value, schema, path, causes);
  if (typeof value === "string") checkString(value, schema, path, causes);
  if (Array.isArray(value)) checkList(value, schema, path, causes);
  else if (isJsonObject(value)) checkObject(value, schema, path, causes);
  checkCombinations(value, schema, path, causes);
}

function checkType(value: unknown, schema: JSONSchemaProps, path: string, causes: StatusCause[]): boolean {
  if (schema["x-kubernetes-int-or-string"] === true) {
    if (typeof value === "string" || Number.isInteger(value)) return true;
    causes.push(wrongType(path, "integer,string", jsonType(value)));
    return false;
  }
  const { type } = schema;
  if (type === undefined || type === "") return true;
  const actual = jsonType(value);
  if (actual === type || (type === "number" && actual === "integer")) return true;
  causes.push(wrongType(path, type, actual));
  return false;
}

function wrongType(path: string, expected: string, actual: string): StatusCause {
  return {
    reason: "FieldValueTypeInvalid",
    field: path,
    message: `Invalid value: ${JSON.stringify(actual)}: ${path} in body must be of type ${expected}: ${JSON.stringify(actual)}`,
  };
}

function jsonType(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}

function checkEnum(value: unknown, schema: JSONSchemaProps, path: string, causes: StatusCause[]): void {
  if (schema.enum === undefined || schema.enum.some((one) => deepEqual(one, value))) return;
  causes.push(
    notSupported(
      path,
      value,
      schema.enum.map((one) => (typeof one === "string" ? one : JSON.stringify(one))),
    ),
  );
}

function checkNumber(value: number, schema: JSONSchemaProps, path: string, causes: StatusCause[]): void {
  const { minimum, maximum, multipleOf } = schema;
  const fail = (text: string): void => void causes.push(invalidValue(path, value, `${path} in body ${text}`));
  if (minimum !== undefined && (schema.exclusiveMinimum === true ? value <= minimum : value < minimum)) {
    fail(
      schema.exclusiveMinimum === true
        ? `should be greater than ${minimum}`
        : `should be greater than or equal to ${minimum}`,
    );
  }
  if (maximum !== undefined && (schema.exclusiveMaximum === true ? value >= maximum : value > maximum)) {
    fail(
      schema.exclusiveMaximum === true
        ? `should be less than ${maximum}`
        : `should be less than or equal to ${maximum}`,
    );
  }
  if (multipleOf !== undefined && multipleOf !== 0 && value % multipleOf !== 0)
    fail(`should be a multiple of ${multipleOf}`);
}

function checkString(value: string, schema: JSONSchemaProps, path: string, causes: StatusCause[]): void {
  const { minLength, maxLength, pattern, format } = schema;
  const length = Array.from(value).length;
  if (maxLength !== undefined && length > maxLength) {
    causes.push({
      reason: "FieldValueTooLong",
      field: path,
      message: `Too long: may not be more than ${maxLength} bytes`,
    });
  }
  if (minLength !== undefined && length < minLength) {
    causes.push(invalidValue(path, value, `${path} in body should be at least ${minLength} chars long`));
  }
  if (pattern !== undefined && !matchesPattern(value, pattern)) {
    causes.push(invalidValue(path, value, `${path} in body should match '${pattern}'`));
  }
  if (format === "date-time" && Number.isNaN(Date.parse(value))) {
    causes.push(
      invalidValue(path, value, `${path} in body must be of type date-time: ${JSON.stringify(value)}`),
    );
  }
}

/** Go's and JavaScript's expressions differ; one that JavaScript cannot read is not enforced. */
function matchesPattern(value: string, pattern: string): boolean {
  if (value.length > MAX_PATTERN_INPUT) return false;
  try {
    return new RegExp(pattern, "u").test(value);
  } catch {
    return true;
  }
}

function checkList(
  value: readonly unknown[],
  schema: JSONSchemaProps,
  path: string,
  causes: StatusCause[],
): void {
  const { minItems, maxItems, items } = schema;
  if (maxItems !== undefined && value.length > maxItems) {
    causes.push({
      reason: "FieldValueTooMany",
      field: path,
      message: `Too many: ${value.length}: must have at most ${maxItems} items`,
    });
  }
  if (minItems !== undefined && value.length < minItems) {
    causes.push(invalidValue(path, value.length, `${path} in body should have at least ${minItems} items`));
  }
  if (items !== undefined) value.forEach((item, index) => check(item, items, `${path}[${index}]`, causes));
  checkUnique(value, schema, path, causes);
}

function checkUnique(
  value: readonly unknown[],
  schema: JSONSchemaProps,
  path: string,
  causes: StatusCause[],
): void {
  const kind = schema["x-kubernetes-list-type"];
  if (kind !== "set" && kind !== "map" && schema.uniqueItems !== true) return;
  const keys = schema["x-kubernetes-list-map-keys"] ?? [];
  const seen = new Set<string>();
  value.forEach((item, index) => {
    const identity =
      kind === "map" && isJsonObject(item)
        ? Object.fromEntries(keys.map((key) => [key, item[key] ?? schema.items?.properties?.[key]?.default]))
        : item;
    const text = JSON.stringify(identity);
    if (seen.has(text)) {
      causes.push({
        reason: "FieldValueDuplicate",
        field: `${path}[${index}]`,
        message: `Duplicate value: ${text}`,
      });
    }
    seen.add(text);
  });
}

function checkObject(
  value: Record<string, unknown>,
  schema: JSONSchemaProps,
  path: string,
  causes: StatusCause[],
): void {
  const { properties = {}, additionalProperties, minProperties, maxProperties } = schema;
  const prefix = path === "" ? "" : `${path}.`;
  for (const field of schema.required ?? []) {
    if (!Object.hasOwn(value, field) || value[field] === undefined)
      causes.push(required(`${prefix}${field}`));
  }
  for (const [field, child] of Object.entries(value)) {
    if (path === "" && field === "metadata") continue;
    const property = Object.hasOwn(properties, field) ? properties[field] : undefined;
    if (property !== undefined) check(child, property, `${prefix}${field}`, causes);
    else if (isJsonObject(additionalProperties))
      check(child, additionalProperties, `${prefix}${field}`, causes);
  }
  const count = Object.keys(value).length;
  if (maxProperties !== undefined && count > maxProperties) {
    causes.push({
      reason: "FieldValueTooMany",
      field: path,
      message: `Too many: ${count}: must have at most ${maxProperties} items`,
    });
  }
  if (minProperties !== undefined && count < minProperties) {
    causes.push(
      invalidValue(path, count, `${path} in body should have at least ${minProperties} properties`),
    );
  }
}

function checkCombinations(
  value: unknown,
  schema: JSONSchemaProps,
  path: string,
  causes: StatusCause[],
): void {
  const holds = (one: JSONSchemaProps): boolean => validateValue(value, one, path).length === 0;
  for (const one of schema.allOf ?? []) check(value, one, path, causes);
  if (schema.anyOf !== undefined && !schema.anyOf.some(holds)) {
    causes.push(invalidValue(path, value, `${path} in body must validate at least one schema (anyOf)`));
  }
  if (schema.oneOf !== undefined && schema.oneOf.filter(holds).length !== 1) {
    causes.push(invalidValue(path, value, `${path} in body must validate one and only one schema (oneOf)`));
  }
  if (schema.not !== undefined && holds(schema.not)) {
    causes.push(invalidValue(path, value, `${path} in body must not validate the schema (not)`));
  }
}
