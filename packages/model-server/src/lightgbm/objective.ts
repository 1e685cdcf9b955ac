/** What an objective does to the raw scores of one row (ConvertOutput in LightGBM src/objective). */
import { fail } from "./text.ts";

/** In place, one value per class. */
export type Transform = (row: Float64Array) => void;

const each =
  (apply: (x: number) => number): Transform =>
  (row) => {
    for (let index = 0; index < row.length; index++) row[index] = apply(row[index] ?? 0);
  };

const identity: Transform = () => undefined;
const exponential = each(Math.exp);
const sigmoid = (steepness: number): Transform => each((x) => 1 / (1 + Math.exp(-steepness * x)));

const softmax: Transform = (row) => {
  const max = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  let sum = 0;
  for (let index = 0; index < row.length; index++) {
    row[index] = Math.exp((row[index] ?? 0) - max);
    sum += row[index] ?? 0;
  }
  for (let index = 0; index < row.length; index++) row[index] = (row[index] ?? 0) / sum;
};

/** `reg_sqrt` trains on the root of the label's magnitude. */
const squared = each((x) => Math.sign(x) * x * x);

/** `sigmoid:0.7` among the words after the objective's name. */
function steepnessOf(words: readonly string[]): number {
  const text = words.find((word) => word.startsWith("sigmoid:"))?.slice("sigmoid:".length);
  const steepness = Number(text ?? 1);
  if (!(Number.isFinite(steepness) && steepness > 0))
    fail("objective", `sigmoid ${text} is not a positive number`);
  return steepness;
}

/**
 * @param line the header's `objective=` line, e.g. `binary sigmoid:1`; undefined for a custom objective, whose raw scores
 *   are the answer, as in lightgbm itself
 * @throws ModelLoadError for an objective that is not known
 */
export function objectiveOf(line: string | undefined): Transform {
  const [name = "", ...words] = (line ?? "custom").trim().split(/\s+/);
  switch (name) {
    case "regression":
    case "regression_l1":
    case "huber":
    case "fair":
    case "quantile":
    case "mape":
      return words.includes("sqrt") ? squared : identity;
    case "lambdarank":
    case "rank_xendcg":
    case "custom":
      return identity;
    case "poisson":
    case "gamma":
    case "tweedie":
      return exponential;
    case "binary":
    case "multiclassova":
      return sigmoid(steepnessOf(words));
    case "cross_entropy":
      return sigmoid(1);
    case "cross_entropy_lambda":
      return each((x) => Math.log1p(Math.exp(x)));
    case "multiclass":
      return softmax;
    default:
      return fail("objective", `${JSON.stringify(name.slice(0, 80))} is not supported`);
  }
}
