import type { Model } from "../model.ts";
import { tableModel } from "../table-model.ts";
import { readBooster } from "./booster.ts";

/**
 * An XGBoost model, JSON text or UBJSON bytes, behind one table of numbers (see table-model.ts).
 *
 * @throws ModelLoadError
 */
export function loadXgboostModel(model: string | Uint8Array): Model {
  return tableModel({
    ...readBooster(model),
    platform: typeof model === "string" ? "xgboost_json" : "xgboost_ubj",
    datatype: "FP32",
    convert: (numbers) => (numbers instanceof Float32Array ? numbers : Float32Array.from(numbers, Number)),
  });
}
