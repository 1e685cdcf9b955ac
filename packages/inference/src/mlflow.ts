/**
 * MLflow's scoring protocol, `POST /invocations` (MLflow documentation, "Local Inference Server Specification"), as
 * MLServer serves it too.
 */
import type { Column } from "./mlmodel.ts";
import { isRecord, kindOf, ProtocolError } from "./protocol-error.ts";
import { jsonElements, readNested, type Tensor, type TensorMetadata } from "./tensor.ts";
import { parsePredictRequest } from "./tensorflow-serving.ts";

const FORMS = ["dataframe_split", "dataframe_records", "instances", "inputs"] as const;

/** What the model says of itself. */
export interface InvocationsModel {
  inputs: readonly TensorMetadata[];
  /** The columns of its signature, or of its training table; undefined when nothing names them. */
  columns: readonly Column[] | undefined;
}

/** Rows of named columns. */
interface Table {
  columns: string[];
  rows: unknown[][];
}

/** Rows of few or no values times many columns must not make more of a body than it is (16 MiB hold 8 million values). */
const MAX_CELLS = 16_000_000;

function checkCells(rows: number, columns: number): void {
  if (rows * columns > MAX_CELLS) {
    throw new ProtocolError(
      `a table of ${rows} rows and ${columns} columns has more than ${MAX_CELLS} values`,
    );
  }
}

function listOf(value: unknown, where: string): unknown[] {
  if (!Array.isArray(value)) throw new ProtocolError(`${where}: expected a list, got ${kindOf(value)}`);
  return value;
}

function splitTable(value: unknown): Table {
  const where = "dataframe_split";
  if (!isRecord(value)) throw new ProtocolError(`${where}: expected an object, got ${kindOf(value)}`);
  const data = listOf(value["data"], `${where}.data`);
  const rows = data.map((row, index) => listOf(row, `${where}.data[${index}]`));
  const width = rows[0]?.length ?? 0;
  // Without columns they are those of the model, in its order.
  const names: unknown[] = value["columns"] === undefined ? [] : listOf(value["columns"], `${where}.columns`);
  const columns = names.map((name) => String(name));
  if (rows.some((row) => row.length !== (columns.length === 0 ? width : columns.length))) {
    throw new ProtocolError(`${where}.data: rows have unequal lengths, or not one value for each column`);
  }
  return { columns, rows };
}

function recordTable(value: unknown, where: string): Table {
  const records = listOf(value, where).map((record, index) => {
    if (!isRecord(record))
      throw new ProtocolError(`${where}[${index}]: expected an object, got ${kindOf(record)}`);
    return record;
  });
  const columns = [...new Set(records.flatMap((record) => Object.keys(record)))];
  checkCells(records.length, columns.length);
  // pandas fills what a record does not say with a missing value.
  const rows = records.map((record) =>
    columns.map((name) => (Object.hasOwn(record, name) ? record[name] : null)),
  );
  return { columns, rows };
}

function columnTable(value: Record<string, unknown>): Table {
  const columns = Object.keys(value);
  const lists = columns.map((name) => listOf(value[name], `inputs ${JSON.stringify(name)}`));
  const length = lists[0]?.length ?? 0;
  if (lists.some((list) => list.length !== length)) {
    throw new ProtocolError("inputs: the columns have unequal lengths");
  }
  return { columns, rows: Array.from({ length }, (_, row) => lists.map((list) => list[row])) };
}

/** Whole numbers may arrive as `1.0`, which JSON does not tell from `1`; anything else must be what the column says. */
function coerce(value: unknown, { name, type, required }: Column): unknown {
  const where = `column ${JSON.stringify(name)}`;
  if (value === null || value === undefined) {
    // An optional column that is not there, or a hole in a table: a missing value.
    if (required && (type === "integer" || type === "long" || type === "boolean")) {
      throw new ProtocolError(`${where}: a missing value is no ${type}`);
    }
    return null;
  }
  if (typeof value === "boolean") return Number(value);
  if ((type === "integer" || type === "long") && typeof value === "number" && !Number.isInteger(value)) {
    throw new ProtocolError(`${where}: ${value} is not a whole number (${type})`);
  }
  return value;
}

/** The table in the order of `wanted`; columns that nobody asked for are left out, as MLflow does. */
function ordered(table: Table, wanted: readonly Column[]): unknown[][] {
  const source = table.columns.length === 0 ? wanted.map(({ name }) => name) : table.columns;
  const places = wanted.map((column) => {
    const place = source.indexOf(column.name);
    if (place === -1 && column.required) {
      throw new ProtocolError(
        `column ${JSON.stringify(column.name)} is missing; the model has ${wanted
          .map((c) => c.name)
          .slice(0, 50)
          .join(", ")}`,
      );
    }
    return { column, place };
  });
  return table.rows.map((row) =>
    places.map(({ column, place }) => coerce(place === -1 ? null : row[place], column)),
  );
}

function tableTensors(table: Table, { inputs, columns }: InvocationsModel): Tensor[] {
  if (table.rows.length === 0) throw new ProtocolError("the table has no rows");
  const rows = columns === undefined ? table.rows : ordered(table, columns);
  const [only, ...others] = inputs;
  if (only !== undefined && others.length === 0) {
    const where = `input ${JSON.stringify(only.name)}`;
    return [{ name: only.name, datatype: only.datatype, ...readNested(rows, only.datatype, where) }];
  }
  // One input per column, as converters make them of a table.
  const names = columns?.map(({ name }) => name) ?? table.columns;
  return inputs.map(({ name, datatype, shape }) => {
    const place = names.indexOf(name);
    if (place === -1) throw new ProtocolError(`column ${JSON.stringify(name)} is missing`);
    const values = rows.map((row) => (shape.length === 2 ? [row[place]] : row[place]));
    return { name, datatype, ...readNested(values, datatype, `column ${JSON.stringify(name)}`) };
  });
}

function isColumns(value: unknown, inputs: readonly TensorMetadata[]): value is Record<string, unknown> {
  return isRecord(value) && !inputs.some(({ name }) => Object.hasOwn(value, name));
}

/**
 * Checks and decodes the JSON body of `POST /invocations`. `params` are accepted and, as by MLflow for models without a
 * params schema, have no effect.
 *
 * @throws ProtocolError (400) naming the field
 */
export function parseInvocations(body: unknown, model: InvocationsModel): Tensor[] {
  if (!isRecord(body)) throw new ProtocolError(`invocation: expected an object, got ${kindOf(body)}`);
  const given = FORMS.filter((form) => body[form] !== undefined);
  const [form] = given;
  if (form === undefined || given.length > 1) {
    throw new ProtocolError(
      `exactly one of ${FORMS.join(", ")} is needed, got ${given.join(", ") || "none"}`,
    );
  }
  const value = body[form];
  if (form === "dataframe_split") return tableTensors(splitTable(value), model);
  if (form === "dataframe_records") return tableTensors(recordTable(value, form), model);
  if (form === "instances") {
    const first: unknown = Array.isArray(value) ? value[0] : undefined;
    if (isColumns(first, model.inputs)) return tableTensors(recordTable(value, form), model);
    return parsePredictRequest({ instances: value }, model.inputs).tensors;
  }
  if (isColumns(value, model.inputs)) return tableTensors(columnTable(value), model);
  return parsePredictRequest({ inputs: value }, model.inputs).tensors;
}

function nested(elements: readonly unknown[], shape: readonly number[]): unknown {
  const [size, ...rest] = shape;
  if (size === undefined) return elements[0] ?? null;
  if (rest.length === 0) return elements;
  const step = size === 0 ? 0 : elements.length / size;
  return Array.from({ length: size }, (_, index) =>
    nested(elements.slice(index * step, (index + 1) * step), rest),
  );
}

/**
 * The body of a successful answer: `{"predictions": …}`, a list for one output, an object of lists for several.
 *
 * @param flat whether an answer of one column is a plain list, as the libraries of tree models answer
 */
export function invocationsResponseBody(outputs: readonly Tensor[], flat: boolean): { predictions: unknown } {
  const values = outputs.map((output): [string, unknown] => {
    const { shape } = output;
    const shown = flat && shape.length === 2 && shape[1] === 1 ? shape.slice(0, 1) : shape;
    return [output.name, nested(jsonElements(output), shown)];
  });
  const [only] = values;
  return { predictions: only !== undefined && values.length === 1 ? only[1] : Object.fromEntries(values) };
}
