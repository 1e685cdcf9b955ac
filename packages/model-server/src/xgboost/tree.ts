/**
 * One regression tree of an XGBoost model, as its JSON form lays it out (XGBoost documentation, "Model IO", and its
 * demo/json-model): parallel arrays by node, a leaf has no children and keeps its value in `split_conditions`.
 */
import { countAt, fail, listAt, numbersAt, type JsonObject } from "./json.ts";

export interface Tree {
  /** Child node by node, -1 at a leaf. */
  left: Int32Array;
  right: Int32Array;
  feature: Int32Array;
  /** Threshold of a split, value of a leaf. */
  condition: Float32Array;
  /** 1 where a missing value goes left. */
  defaultLeft: Uint8Array;
  /** By node: the categories that go right, for categorical splits only. */
  categories: ReadonlyMap<number, ReadonlySet<number>>;
  /** Values of vector leaves by node, one per target; undefined where leaves are numbers. */
  vectors: Float32Array | undefined;
}

/** Largest category that float32 counts exactly; XGBoost treats others as unknown (src/common/categorical.h). */
const MAX_CATEGORY = 2 ** 24;

/** Every node is reached once from the root, and no child lies outside: no cycle can trap a prediction. */
function checkShape(left: readonly number[], right: readonly number[], where: string): void {
  const seen = new Uint8Array(left.length);
  const open = [0];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (!Number.isInteger(node) || node < 0 || node >= left.length)
      fail(where, `child ${node} does not exist`);
    if (seen[node] === 1) fail(where, `node ${node} has two parents`);
    seen[node] = 1;
    const [a = -1, b = -1] = [left[node], right[node]];
    if (a === -1 && b === -1) continue;
    if (a === -1 || b === -1) fail(where, `node ${node} has one child`);
    open.push(a, b);
  }
}

function readCategories(tree: JsonObject, nodes: number, where: string): Map<number, Set<number>> {
  const categories = new Map<number, Set<number>>();
  if (tree["categories_nodes"] === undefined) return categories;
  const owners = numbersAt(tree, "categories_nodes", where);
  const segments = numbersAt(tree, "categories_segments", where, owners.length);
  const sizes = numbersAt(tree, "categories_sizes", where, owners.length);
  const all = numbersAt(tree, "categories", where);
  for (const [index, node] of owners.entries()) {
    const start = segments[index] ?? 0;
    const end = start + (sizes[index] ?? 0);
    if (node < 0 || node >= nodes || start < 0 || end < start || end > all.length) {
      fail(`${where}.categories_nodes[${index}]`, "points outside the tree or its categories");
    }
    categories.set(node, new Set(all.slice(start, end)));
  }
  return categories;
}

/** How many values a leaf has: one, or with `multi_strategy="multi_output_tree"` one per target. */
function leafSize(json: JsonObject, groups: number, where: string): number {
  const parameters = json["tree_param"];
  const isObject = typeof parameters === "object" && parameters !== null;
  const size = isObject ? Math.max(1, countAt({ ...parameters }, "size_leaf_vector", where, 1)) : 1;
  if (size !== 1 && size !== groups)
    fail(where, `leaves have ${size} values, the model has ${groups} targets`);
  return size;
}

/**
 * Since XGBoost 3.1 vector leaves lie in `leaf_weights`, and a leaf's right child is its index there; before, every node
 * had its vector in `base_weights`. @returns the vectors by node
 */
function readVectors(
  json: JsonObject,
  leaves: { left: readonly number[]; index: readonly number[]; size: number },
  where: string,
): Float32Array {
  const { left, index, size } = leaves;
  if (json["leaf_weights"] === undefined) {
    return Float32Array.from(numbersAt(json, "base_weights", where, left.length * size));
  }
  const weights = numbersAt(json, "leaf_weights", where);
  const vectors = new Float32Array(left.length * size);
  for (const [node, child] of left.entries()) {
    if (child !== -1) continue;
    const at = (index[node] ?? -1) * size;
    if (!Number.isInteger(at) || at < 0 || at + size > weights.length)
      fail(where, `leaf ${node} has no leaf_weights`);
    vectors.set(weights.slice(at, at + size), node * size);
  }
  return vectors;
}

/**
 * Reads and checks one tree.
 *
 * @throws ModelLoadError naming the array that is wrong
 */
export function readTree(json: JsonObject, featureCount: number, groups: number, where: string): Tree {
  const size = leafSize(json, groups, where);
  const nodes = listAt(json, "left_children", where).length;
  if (nodes === 0) fail(where, "has no nodes");
  const left = numbersAt(json, "left_children", where, nodes);
  const rightOrLeaf = numbersAt(json, "right_children", where, nodes);
  const vectors = size === 1 ? undefined : readVectors(json, { left, index: rightOrLeaf, size }, where);
  const right =
    vectors === undefined ? rightOrLeaf : rightOrLeaf.map((child, node) => (left[node] === -1 ? -1 : child));
  checkShape(left, right, where);
  const feature = numbersAt(json, "split_indices", where, nodes);
  for (const [node, index] of feature.entries()) {
    if (left[node] !== -1 && !(Number.isInteger(index) && index >= 0 && index < featureCount)) {
      fail(`${where}.split_indices[${node}]`, `${index} is not one of the ${featureCount} features`);
    }
  }
  const categories = readCategories(json, nodes, where);
  if (json["split_type"] !== undefined) {
    for (const [node, type] of numbersAt(json, "split_type", where, nodes).entries()) {
      if (type === 1 && left[node] !== -1 && !categories.has(node)) categories.set(node, new Set());
    }
  }
  return {
    left: Int32Array.from(left),
    right: Int32Array.from(right),
    feature: Int32Array.from(feature),
    condition: Float32Array.from(numbersAt(json, "split_conditions", where, nodes)),
    defaultLeft: Uint8Array.from(numbersAt(json, "default_left", where, nodes)),
    categories,
    vectors,
  };
}

function goesLeft(tree: Tree, node: number, value: number): boolean {
  if (Number.isNaN(value)) return tree.defaultLeft[node] === 1;
  const categories = tree.categories.size === 0 ? undefined : tree.categories.get(node);
  if (categories === undefined) return value < (tree.condition[node] ?? 0);
  // Categories in the list go right; unknown ones, as XGBoost has it, left.
  if (value < 0 || value >= MAX_CATEGORY) return true;
  return !categories.has(Math.trunc(value));
}

/** The leaf that row `start…` of the row-major `features` falls into. */
export function leafNode(tree: Tree, features: Float32Array, start: number): number {
  let node = 0;
  for (let child = tree.left[0] ?? -1; child !== -1; child = tree.left[node] ?? -1) {
    const value = features[start + (tree.feature[node] ?? 0)] ?? Number.NaN;
    node = goesLeft(tree, node, value) ? child : (tree.right[node] ?? -1);
  }
  return node;
}
