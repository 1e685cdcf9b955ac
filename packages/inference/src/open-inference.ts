/**
 * Open Inference Protocol v2, REST: requests, answers and metadata
 * (kserve/open-inference-protocol, specification/protocol/inference_rest.md).
 */
import { BinaryPart, tensorBytes } from "./binary-tensor.ts";
import { isDatatype, type Datatype } from "./datatype.ts";
import { isRecord, kindOf, ProtocolError } from "./protocol-error.ts";
import {
  elementCount,
  jsonElements,
  MAX_RANK,
  nestedShape,
  readNested,
  type Tensor,
  type TensorMetadata,
} from "./tensor.ts";

export interface InferRequest {
  id?: string;
  parameters?: Record<string, unknown>;
  inputs: Tensor[];
  /** The outputs asked for; absent means all. */
  outputs?: RequestedOutput[];
  /** Whether outputs that say nothing themselves are sent as binary data. */
  binaryOutput?: boolean;
}

interface RequestedOutput {
  name: string;
  /** Whether it is sent as binary data; absent means as the request says. */
  binary?: boolean;
}

export interface InferResponse {
  modelName: string;
  modelVersion?: string;
  id?: string;
  /** Echoed from the request. */
  parameters?: Record<string, unknown>;
  outputs: Tensor[];
  /** Names of the outputs that are sent as binary data. */
  binary?: ReadonlySet<string>;
}

export interface ModelMetadata {
  name: string;
  versions: string[];
  platform: string;
  inputs: TensorMetadata[];
  outputs: TensorMetadata[];
}

/** More named tensors than any model here has: a bound on work per request, not on models. */
const MAX_TENSORS = 256;

function parseShape(value: unknown, where: string): number[] {
  if (!Array.isArray(value))
    throw new ProtocolError(`${where}.shape: expected a list of sizes, got ${kindOf(value)}`);
  if (value.length > MAX_RANK) throw new ProtocolError(`${where}.shape: more than ${MAX_RANK} dimensions`);
  return value.map((size: unknown) => {
    if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
      throw new ProtocolError(
        `${where}.shape: ${JSON.stringify(size)} is not a size (a whole number, 0 or more)`,
      );
    }
    return size;
  });
}

function parseDatatype(value: unknown, where: string): Datatype {
  if (!isDatatype(value)) {
    throw new ProtocolError(
      `${where}.datatype: ${JSON.stringify(value) ?? "nothing"} is not a tensor datatype`,
    );
  }
  return value;
}

function jsonData(data: unknown, datatype: Datatype, shape: readonly number[], at: string): Tensor["data"] {
  if (!Array.isArray(data)) throw new ProtocolError(`${at}.data: expected a list, got ${kindOf(data)}`);
  const expected = elementCount(shape);
  const present = nestedShape(data, at);
  // Row-major data may be nested as the shape says, or flat; a flat list of one dimension is both.
  if (present.length > 1 && present.join() !== shape.join()) {
    throw new ProtocolError(
      `${at}: data is nested as [${present.join(",")}], shape says [${shape.join(",")}]`,
    );
  }
  if (elementCount(present) !== expected) {
    throw new ProtocolError(
      `${at}: data has ${elementCount(present)} elements, shape [${shape.join(",")}] needs ${expected}`,
    );
  }
  return readNested(data, datatype, at).data;
}

/** `binary_data_size` of a tensor's parameters, in bytes. */
function binarySize(parameters: unknown, at: string): number | undefined {
  const size = isRecord(parameters) ? parameters["binary_data_size"] : undefined;
  if (size === undefined) return undefined;
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
    throw new ProtocolError(
      `${at}.parameters.binary_data_size: expected a number of bytes, got ${kindOf(size)}`,
    );
  }
  return size;
}

function parseTensor(value: unknown, where: string, part: BinaryPart | undefined): Tensor {
  if (!isRecord(value)) throw new ProtocolError(`${where}: expected an object, got ${kindOf(value)}`);
  const { name } = value;
  if (typeof name !== "string" || name === "") throw new ProtocolError(`${where}.name: missing`);
  const at = `input ${JSON.stringify(name)}`;
  const datatype = parseDatatype(value["datatype"], at);
  const shape = parseShape(value["shape"], at);
  const size = binarySize(value["parameters"], at);
  if (size !== undefined && part === undefined) {
    throw new ProtocolError(`${at}: binary data needs the header Inference-Header-Content-Length`);
  }
  if (size !== undefined && value["data"] !== undefined) {
    throw new ProtocolError(`${at}: has both data and binary_data_size`);
  }
  const isBinary = part !== undefined && value["data"] === undefined;
  const data = isBinary ? part.next(datatype, shape, size, at) : jsonData(value["data"], datatype, shape, at);
  return { name, datatype, shape, data };
}

/** A parameter of the binary extension that is true or false. */
function flagAt(parameters: unknown, key: string, where: string): boolean | undefined {
  const value = isRecord(parameters) ? parameters[key] : undefined;
  if (value !== undefined && typeof value !== "boolean") {
    throw new ProtocolError(`${where}.parameters.${key}: expected true or false, got ${kindOf(value)}`);
  }
  return value;
}

function parseOutputs(value: unknown): RequestedOutput[] {
  if (!Array.isArray(value)) throw new ProtocolError(`outputs: expected a list, got ${kindOf(value)}`);
  if (value.length > MAX_TENSORS) throw new ProtocolError(`outputs: more than ${MAX_TENSORS}`);
  return value.map((output: unknown, index) => {
    const name = isRecord(output) ? output["name"] : undefined;
    if (typeof name !== "string") throw new ProtocolError(`outputs[${index}].name: missing`);
    const binary = flagAt(
      isRecord(output) ? output["parameters"] : undefined,
      "binary_data",
      `outputs[${index}]`,
    );
    return { name, ...(binary === undefined ? {} : { binary }) };
  });
}

/**
 * Checks and decodes the body of `POST /v2/models/{m}/infer`.
 *
 * @param binary what follows the JSON, where the header of the binary tensor extension is given
 * @throws ProtocolError (400) naming the field
 */
export function parseInferRequest(body: unknown, binary?: Uint8Array): InferRequest {
  if (!isRecord(body)) throw new ProtocolError(`inference request: expected an object, got ${kindOf(body)}`);
  const { id, parameters, inputs, outputs } = body;
  if (id !== undefined && typeof id !== "string") {
    throw new ProtocolError(`id: expected a string, got ${kindOf(id)}`);
  }
  if (parameters !== undefined && !isRecord(parameters)) {
    throw new ProtocolError(`parameters: expected an object, got ${kindOf(parameters)}`);
  }
  if (!Array.isArray(inputs)) throw new ProtocolError(`inputs: expected a list, got ${kindOf(inputs)}`);
  if (inputs.length > MAX_TENSORS) throw new ProtocolError(`inputs: more than ${MAX_TENSORS}`);
  const part = binary === undefined ? undefined : new BinaryPart(binary);
  const tensors = inputs.map((input: unknown, index) => parseTensor(input, `inputs[${index}]`, part));
  part?.end();
  const names = new Set(tensors.map((tensor) => tensor.name));
  if (names.size !== tensors.length) throw new ProtocolError("inputs: two tensors have the same name");
  const binaryOutput = flagAt(parameters, "binary_data_output", "request");
  return {
    ...(id === undefined ? {} : { id }),
    ...(parameters === undefined ? {} : { parameters }),
    ...(binaryOutput === undefined ? {} : { binaryOutput }),
    inputs: tensors,
    ...(outputs === undefined ? {} : { outputs: parseOutputs(outputs) }),
  };
}

/**
 * The JSON of a successful `infer` answer, ready for JSON.stringify; `id` is echoed as the protocol demands. Outputs in
 * `binary` have only their size here: {@link inferResponseBinary} has their elements.
 */
export function inferResponseBody(response: InferResponse): Record<string, unknown> {
  return {
    model_name: response.modelName,
    ...(response.modelVersion === undefined ? {} : { model_version: response.modelVersion }),
    ...(response.id === undefined ? {} : { id: response.id }),
    ...(response.parameters === undefined ? {} : { parameters: response.parameters }),
    outputs: response.outputs.map((output) => {
      const { name, shape, datatype } = output;
      const isBinary = response.binary?.has(name) === true;
      return isBinary
        ? { name, shape, datatype, parameters: { binary_data_size: tensorBytes(output).length } }
        : { name, shape, datatype, data: jsonElements(output) };
    }),
  };
}

/** What follows the JSON of an answer: the binary outputs, in order; empty when there are none. */
export function inferResponseBinary({ outputs, binary }: InferResponse): Uint8Array[] {
  return outputs.filter(({ name }) => binary?.has(name) === true).map(tensorBytes);
}
