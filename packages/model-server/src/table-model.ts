/** What tree models have in common: one table of numbers in, one row of answers per row. */
import { ProtocolError, type Datatype, type Tensor } from "@ai-edge/inference";
import type { Model } from "./model.ts";

/** The names that MLServer's XGBoost and LightGBM runtimes use. */
const INPUT_NAME = "input-0";
const OUTPUT_NAME = "predict";

interface TableModelOptions<Values extends Float32Array | Float64Array> {
  platform: string;
  /** The precision that the library computes in. */
  datatype: Datatype;
  /** Any numbers to that precision. */
  convert(numbers: Iterable<number | bigint>): Values;
  featureCount: number;
  /** Column names of the training table, empty if it had none. */
  featureNames: readonly string[];
  outputsPerRow: number;
  /** Answers for `rows` rows of row-major features, row-major. */
  predict(features: Values, rows: number): Values;
}

function numbersOf(tensor: Tensor, wanted: Datatype): Iterable<number | bigint> {
  const { data, datatype } = tensor;
  if (!Array.isArray(data) && datatype !== "FP16") return data;
  throw new ProtocolError(`input ${JSON.stringify(tensor.name)}: ${datatype} is not numeric; send ${wanted}`);
}

/**
 * A model that takes one tensor `[rows, features]` of any numeric type and any name, as MLServer does; null (NaN) is a
 * missing value.
 */
export function tableModel<Values extends Float32Array | Float64Array>(
  options: TableModelOptions<Values>,
): Model {
  const { platform, datatype, featureCount, featureNames, outputsPerRow } = options;
  return {
    platform,
    columns: featureNames,
    inputs: [{ name: INPUT_NAME, datatype, shape: [-1, featureCount] }],
    outputs: [{ name: OUTPUT_NAME, datatype, shape: [-1, outputsPerRow] }],
    predict(inputs) {
      const [input] = inputs;
      if (input === undefined || inputs.length !== 1) {
        throw new ProtocolError(`inputs: expected one tensor, got ${inputs.length}`);
      }
      const [rows = 0, columns] = input.shape;
      if (input.shape.length !== 2 || columns !== featureCount) {
        const names = featureNames.length === 0 ? "" : ` (${featureNames.join(", ")})`;
        throw new ProtocolError(
          `input ${JSON.stringify(input.name)}: shape [${input.shape.join(",")}] is not [rows, ${featureCount}]${names.slice(0, 500)}`,
        );
      }
      const data = options.predict(options.convert(numbersOf(input, datatype)), rows);
      return Promise.resolve([{ name: OUTPUT_NAME, datatype, shape: [rows, outputsPerRow], data }]);
    },
    dispose: () => Promise.resolve(),
  };
}
