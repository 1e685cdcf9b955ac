import type { Model } from "../model.ts";
import { tableModel } from "../table-model.ts";
import { readBooster } from "./booster.ts";

/**
 * An XGBoost JSON model, behind one table of numbers (see table-model.ts).
 *
 * @throws ModelLoadError
 */
export function loadXgboostModel(text: string): Model {
  return tableModel({
    ...readBooster(text),
    platform: "xgboost_json",
    datatype: "FP32",
    convert: (numbers) => (numbers instanceof Float32Array ? numbers : Float32Array.from(numbers, Number)),
  });
}
