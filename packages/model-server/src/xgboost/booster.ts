/** An XGBoost booster read from its JSON or UBJSON form, evaluated in float32 as XGBoost's own CPU predictor does. */
import { ModelLoadError } from "../model.ts";
import { readScores, type AddScores } from "./forest.ts";
import { countAt, fail, objectAt, stringAt, type JsonObject } from "./json.ts";
import { objectiveNamed, type Objective } from "./objective.ts";
import { parseUbjson } from "./ubjson.ts";

export interface Booster {
  featureCount: number;
  /** Feature names of the training table, empty if it had none. */
  featureNames: string[];
  /** Values per row of an answer: 1, or one per class or target. */
  outputsPerRow: number;
  /** Answers for `rows` rows of row-major features (NaN = missing), row-major. */
  predict(features: Float32Array, rows: number): Float32Array;
}

/** A model with more answers per row would allocate without need; XGBoost users have at most thousands of classes. */
const MAX_GROUPS = 65_536;
const MAX_FEATURES = 1_000_000;

function parse(text: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ModelLoadError(
      `XGBoost model: not JSON (${error instanceof Error ? error.message : "broken"})`,
    );
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) fail("document", "not an object");
  return { ...value };
}

/** `"5E-1"` until XGBoost 3.0, `"[5E-1]"` or one value per class since 3.1. */
function readBaseScores(parameters: JsonObject, groups: number): number[] {
  const text = stringAt(parameters, "base_score", "learner_model_param");
  const scores = text
    .replace(/^\[|\]$/g, "")
    .split(",")
    .map(Number);
  if (scores.some((score) => !Number.isFinite(score)) || (scores.length !== 1 && scores.length !== groups)) {
    fail(
      "learner_model_param.base_score",
      `${JSON.stringify(text.slice(0, 80))} is not one number or ${groups}`,
    );
  }
  return Array.from({ length: groups }, (_, index) => scores[index] ?? scores[0] ?? 0);
}

function evaluate(
  addScores: AddScores,
  margins: Float32Array,
  objective: Objective,
  shape: { featureCount: number; outputsPerRow: number },
): Booster["predict"] {
  const row = new Float32Array(margins.length);
  return (features, rows) => {
    const answer = new Float32Array(rows * shape.outputsPerRow);
    for (let index = 0; index < rows; index++) {
      row.set(margins);
      addScores(row, features, index * shape.featureCount);
      const kept = objective.transform(row);
      answer.set(row.subarray(0, kept), index * shape.outputsPerRow);
    }
    return answer;
  };
}

/**
 * Reads an XGBoost model (1.x to 3.x).
 *
 * @param model the text of a JSON model, or the bytes of a UBJSON one
 * @throws ModelLoadError naming the field that is wrong or not supported
 */
export function readBooster(model: string | Uint8Array): Booster {
  const document = typeof model === "string" ? parse(model) : parseUbjson(model);
  const learner = objectAt(document, "learner", "document");
  const parameters = objectAt(learner, "learner_model_param", "learner");
  const featureCount = countAt(parameters, "num_feature", "learner_model_param");
  if (featureCount === 0 || featureCount > MAX_FEATURES) {
    fail("learner_model_param.num_feature", `${featureCount} is not between 1 and ${MAX_FEATURES}`);
  }
  const groups = Math.max(
    1,
    countAt(parameters, "num_class", "learner_model_param", 0),
    countAt(parameters, "num_target", "learner_model_param", 1),
  );
  if (groups > MAX_GROUPS) fail("learner_model_param", `${groups} classes are more than ${MAX_GROUPS}`);
  const objective = objectiveNamed(stringAt(objectAt(learner, "objective", "learner"), "name", "objective"));
  const booster = objectAt(learner, "gradient_booster", "learner");
  const addScores = readScores(booster, { features: featureCount, groups });
  const margins = Float32Array.from(readBaseScores(parameters, groups), (score) =>
    objective.toMargin(Math.fround(score)),
  );
  if (margins.some((margin) => !Number.isFinite(margin))) {
    fail("learner_model_param.base_score", "is outside what the objective allows");
  }
  const outputsPerRow = objective.transform(new Float32Array(groups));
  const names = learner["feature_names"];
  return {
    featureCount,
    featureNames: Array.isArray(names) ? names.map(String) : [],
    outputsPerRow,
    predict: evaluate(addScores, margins, objective, { featureCount, outputsPerRow }),
  };
}
