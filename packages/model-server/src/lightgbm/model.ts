import type { Model } from "../model.ts";
import { tableModel } from "../table-model.ts";
import { readBooster } from "./booster.ts";

/**
 * A LightGBM text model, behind one table of numbers (see table-model.ts).
 *
 * @throws ModelLoadError
 */
export function loadLightgbmModel(text: string): Model {
  return tableModel({
    ...readBooster(text),
    platform: "lightgbm_text",
    datatype: "FP64",
    convert: (numbers) => (numbers instanceof Float64Array ? numbers : Float64Array.from(numbers, Number)),
  });
}
