/** The two kinds of XGBoost boosters: forests (gbtree, dart) and linear models (gblinear). */
import { fail, listAt, numbersAt, objectAt, stringAt, type JsonObject } from "./json.ts";
import { leafNode, readTree, type Tree } from "./tree.ts";

/** Adds to the margins of one row, whose features start at `start`. */
export type AddScores = (margins: Float32Array, features: Float32Array, start: number) => void;

interface Size {
  features: number;
  /** Classes or targets. */
  groups: number;
}

function readTrees(model: JsonObject, { features, groups }: Size): Tree[] {
  return listAt(model, "trees", "gradient_booster").map((tree, index) => {
    if (typeof tree !== "object" || tree === null) fail(`trees[${index}]`, "not an object");
    return readTree({ ...tree }, features, groups, `trees[${index}]`);
  });
}

function addTree(tree: Tree, group: number, weight: number): AddScores {
  const { condition, vectors } = tree;
  if (vectors === undefined) {
    return (margins, features, start) => {
      const leaf = condition[leafNode(tree, features, start)] ?? 0;
      margins[group] = (margins[group] ?? 0) + Math.fround(leaf * weight);
    };
  }
  return (margins, features, start) => {
    const at = leafNode(tree, features, start) * margins.length;
    for (let target = 0; target < margins.length; target++) {
      margins[target] = (margins[target] ?? 0) + Math.fround((vectors[at + target] ?? 0) * weight);
    }
  };
}

function readForest(booster: JsonObject, kind: "gbtree" | "dart", size: Size): AddScores {
  const where = "gradient_booster";
  const holder = kind === "dart" ? objectAt(booster, "gbtree", where) : booster;
  const model = objectAt(holder, "model", where);
  const trees = readTrees(model, size);
  const groups = numbersAt(model, "tree_info", where, trees.length);
  if (groups.some((index) => !Number.isInteger(index) || index < 0 || index >= size.groups)) {
    fail(`${where}.tree_info`, `names a class or target outside 0…${size.groups - 1}`);
  }
  const given = kind === "dart" ? numbersAt(booster, "weight_drop", where, trees.length) : trees.map(() => 1);
  const weights = Float32Array.from(given);
  const steps = trees.map((tree, index) => addTree(tree, groups[index] ?? 0, weights[index] ?? 1));
  return (margins, features, start) => {
    for (const step of steps) step(margins, features, start);
  };
}

/**
 * Weights by feature and group, then a bias for each group; a missing feature adds nothing. Of several base scores
 * XGBoost (3.2) adds the first to every group of a linear model.
 */
function readLinear(booster: JsonObject, { features: count, groups }: Size): AddScores {
  const model = objectAt(booster, "model", "gradient_booster");
  const weights = Float32Array.from(
    numbersAt(model, "weights", "gradient_booster.model", (count + 1) * groups),
  );
  return (margins, features, start) => {
    const base = margins[0] ?? 0;
    for (let group = 0; group < groups; group++) {
      let sum = Math.fround(base + (weights[count * groups + group] ?? 0));
      for (let feature = 0; feature < count; feature++) {
        const value = features[start + feature] ?? Number.NaN;
        if (Number.isNaN(value)) continue;
        sum = Math.fround(sum + Math.fround(value * (weights[feature * groups + group] ?? 0)));
      }
      margins[group] = sum;
    }
  };
}

/**
 * Reads `gradient_booster`.
 *
 * @throws ModelLoadError naming the field that is wrong or not supported
 */
export function readScores(booster: JsonObject, size: Size): AddScores {
  const kind = stringAt(booster, "name", "gradient_booster");
  if (kind === "gblinear") return readLinear(booster, size);
  if (kind === "gbtree" || kind === "dart") return readForest(booster, kind, size);
  return fail(
    "gradient_booster",
    `booster ${JSON.stringify(kind.slice(0, 40))} is not gbtree, dart or gblinear`,
  );
}
