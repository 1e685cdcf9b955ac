import type { Tensor, TensorMetadata } from "@ai-edge/inference";

/** A model in memory, whatever its format. */
export interface Model {
  /** The platform name of the protocol's metadata, e.g. `onnx_onnxv1`. */
  platform: string;
  inputs: TensorMetadata[];
  outputs: TensorMetadata[];
  /** Of a table model: the columns of its training table, in order, empty if they had no names. */
  columns?: readonly string[];
  /**
   * Runs the model on inputs that the caller has not checked yet.
   *
   * @throws ProtocolError (400) when names, types or shapes do not fit
   */
  predict(inputs: readonly Tensor[]): Promise<Tensor[]>;
  /** Frees native memory. */
  dispose(): Promise<void>;
}

/** A model file that cannot be served: bad content, unsupported feature. The message is one sentence for the user. */
export class ModelLoadError extends Error {
  override readonly name = "ModelLoadError";
}
