/** A LightGBM booster read from its text form (v3 and v4), evaluated in float64 as LightGBM does. */
import { objectiveOf, type Transform } from "./objective.ts";
import { countAt, fail, readBlocks, type Block } from "./text.ts";
import { readTree, treeValue, type Tree } from "./tree.ts";

export interface Booster {
  featureCount: number;
  /** Feature names of the training table, empty if it had none (LightGBM then makes up `Column_0`…). */
  featureNames: string[];
  /** Values per row of an answer: 1, or one per class. */
  outputsPerRow: number;
  /** Answers for `rows` rows of row-major features (NaN = missing), row-major. */
  predict(features: Float64Array, rows: number): Float64Array;
}

const MAX_FEATURES = 1_000_000;
/** A model with more answers per row would allocate without need; users have at most thousands of classes. */
const MAX_CLASSES = 65_536;

function evaluate(
  trees: readonly Tree[],
  classes: number,
  average: boolean,
  transform: Transform,
  features: number,
) {
  const divisor = average ? Math.max(1, trees.length / classes) : 1;
  return (values: Float64Array, rows: number): Float64Array => {
    const answer = new Float64Array(rows * classes);
    for (let index = 0; index < rows; index++) {
      const row = answer.subarray(index * classes, (index + 1) * classes);
      for (let number = 0; number < trees.length; number++) {
        const tree = trees[number];
        if (tree === undefined) continue;
        const group = number % classes;
        row[group] = (row[group] ?? 0) + treeValue(tree, values, index * features);
      }
      if (average) for (let group = 0; group < classes; group++) row[group] = (row[group] ?? 0) / divisor;
      transform(row);
    }
    return answer;
  };
}

function checkHeader(header: Block): void {
  if (header.keys().next().value !== "tree") fail("header", 'does not start with the line "tree"');
  const version = header.get("version") ?? "";
  if (version !== "v3" && version !== "v4") {
    fail(
      "header",
      `version ${JSON.stringify(version.slice(0, 20))} is not v3 or v4; load and save it with LightGBM 4`,
    );
  }
}

function featureNamesOf(header: Block, featureCount: number): string[] {
  const names = (header.get("feature_names") ?? "").split(" ").filter((name) => name !== "");
  const isMadeUp = names.every((name, index) => name === `Column_${index}`);
  return names.length === featureCount && !isMadeUp ? names : [];
}

/**
 * Reads a LightGBM text model.
 *
 * @throws ModelLoadError naming the tree and the array that is wrong or not supported
 */
export function readBooster(text: string): Booster {
  const blocks = readBlocks(text);
  const header: Block = blocks.next().value ?? new Map<string, string>();
  checkHeader(header);
  const featureCount = 1 + countAt(header, "max_feature_idx", "header", { least: 0, most: MAX_FEATURES - 1 });
  const fallback = countAt(header, "num_class", "header", { least: 1, most: MAX_CLASSES });
  const range = { least: 1, most: MAX_CLASSES, fallback };
  const classes = countAt(header, "num_tree_per_iteration", "header", range);
  const transform = objectiveOf(header.get("objective"));
  const trees: Tree[] = [];
  for (const block of blocks) trees.push(readTree(block, featureCount, `tree ${trees.length}`));
  const sizes = header.get("tree_sizes")?.trim();
  const announced = sizes === undefined || sizes === "" ? trees.length : sizes.split(/\s+/).length;
  if (announced !== trees.length)
    fail("header", `tree_sizes lists ${announced} trees, the file has ${trees.length}`);
  if (trees.length % classes !== 0) {
    fail("header", `${trees.length} trees are no multiple of num_tree_per_iteration ${classes}`);
  }
  return {
    featureCount,
    featureNames: featureNamesOf(header, featureCount),
    outputsPerRow: classes,
    predict: evaluate(trees, classes, header.has("average_output"), transform, featureCount),
  };
}
