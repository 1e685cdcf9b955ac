/**
 * TensorFlow Serving's REST predict (v1), row form (`instances` → `predictions`) and column form
 * (`inputs` → `outputs`).
 */
import { isRecord, kindOf, ProtocolError } from "./protocol-error.ts";
import { servingNumber } from "./number-text.ts";
import { halfToNumber } from "./datatype.ts";
import { MAX_RANK, readNested, type Tensor, type TensorMetadata } from "./tensor.ts";

export interface PredictRequest {
  form: "row" | "column";
  tensors: Tensor[];
}

/** The only signature that our models have; TensorFlow's default name for it. */
const DEFAULT_SIGNATURE = "serving_default";

/** `{"b64": "…"}` stands for bytes; everything else passes unchanged. */
function unwrapBytes(value: unknown, depth = 0): unknown {
  if (depth > MAX_RANK) throw new ProtocolError(`nested deeper than ${MAX_RANK} levels`);
  if (Array.isArray(value)) return value.map((element) => unwrapBytes(element, depth + 1));
  if (!isRecord(value)) return value;
  const encoded = value["b64"];
  if (typeof encoded !== "string" || Object.keys(value).length !== 1) {
    throw new ProtocolError('an object inside a tensor must be {"b64": "…"}');
  }
  return Buffer.from(encoded, "base64").toString("latin1");
}

function readTensor(value: unknown, input: TensorMetadata): Tensor {
  const where = `input ${JSON.stringify(input.name)}`;
  const plain = input.datatype === "BYTES" ? unwrapBytes(value) : value;
  return { name: input.name, datatype: input.datatype, ...readNested(plain, input.datatype, where) };
}

function namedTensors(
  values: Record<string, unknown>,
  inputs: readonly TensorMetadata[],
  where: string,
): Tensor[] {
  const expected = inputs.map((input) => input.name);
  for (const name of Object.keys(values)) {
    if (!expected.includes(name)) {
      throw new ProtocolError(
        `${where}: no input ${JSON.stringify(name)}; the model has ${expected.join(", ")}`,
      );
    }
  }
  return inputs.map((input) => {
    if (!Object.hasOwn(values, input.name)) {
      throw new ProtocolError(`${where}: input ${JSON.stringify(input.name)} is missing`);
    }
    return readTensor(values[input.name], input);
  });
}

function rowTensors(instances: unknown, inputs: readonly TensorMetadata[]): Tensor[] {
  if (!Array.isArray(instances)) {
    throw new ProtocolError(`instances: expected a list, got ${kindOf(instances)}`);
  }
  if (instances.length === 0) throw new ProtocolError("instances: the list is empty");
  const [only] = inputs;
  const named = instances.every((row) => isRecord(row) && !("b64" in row));
  if (!named) {
    if (inputs.length !== 1 || only === undefined) {
      throw new ProtocolError(
        "instances: the model has several inputs, so every row must be an object naming them",
      );
    }
    return [readTensor(instances, only)];
  }
  const columns: Record<string, unknown[]> = Object.create(null);
  for (const [index, row] of instances.entries()) {
    if (!isRecord(row)) throw new ProtocolError(`instances[${index}]: expected an object`);
    for (const [name, value] of Object.entries(row)) (columns[name] ??= []).push(value);
  }
  for (const [name, column] of Object.entries(columns)) {
    if (column.length !== instances.length) {
      throw new ProtocolError(`instances: input ${JSON.stringify(name)} is missing in some rows`);
    }
  }
  return namedTensors({ ...columns }, inputs, "instances");
}

/**
 * Checks and decodes the body of `POST /v1/models/{m}:predict` against the model's inputs.
 *
 * @throws ProtocolError (400) naming the field
 */
export function parsePredictRequest(body: unknown, inputs: readonly TensorMetadata[]): PredictRequest {
  if (!isRecord(body)) throw new ProtocolError(`predict request: expected an object, got ${kindOf(body)}`);
  const { signature_name: signature, instances, inputs: columns } = body;
  if (signature !== undefined && signature !== DEFAULT_SIGNATURE && signature !== "") {
    throw new ProtocolError(`signature_name: the model has only ${JSON.stringify(DEFAULT_SIGNATURE)}`);
  }
  if ((instances === undefined) === (columns === undefined)) {
    throw new ProtocolError('exactly one of "instances" (row form) and "inputs" (column form) is needed');
  }
  if (instances !== undefined) return { form: "row", tensors: rowTensors(instances, inputs) };
  if (isRecord(columns) && !("b64" in columns)) {
    return { form: "column", tensors: namedTensors(columns, inputs, "inputs") };
  }
  const [only] = inputs;
  if (inputs.length !== 1 || only === undefined) {
    throw new ProtocolError("inputs: the model has several inputs, so an object naming them is needed");
  }
  return { form: "column", tensors: [readTensor(columns, only)] };
}

function elementTexts(tensor: Tensor): string[] {
  const { data, datatype } = tensor;
  if (Array.isArray(data)) return data.map((text) => JSON.stringify(text));
  const texts: string[] = [];
  for (const element of data) {
    if (datatype === "BOOL") texts.push(element === 0 ? "false" : "true");
    else if (datatype === "FP16") texts.push(servingNumber(halfToNumber(Number(element)), "FP32"));
    else if (datatype === "FP32" || datatype === "FP64") texts.push(servingNumber(Number(element), datatype));
    else texts.push(String(element));
  }
  return texts;
}

/** Nests row-major element texts as `shape` says; a scalar is its own text. */
function nestTexts(texts: readonly string[], shape: readonly number[]): string {
  let level: readonly string[] = texts;
  for (let dimension = shape.length - 1; dimension >= 0; dimension--) {
    const size = shape[dimension] ?? 0;
    const count = shape.slice(0, dimension).reduce((product, length) => product * length, 1);
    level = Array.from(
      { length: count },
      (_, index) => `[${level.slice(index * size, (index + 1) * size).join(", ")}]`,
    );
  }
  return level[0] ?? "[]";
}

function rowTexts(tensor: Tensor): string[] {
  const [rows = 0, ...rest] = tensor.shape;
  const texts = elementTexts(tensor);
  const size = rows === 0 ? 0 : texts.length / rows;
  return Array.from({ length: rows }, (_, row) => nestTexts(texts.slice(row * size, (row + 1) * size), rest));
}

/**
 * The text of a successful predict answer. Text, not an object: the number spelling is part of the contract
 * (see number-text.ts).
 *
 * @throws ProtocolError (500) in row form when the outputs do not share a batch dimension
 */
export function predictResponseText(form: "row" | "column", outputs: readonly Tensor[]): string {
  const [first] = outputs;
  const single = outputs.length === 1 && first !== undefined;
  if (form === "column") {
    if (single) return `{"outputs": ${nestTexts(elementTexts(first), first.shape)}}`;
    const members = outputs.map((o) => `${JSON.stringify(o.name)}: ${nestTexts(elementTexts(o), o.shape)}`);
    return `{"outputs": {${members.join(", ")}}}`;
  }
  const rows = first?.shape[0] ?? 0;
  if (outputs.some((output) => output.shape[0] !== rows)) {
    throw new ProtocolError("the outputs have no common batch dimension; ask in column form", 500);
  }
  const columns = outputs.map(rowTexts);
  const texts = Array.from({ length: rows }, (_, row) =>
    single
      ? (columns[0]?.[row] ?? "null")
      : `{${outputs.map((o, index) => `${JSON.stringify(o.name)}: ${columns[index]?.[row] ?? "null"}`).join(", ")}}`,
  );
  return `{"predictions": [${texts.join(", ")}]}`;
}
