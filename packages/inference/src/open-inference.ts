/**
 * Open Inference Protocol v2, REST: requests, answers and metadata
 * (kserve/open-inference-protocol, specification/protocol/inference_rest.md).
 */
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
  /** Names of the outputs asked for; absent means all. */
  outputs?: string[];
}

export interface InferResponse {
  modelName: string;
  modelVersion?: string;
  id?: string;
  outputs: Tensor[];
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

function parseTensor(value: unknown, where: string): Tensor {
  if (!isRecord(value)) throw new ProtocolError(`${where}: expected an object, got ${kindOf(value)}`);
  const { name } = value;
  if (typeof name !== "string" || name === "") throw new ProtocolError(`${where}.name: missing`);
  const at = `input ${JSON.stringify(name)}`;
  const datatype = parseDatatype(value["datatype"], at);
  const shape = parseShape(value["shape"], at);
  if (!Array.isArray(value["data"])) {
    throw new ProtocolError(`${at}.data: expected a list, got ${kindOf(value["data"])}`);
  }
  const expected = elementCount(shape);
  const present = nestedShape(value["data"], at);
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
  return { name, datatype, shape, data: readNested(value["data"], datatype, at).data };
}

function parseOutputs(value: unknown): string[] {
  if (!Array.isArray(value)) throw new ProtocolError(`outputs: expected a list, got ${kindOf(value)}`);
  if (value.length > MAX_TENSORS) throw new ProtocolError(`outputs: more than ${MAX_TENSORS}`);
  return value.map((output: unknown, index) => {
    const name = isRecord(output) ? output["name"] : undefined;
    if (typeof name !== "string") throw new ProtocolError(`outputs[${index}].name: missing`);
    return name;
  });
}

/**
 * Checks and decodes the body of `POST /v2/models/{m}/infer`.
 *
 * @throws ProtocolError (400) naming the field
 */
export function parseInferRequest(body: unknown): InferRequest {
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
  const tensors = inputs.map((input: unknown, index) => parseTensor(input, `inputs[${index}]`));
  const names = new Set(tensors.map((tensor) => tensor.name));
  if (names.size !== tensors.length) throw new ProtocolError("inputs: two tensors have the same name");
  return {
    ...(id === undefined ? {} : { id }),
    ...(parameters === undefined ? {} : { parameters }),
    inputs: tensors,
    ...(outputs === undefined ? {} : { outputs: parseOutputs(outputs) }),
  };
}

/** The body of a successful `infer` answer, ready for JSON.stringify; `id` is echoed as the protocol demands. */
export function inferResponseBody(response: InferResponse): Record<string, unknown> {
  return {
    model_name: response.modelName,
    ...(response.modelVersion === undefined ? {} : { model_version: response.modelVersion }),
    ...(response.id === undefined ? {} : { id: response.id }),
    outputs: response.outputs.map((output) => ({
      name: output.name,
      shape: output.shape,
      datatype: output.datatype,
      data: jsonElements(output),
    })),
  };
}
