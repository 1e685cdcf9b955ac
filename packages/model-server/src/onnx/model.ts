import {
  elementCount,
  ProtocolError,
  shapeFits,
  type Datatype,
  type Tensor,
  type TensorMetadata,
} from "@ai-edge/inference";
import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { ModelLoadError, type Model } from "../model.ts";

/** ONNX Runtime's element type names and ours. */
const TYPES: readonly (readonly [OrtTensor.Type, Datatype])[] = [
  ["bool", "BOOL"],
  ["uint8", "UINT8"],
  ["uint16", "UINT16"],
  ["uint32", "UINT32"],
  ["uint64", "UINT64"],
  ["int8", "INT8"],
  ["int16", "INT16"],
  ["int32", "INT32"],
  ["int64", "INT64"],
  ["float16", "FP16"],
  ["float32", "FP32"],
  ["float64", "FP64"],
  ["string", "BYTES"],
];

/**
 * One thread per inference: small models gain nothing from more, and the sites have two cores. The memory arena is off
 * because it keeps the largest request's memory for ever.
 */
const SESSION_OPTIONS: InferenceSession.SessionOptions = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: "sequential",
  enableCpuMemArena: false,
  logSeverityLevel: 3,
};

function ourType(type: string, where: string): Datatype {
  const found = TYPES.find(([name]) => name === type);
  if (found === undefined)
    throw new ModelLoadError(`ONNX model: ${where} has the type ${type}, which is not supported`);
  return found[1];
}

function ortType(datatype: Datatype): OrtTensor.Type {
  return TYPES.find(([, name]) => name === datatype)?.[0] ?? "float32";
}

function tensorMetadata(metadata: readonly InferenceSession.ValueMetadata[], kind: string): TensorMetadata[] {
  return metadata.map((value) => {
    if (!value.isTensor) {
      throw new ModelLoadError(
        `ONNX model: ${kind} ${value.name} is not a tensor; convert scikit-learn models with options={"zipmap": False}`,
      );
    }
    const shape = value.shape.map((size) => (typeof size === "number" ? size : -1));
    return { name: value.name, datatype: ourType(value.type, `${kind} ${value.name}`), shape };
  });
}

/** Checks names, types and shapes, so that the runtime's own C++ messages never reach a client. */
function checkInputs(inputs: readonly Tensor[], declared: readonly TensorMetadata[]): void {
  for (const tensor of inputs) {
    const at = `input ${JSON.stringify(tensor.name)}`;
    const expected = declared.find(({ name }) => name === tensor.name);
    if (expected === undefined) {
      throw new ProtocolError(`${at}: unknown; the model has ${declared.map(({ name }) => name).join(", ")}`);
    }
    if (tensor.datatype !== expected.datatype) {
      throw new ProtocolError(`${at}: ${tensor.datatype} is not ${expected.datatype}`);
    }
    if (!shapeFits(tensor.shape, expected.shape)) {
      const [got, want] = [tensor.shape.join(","), expected.shape.join(",")];
      throw new ProtocolError(`${at}: shape [${got}] does not fit [${want}]`);
    }
    if (elementCount(tensor.shape) === 0) throw new ProtocolError(`${at}: is empty`);
  }
  const missing = declared.find(({ name }) => !inputs.some((tensor) => tensor.name === name));
  if (missing !== undefined) throw new ProtocolError(`input ${JSON.stringify(missing.name)}: missing`);
}

function ourData(tensor: OrtTensor, where: string): Tensor["data"] {
  const { data } = tensor;
  if (Array.isArray(data)) return data.map(String);
  if (data instanceof Uint8ClampedArray) return Uint8Array.from(data);
  if (
    data instanceof Uint8Array ||
    data instanceof Uint16Array ||
    data instanceof Uint32Array ||
    data instanceof BigUint64Array ||
    data instanceof Int8Array ||
    data instanceof Int16Array ||
    data instanceof Int32Array ||
    data instanceof BigInt64Array ||
    data instanceof Float32Array ||
    data instanceof Float64Array
  ) {
    return data;
  }
  throw new ProtocolError(`output ${where} has a type that is not supported`, 500);
}

/**
 * An ONNX model on ONNX Runtime. The runtime is loaded only here, so that a server of another format stays small.
 *
 * @throws ModelLoadError when the runtime refuses the file
 */
export async function loadOnnxModel(bytes: Uint8Array): Promise<Model> {
  // ONNX Runtime 1.30 has a telemetry client of its own that looks for a CA bundle and uploads; its switch is read when
  // the native library starts, so it has to be set before the import.
  process.env["ORT_DISABLE_TELEMETRY"] = "1";
  const ort = await import("onnxruntime-node");
  let session: InferenceSession;
  try {
    session = await ort.InferenceSession.create(bytes, SESSION_OPTIONS);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ModelLoadError(`ONNX model: ONNX Runtime refuses it: ${reason.slice(0, 500)}`);
  }
  const inputs = tensorMetadata(session.inputMetadata, "input");
  const outputs = tensorMetadata(session.outputMetadata, "output");
  return {
    platform: "onnx_onnxv1",
    inputs,
    outputs,
    async predict(given) {
      checkInputs(given, inputs);
      const feeds = Object.fromEntries(
        given.map((tensor) => [
          tensor.name,
          new ort.Tensor(ortType(tensor.datatype), tensor.data, tensor.shape),
        ]),
      );
      const results = await session.run(feeds);
      return outputs.map(({ name, datatype }) => {
        const result = results[name];
        if (result === undefined) throw new ProtocolError(`output ${name} is missing`, 500);
        return { name, datatype, shape: [...result.dims], data: ourData(result, name) };
      });
    },
    dispose: () => session.release(),
  };
}
