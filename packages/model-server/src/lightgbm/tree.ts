/**
 * One tree of a LightGBM model (LightGBM include/LightGBM/tree.h): inner nodes and leaves have arrays of their own; a
 * child ≥ 0 is an inner node, a negative child c is leaf ~c.
 */
import { countAt, fail, integersAt, numbersAt, type Block } from "./text.ts";

export interface Tree {
  left: Int32Array;
  right: Int32Array;
  feature: Int32Array;
  /** Threshold of a numerical split, index into `categoryStart` of a categorical one. */
  threshold: Float64Array;
  /** Bit 0: categorical; bit 1: missing goes left; bits 2 and 3: what counts as missing. */
  decision: Uint8Array;
  leaf: Float64Array;
  /** By categorical split: where its words start in `categoryWords`; one more at the end. */
  categoryStart: Int32Array;
  /** Bit sets of the categories that go left. */
  categoryWords: Uint32Array;
  linear: LinearLeaves | undefined;
}

/** Linear trees: a leaf is constant + Σ coefficient·feature. */
interface LinearLeaves {
  constant: Float64Array;
  /** By leaf: where its terms start; one more at the end. */
  start: Int32Array;
  feature: Int32Array;
  coefficient: Float64Array;
}

const CATEGORICAL = 1;
const DEFAULT_LEFT = 2;
const MISSING_ZERO = 1;
const MISSING_NAN = 2;
/** LightGBM's kZeroThreshold is the float32 1e-35. */
const ZERO = Math.fround(1e-35);
/** LightGBM's own bound on num_leaves is 131,072. */
const MAX_LEAVES = 131_072;
const LAST_WORD = 0xffff_ffff;
const BITS_PER_WORD = 32;

/** Every node and leaf is reached once from the root: no cycle can trap a prediction. */
function checkShape(left: readonly number[], right: readonly number[], leaves: number, where: string): void {
  const seenNodes = new Uint8Array(left.length);
  const seenLeaves = new Uint8Array(leaves);
  const open = left.length === 0 ? [] : [0];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    const [seen, index] = node >= 0 ? [seenNodes, node] : [seenLeaves, ~node];
    if (seen[index] !== 0) {
      fail(
        where,
        `${node >= 0 ? "node" : "leaf"} ${index} ${seen[index] === 1 ? "has two parents" : "does not exist"}`,
      );
    }
    seen[index] = 1;
    if (node >= 0) open.push(left[node] ?? 0, right[node] ?? 0);
  }
}

function readCategories(block: Block, where: string): Pick<Tree, "categoryStart" | "categoryWords"> {
  const count = countAt(block, "num_cat", where, { least: 0, most: MAX_LEAVES, fallback: 0 });
  if (count === 0) return { categoryStart: new Int32Array(1), categoryWords: new Uint32Array(0) };
  const words = integersAt(block, "cat_threshold", where, { least: 0, most: LAST_WORD });
  const start = integersAt(block, "cat_boundaries", where, {
    length: count + 1,
    least: 0,
    most: words.length,
  });
  if (start.some((boundary, index) => index > 0 && boundary < (start[index - 1] ?? 0))) {
    fail(where, "cat_boundaries is not ascending");
  }
  return { categoryStart: Int32Array.from(start), categoryWords: Uint32Array.from(words) };
}

function readLinear(block: Block, leaves: number, features: number, where: string): LinearLeaves | undefined {
  if (countAt(block, "is_linear", where, { least: 0, most: 1, fallback: 0 }) === 0) return undefined;
  const counts = integersAt(block, "num_features", where, { length: leaves, least: 0, most: features });
  const start = new Int32Array(leaves + 1);
  for (const [leaf, count] of counts.entries()) start[leaf + 1] = (start[leaf] ?? 0) + count;
  const length = start[leaves] ?? 0;
  return {
    constant: Float64Array.from(numbersAt(block, "leaf_const", where, leaves)),
    start,
    feature: Int32Array.from(
      integersAt(block, "leaf_features", where, { length, least: 0, most: features - 1 }),
    ),
    coefficient: Float64Array.from(numbersAt(block, "leaf_coeff", where, length)),
  };
}

/**
 * Reads and checks one tree.
 *
 * @throws ModelLoadError naming the array that is wrong
 */
export function readTree(block: Block, features: number, where: string): Tree {
  const leaves = countAt(block, "num_leaves", where, { least: 1, most: MAX_LEAVES });
  const inner = leaves - 1;
  const values = numbersAt(block, "leaf_value", where, leaves);
  const rest = { leaf: Float64Array.from(values), linear: readLinear(block, leaves, features, where) };
  const categories = readCategories(block, where);
  if (inner === 0) {
    const none = new Int32Array(0);
    const empty = { left: none, right: none, feature: none, threshold: new Float64Array(0) };
    return { ...empty, decision: new Uint8Array(0), ...rest, ...categories };
  }
  const children = { length: inner, least: -leaves, most: inner - 1 };
  const left = integersAt(block, "left_child", where, children);
  const right = integersAt(block, "right_child", where, children);
  checkShape(left, right, leaves, where);
  const feature = integersAt(block, "split_feature", where, { length: inner, least: 0, most: features - 1 });
  const threshold = numbersAt(block, "threshold", where, inner);
  const decision = integersAt(block, "decision_type", where, { length: inner, least: 0, most: 15 });
  const splits = categories.categoryStart.length - 1;
  for (const [node, type] of decision.entries()) {
    const index = threshold[node] ?? -1;
    if ((type & CATEGORICAL) !== 0 && !(Number.isInteger(index) && index >= 0 && index < splits)) {
      fail(where, `threshold[${node}]: ${index} is not one of the ${splits} categorical splits`);
    }
  }
  return {
    left: Int32Array.from(left),
    right: Int32Array.from(right),
    feature: Int32Array.from(feature),
    threshold: Float64Array.from(threshold),
    decision: Uint8Array.from(decision),
    ...rest,
    ...categories,
  };
}

function hasCategory(tree: Tree, split: number, value: number): boolean {
  // A negative, missing or unknown category goes right. Fractions are cut off, so -0.5 is category 0.
  const category = Math.trunc(value);
  if (!(category >= 0)) return false;
  const word = (tree.categoryStart[split] ?? 0) + Math.floor(category / BITS_PER_WORD);
  if (word >= (tree.categoryStart[split + 1] ?? 0)) return false;
  return (((tree.categoryWords[word] ?? 0) >>> (category % BITS_PER_WORD)) & 1) === 1;
}

function goesLeft(tree: Tree, node: number, value: number): boolean {
  const decision = tree.decision[node] ?? 0;
  const threshold = tree.threshold[node] ?? 0;
  if ((decision & CATEGORICAL) !== 0) return hasCategory(tree, threshold, value);
  const missing = decision >> 2;
  const isNaN = Number.isNaN(value);
  const known = isNaN && missing !== MISSING_NAN ? 0 : value;
  if (missing === MISSING_NAN ? isNaN : missing === MISSING_ZERO && known >= -ZERO && known <= ZERO) {
    return (decision & DEFAULT_LEFT) !== 0;
  }
  return known <= threshold;
}

function linearValue(linear: LinearLeaves, leaf: number, features: Float64Array, start: number): number {
  let value = linear.constant[leaf] ?? 0;
  const end = linear.start[leaf + 1] ?? 0;
  for (let term = linear.start[leaf] ?? 0; term < end; term++) {
    value += (features[start + (linear.feature[term] ?? 0)] ?? 0) * (linear.coefficient[term] ?? 0);
  }
  return value;
}

function hasMissing(linear: LinearLeaves, leaf: number, features: Float64Array, start: number): boolean {
  const end = linear.start[leaf + 1] ?? 0;
  for (let term = linear.start[leaf] ?? 0; term < end; term++) {
    if (Number.isNaN(features[start + (linear.feature[term] ?? 0)])) return true;
  }
  return false;
}

/** What the tree adds for the row `start…` of the row-major `features`. */
export function treeValue(tree: Tree, features: Float64Array, start: number): number {
  let node = tree.left.length === 0 ? -1 : 0;
  while (node >= 0) {
    const value = features[start + (tree.feature[node] ?? 0)] ?? Number.NaN;
    node = (goesLeft(tree, node, value) ? tree.left[node] : tree.right[node]) ?? -1;
  }
  const leaf = ~node;
  const { linear } = tree;
  // A missing value among a linear leaf's features leaves the constant that a plain tree would have.
  if (linear === undefined || hasMissing(linear, leaf, features, start)) return tree.leaf[leaf] ?? 0;
  return linearValue(linear, leaf, features, start);
}
