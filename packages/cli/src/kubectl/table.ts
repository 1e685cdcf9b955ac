import { isJsonObject } from "@ai-edge/apimachinery";

/** A `meta.k8s.io/v1` Table, as far as printing needs it. */
export interface Table {
  columns: { name: string; priority: number }[];
  rows: { cells: string[]; namespace: string }[];
  resourceVersion: string;
}

/** kubectl separates columns by three spaces. */
const GAP = 3;

/** Reads a Table answer; undefined when the server sent something else. */
export function parseTable(value: unknown): Table | undefined {
  if (!isJsonObject(value) || value["kind"] !== "Table") return undefined;
  const metadata = isJsonObject(value["metadata"]) ? value["metadata"] : {};
  return {
    columns: list(value["columnDefinitions"]).map((column) => ({
      name: isJsonObject(column) ? String(column["name"]) : "",
      priority: isJsonObject(column) && typeof column["priority"] === "number" ? column["priority"] : 0,
    })),
    rows: list(value["rows"]).map((row) => ({
      cells: isJsonObject(row) ? list(row["cells"]).map(cell) : [],
      namespace: namespaceOf(row),
    })),
    resourceVersion: typeof metadata["resourceVersion"] === "string" ? metadata["resourceVersion"] : "",
  };
}

export interface TableStyle {
  /** Also the columns that are meant for wide output. */
  wide: boolean;
  /** A NAMESPACE column first. */
  namespaces: boolean;
  headers: boolean;
  /** Put before each name, when several kinds are printed. */
  prefix: string;
}

/** The lines of a table, aligned. @param widths the columns' widths so far; they grow, so that a watch stays aligned */
export function formatTable(table: Table, style: TableStyle, widths: number[] = []): string[] {
  const shown = table.columns.map(({ priority }) => priority === 0 || style.wide);
  const pick = (cells: readonly string[]): string[] => cells.filter((_, index) => shown[index] === true);
  const header = pick(table.columns.map(({ name }) => name.toUpperCase()));
  const lines = table.rows.map(({ cells, namespace }) => {
    const [name = "", ...others] = pick(cells);
    const row = [`${style.prefix}${name}`, ...others];
    return style.namespaces ? [namespace, ...row] : row;
  });
  if (style.headers) lines.unshift(style.namespaces ? ["NAMESPACE", ...header] : header);
  for (const line of lines) {
    for (const [index, text] of line.entries()) widths[index] = Math.max(widths[index] ?? 0, text.length);
  }
  return lines.map((line) =>
    line
      .map((text, index) => (index === line.length - 1 ? text : text.padEnd((widths[index] ?? 0) + GAP)))
      .join(""),
  );
}

function cell(value: unknown): string {
  if (value === null || value === undefined || value === "") return "";
  // A cell is one line, as kubectl prints it.
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const end = text.indexOf("\n");
  return end < 0 ? text : `${text.slice(0, end)}...`;
}

function namespaceOf(row: unknown): string {
  const object = isJsonObject(row) ? row["object"] : undefined;
  const metadata = isJsonObject(object) ? object["metadata"] : undefined;
  const namespace = isJsonObject(metadata) ? metadata["namespace"] : undefined;
  return typeof namespace === "string" ? namespace : "";
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
