import type { PrinterColumn } from "@ai-edge/api";
import { isJsonObject, parseJsonPath, queryJsonPath } from "@ai-edge/apimachinery";
import type { Column } from "../resources/resource.ts";
import { ageOf } from "./age.ts";

export const NAME: Column = {
  name: "Name",
  type: "string",
  format: "name",
  description: "Name must be unique within a namespace.",
  cell: (object) => object.metadata.name,
};

export const AGE: Column = {
  name: "Age",
  type: "string",
  description: "CreationTimestamp is a timestamp representing the server time when this object was created.",
  cell: (object, now) => ageOf(object.metadata.creationTimestamp, now),
};

/** For custom kinds without columns of their own: the age as a date, which kubectl turns into a duration. */
const DEFAULT_COLUMNS: readonly Column[] = [NAME, AGE];

/** The columns of a custom kind (`additionalPrinterColumns`). */
export function customColumns(columns: readonly PrinterColumn[] | undefined): readonly Column[] {
  if (columns === undefined || columns.length === 0) return DEFAULT_COLUMNS;
  return [NAME, ...columns.map((column) => customColumn(column))];
}

function customColumn(column: PrinterColumn): Column {
  const { name, type, format, description, priority, jsonPath } = column;
  const path = parseJsonPath(jsonPath);
  return {
    name,
    type,
    ...(format === undefined ? {} : { format }),
    ...(description === undefined ? {} : { description }),
    ...(priority === undefined ? {} : { priority }),
    cell: (object, now) => printCell(queryJsonPath(object, path), type, now),
  };
}

/** As `apiextensions-apiserver/pkg/registry/customresource/tableconvertor`. */
function printCell(values: readonly unknown[], type: string, now: Date): unknown {
  const [first] = values;
  if (first === undefined || first === null) return type === "string" || type === "date" ? "" : null;
  switch (type) {
    case "string":
      return values.length > 1 ? values.map((value) => printScalar(value)).join(",") : printScalar(first);
    case "date":
      return ageOf(first, now);
    case "integer":
      return typeof first === "number" ? Math.trunc(first) : null;
    case "number":
      return typeof first === "number" ? first : null;
    case "boolean":
      return typeof first === "boolean" ? first : null;
    default:
      return null;
  }
}

function printScalar(value: unknown): string {
  return Array.isArray(value) || isJsonObject(value) ? JSON.stringify(value) : String(value);
}
