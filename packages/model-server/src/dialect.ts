/** The two REST dialects as functions from a request body to an answer text: HTTP and golden requests share them. */
import {
  inferResponseBody,
  parseInferRequest,
  parsePredictRequest,
  predictResponseText,
  ProtocolError,
  type ModelMetadata,
  type Tensor,
} from "@ai-edge/inference";
import type { LoadedModel } from "./repository.ts";

export interface ServedModel extends LoadedModel {
  name: string;
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

/** `POST /v2/models/{m}/infer`. */
export async function infer(served: ServedModel, body: unknown): Promise<string> {
  const request = parseInferRequest(body);
  const unknown = request.outputs?.find(
    (name) => !served.model.outputs.some((output) => output.name === name),
  );
  if (unknown !== undefined) {
    throw new ProtocolError(
      `outputs: no output ${JSON.stringify(unknown)}; the model has ${served.model.outputs.map((o) => o.name).join(", ")}`,
    );
  }
  const outputs = await served.run(request.inputs);
  const { outputs: wanted } = request;
  return JSON.stringify(
    inferResponseBody({
      modelName: served.name,
      modelVersion: served.version,
      ...(request.id === undefined ? {} : { id: request.id }),
      outputs: wanted === undefined ? outputs : outputs.filter((output) => wanted.includes(output.name)),
    }),
  );
}

/** `POST /v1/models/{m}:predict`. */
export async function predict(served: ServedModel, body: unknown): Promise<string> {
  const { form, tensors } = parsePredictRequest(body, served.model.inputs);
  return predictResponseText(form, await served.run(tensors));
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
