/**
 * What an objective does to the sum of the leaves, and to the stored base score (XGBoost src/objective): float32 steps,
 * so that answers print as XGBoost's do.
 */
import { ModelLoadError } from "../model.ts";

export interface Objective {
  /** Base score as stored (in the answer's space) to the margin that trees add to. */
  toMargin(score: number): number;
  /** Margins of one row to its answer, in place; returns how many values of `row` the answer keeps. */
  transform(row: Float32Array): number;
}

const { fround } = Math;

function sigmoid(x: number): number {
  // XGBoost clamps the exponent so that expf stays finite (src/common/math.h).
  const exponent = Math.min(-x, 88.7);
  return fround(1 / fround(fround(fround(Math.exp(exponent)) + 1) + fround(1e-16)));
}

const each =
  (apply: (x: number) => number) =>
  (row: Float32Array): number => {
    for (let index = 0; index < row.length; index++) row[index] = apply(row[index] ?? 0);
    return row.length;
  };

function softmax(row: Float32Array): number {
  const max = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  let sum = 0;
  for (let index = 0; index < row.length; index++) {
    row[index] = Math.exp(fround((row[index] ?? 0) - max));
    sum += row[index] ?? 0;
  }
  for (let index = 0; index < row.length; index++) row[index] = (row[index] ?? 0) / fround(sum);
  return row.length;
}

function argmax(row: Float32Array): number {
  let best = 0;
  for (let index = 1; index < row.length; index++) if ((row[index] ?? 0) > (row[best] ?? 0)) best = index;
  row[0] = best;
  return 1;
}

const same = (x: number): number => x;
const identity: Objective = { toMargin: same, transform: (row) => row.length };
const exponential: Objective = { toMargin: Math.log, transform: each(Math.exp) };
const logit = (p: number): number => -Math.log(1 / p - 1);

const OBJECTIVES: ReadonlyMap<string, Objective> = new Map<string, Objective>([
  ["reg:squarederror", identity],
  ["reg:linear", identity],
  ["reg:squaredlogerror", identity],
  ["reg:absoluteerror", identity],
  ["reg:pseudohubererror", identity],
  ["reg:quantileerror", identity],
  ["rank:ndcg", identity],
  ["rank:map", identity],
  ["rank:pairwise", identity],
  ["reg:logistic", { toMargin: logit, transform: each(sigmoid) }],
  ["binary:logistic", { toMargin: logit, transform: each(sigmoid) }],
  // Its base score is a margin already (dmlc/xgboost#6517).
  ["binary:logitraw", identity],
  ["binary:hinge", { toMargin: same, transform: each((x) => (x > 0 ? 1 : 0)) }],
  ["count:poisson", exponential],
  ["reg:gamma", exponential],
  ["reg:tweedie", exponential],
  ["survival:cox", exponential],
  ["survival:aft", exponential],
  ["multi:softprob", { toMargin: same, transform: softmax }],
  ["multi:softmax", { toMargin: same, transform: argmax }],
]);

/** @throws ModelLoadError for an objective that is not known (a custom one has no name that we could apply) */
export function objectiveNamed(name: string): Objective {
  const objective = OBJECTIVES.get(name);
  if (objective === undefined) {
    throw new ModelLoadError(
      `XGBoost model: objective ${JSON.stringify(name.slice(0, 80))} is not supported`,
    );
  }
  return objective;
}
