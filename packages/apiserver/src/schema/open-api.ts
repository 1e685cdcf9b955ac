import type { Field, FieldType, MessageType, ScalarCode, TypeTable } from "./type-table.ts";

const SCALARS: Record<ScalarCode, Record<string, unknown>> = {
  s: { type: "string" },
  b: { type: "boolean" },
  i: { type: "integer", format: "int64" },
  d: { type: "number", format: "double" },
  y: { type: "string", format: "byte" },
  q: { type: "string" },
  t: { type: "string", format: "date-time" },
  T: { type: "string", format: "date-time" },
  D: { type: "string" },
  f: { type: "object" },
  x: { type: "string", format: "int-or-string" },
  r: { type: "object" },
  L: { type: "array", items: { type: "string" } },
};

/** Types contain themselves only through JSON, but a bound costs nothing. */
const MAX_DEPTH = 24;

/** The OpenAPI v3 schema of a kind, with everything in place (no references). */
export function openApiOf(type: MessageType, table: TypeTable, depth = 0): Record<string, unknown> {
  if (depth > MAX_DEPTH) return { type: "object" };
  const fields = [...type.byName.values()];
  const required = fields.filter((field) => field.isRequired).map((field) => field.name);
  const identity = depth === 0 ? { apiVersion: { type: "string" }, kind: { type: "string" } } : {};
  return {
    type: "object",
    properties: {
      ...identity,
      ...Object.fromEntries(fields.map((field) => [field.name, fieldSchema(field, table, depth)])),
    },
    ...(required.length === 0 ? {} : { required }),
  };
}

function fieldSchema({ type }: Field, table: TypeTable, depth: number): Record<string, unknown> {
  if (type.container === "list") return { type: "array", items: valueSchema(type, table, depth) };
  if (type.container === "map")
    return { type: "object", additionalProperties: valueSchema(type, table, depth) };
  return valueSchema(type, table, depth);
}

function valueSchema(type: FieldType, table: TypeTable, depth: number): Record<string, unknown> {
  if (type.scalar !== undefined) return SCALARS[type.scalar];
  const message = table.find(type.message ?? "");
  return message === undefined ? { type: "object" } : openApiOf(message, table, depth + 1);
}
