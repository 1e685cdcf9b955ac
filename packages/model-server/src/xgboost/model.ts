import { ProtocolError, type Tensor } from "@ai-edge/inference";
import type { Model } from "../model.ts";
import { readBooster } from "./booster.ts";

/** The names that MLServer's XGBoost runtime uses. */
const INPUT_NAME = "input-0";
const OUTPUT_NAME = "predict";

function float32(tensor: Tensor): Float32Array {
  const { data, datatype } = tensor;
  if (data instanceof Float32Array) return data;
  if (Array.isArray(data) || datatype === "FP16") {
    throw new ProtocolError(`input ${JSON.stringify(tensor.name)}: ${datatype} is not numeric; send FP32`);
  }
  return Float32Array.from(data, Number);
}

/**
 * An XGBoost JSON model. Takes one tensor `[rows, features]` of any numeric type and any name, as MLServer does; null
 * (NaN) is a missing value.
 *
 * @throws ModelLoadError
 */
export function loadXgboostModel(text: string): Model {
  const booster = readBooster(text);
  const { featureCount, outputsPerRow } = booster;
  return {
    platform: "xgboost_json",
    inputs: [{ name: INPUT_NAME, datatype: "FP32", shape: [-1, featureCount] }],
    outputs: [{ name: OUTPUT_NAME, datatype: "FP32", shape: [-1, outputsPerRow] }],
    predict(inputs) {
      const [input] = inputs;
      if (input === undefined || inputs.length !== 1) {
        throw new ProtocolError(`inputs: expected one tensor, got ${inputs.length}`);
      }
      const [rows = 0, columns] = input.shape;
      if (input.shape.length !== 2 || columns !== featureCount) {
        const names = booster.featureNames.length === 0 ? "" : ` (${booster.featureNames.join(", ")})`;
        throw new ProtocolError(
          `input ${JSON.stringify(input.name)}: shape [${input.shape.join(",")}] is not [rows, ${featureCount}]${names.slice(0, 500)}`,
        );
      }
      const data = booster.predict(float32(input), rows);
      return Promise.resolve([{ name: OUTPUT_NAME, datatype: "FP32", shape: [rows, outputsPerRow], data }]);
    },
    dispose: () => Promise.resolve(),
  };
}
