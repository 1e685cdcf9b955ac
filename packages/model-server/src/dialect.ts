/** The two REST dialects as functions from a request body to an answer text: HTTP and golden requests share them. */
import {
  inferResponseBinary,
  inferResponseBody,
  invocationsResponseBody,
  parseInferRequest,
  parseInvocations,
  parsePredictRequest,
  predictResponseText,
  ProtocolError,
  type ModelMetadata,
  type Tensor,
} from "@ai-edge/inference";
import type { LoadedModel } from "./repository.ts";

export interface ServedModel extends LoadedModel {
  name: string;
  /** Refuses before the work of reading a request. @throws ProtocolError 429 under overload */
  admit(): void;
  /** Runs the model and records the time it took. */
  run(inputs: readonly Tensor[]): Promise<Tensor[]>;
}

export function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (error) {
    const reason = error instanceof Error ? error.message : "unreadable";
    // V8 quotes a piece of the text; payloads belong in no log and no answer.
    throw new ProtocolError(
      `body is not JSON: ${reason
        .replace(/,? ".*$/s, "")
        .replace(/'.*$/s, "")
        .trim()}`,
    );
  }
}

/** Open Inference Protocol metadata of the model. */
export function modelMetadata(served: ServedModel): ModelMetadata {
  const { platform, inputs, outputs } = served.model;
  return { name: served.name, versions: [served.version], platform, inputs, outputs };
}

/** An answer of the Open Inference Protocol; `binary` follows `text` when it is not empty. */
export interface InferAnswer {
  text: string;
  binary: Uint8Array[];
}

/** Parameters that steer the answer's form and say nothing in it. */
const REQUEST_ONLY_PARAMETERS = new Set(["binary_data_output"]);

function echoed(parameters: Record<string, unknown> = {}): Record<string, unknown> | undefined {
  const entries = Object.entries(parameters).filter(([name]) => !REQUEST_ONLY_PARAMETERS.has(name));
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

/**
 * `POST /v2/models/{m}/infer`.
 *
 * @param raw the binary part of the body, where the request has the extension's header
 */
export async function infer(served: ServedModel, body: unknown, raw?: Uint8Array): Promise<InferAnswer> {
  const request = parseInferRequest(body, raw);
  const { outputs: wanted, binaryOutput = false } = request;
  const unknown = wanted?.find(({ name }) => !served.model.outputs.some((output) => output.name === name));
  if (unknown !== undefined) {
    throw new ProtocolError(
      `outputs: no output ${JSON.stringify(unknown.name)}; the model has ${served.model.outputs.map((o) => o.name).join(", ")}`,
    );
  }
  const all = await served.run(request.inputs);
  const asked = (name: string): boolean =>
    wanted === undefined || wanted.some((output) => output.name === name);
  const isBinary = (name: string): boolean =>
    wanted?.find((output) => output.name === name)?.binary ?? binaryOutput;
  const outputs = all.filter(({ name }) => asked(name));
  const parameters = echoed(request.parameters);
  const response = {
    modelName: served.name,
    modelVersion: served.version,
    ...(request.id === undefined ? {} : { id: request.id }),
    ...(parameters === undefined ? {} : { parameters }),
    outputs,
    binary: new Set(outputs.map(({ name }) => name).filter(isBinary)),
  };
  return { text: JSON.stringify(inferResponseBody(response)), binary: inferResponseBinary(response) };
}

/** `POST /v1/models/{m}:predict`. */
export async function predict(served: ServedModel, body: unknown): Promise<string> {
  const { form, tensors } = parsePredictRequest(body, served.model.inputs);
  return predictResponseText(form, await served.run(tensors));
}

/**
 * `POST /invocations`, MLflow's dialect; columns come in the order of the signature, else of the training table.
 *
 * @throws ProtocolError 404 where no MLmodel stands beside the model
 */
export async function invoke(served: ServedModel, body: unknown): Promise<string> {
  const { inputs, columns: names = [] } = served.model;
  if (served.mlflow === undefined) {
    throw new ProtocolError(
      `/invocations is for MLflow models, and no MLmodel stands beside ${served.name}; use /v2/models/${served.name}/infer`,
      404,
    );
  }
  const trained = names.map((name) => ({ name, type: "double", required: true }));
  const columns = served.mlflow.columns ?? (trained.length === 0 ? undefined : trained);
  const outputs = await served.run(parseInvocations(body, { inputs, columns }));
  return JSON.stringify(invocationsResponseBody(outputs, served.model.columns !== undefined));
}

/** TensorFlow's type names in its metadata. */
const TENSORFLOW_TYPES: Readonly<Record<string, string>> = {
  BOOL: "DT_BOOL",
  FP16: "DT_HALF",
  FP32: "DT_FLOAT",
  FP64: "DT_DOUBLE",
  BYTES: "DT_STRING",
};

function signatureTensors(tensors: ModelMetadata["inputs"]): Record<string, unknown> {
  return Object.fromEntries(
    tensors.map(({ name, datatype, shape }) => [
      name,
      {
        dtype: TENSORFLOW_TYPES[datatype] ?? `DT_${datatype}`,
        tensorShape: { dim: shape.map((size) => ({ size: String(size), name: "" })), unknownRank: false },
        name,
      },
    ]),
  );
}

/** `GET /v1/models/{m}/metadata`. */
export function servingMetadata(served: ServedModel): Record<string, unknown> {
  return {
    modelSpec: { name: served.name, signatureName: "", version: served.version },
    metadata: {
      signature_def: {
        signatureDef: {
          serving_default: {
            inputs: signatureTensors(served.model.inputs),
            outputs: signatureTensors(served.model.outputs),
            methodName: "tensorflow/serving/predict",
          },
        },
      },
    },
  };
}

/** `GET /v1/models/{m}`. */
export function servingStatus(served: ServedModel): Record<string, unknown> {
  return {
    model_version_status: [
      { version: served.version, state: "AVAILABLE", status: { error_code: "OK", error_message: "OK" } },
    ],
  };
}
