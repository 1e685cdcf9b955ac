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

/**
 * Reads and checks one tree.
 *
 * @throws ModelLoadError naming the array that is wrong
 */
export function readTree(json: JsonObject, featureCount: number, where: string): Tree {
  const parameters = json["tree_param"];
  const isObject = typeof parameters === "object" && parameters !== null;
  if (isObject && countAt({ ...parameters }, "size_leaf_vector", where, 1) > 1) {
    fail(where, 'leaves are vectors (multi_strategy="multi_output_tree"); train with one output per tree');
  }
  const nodes = listAt(json, "left_children", where).length;
  if (nodes === 0) fail(where, "has no nodes");
  const left = numbersAt(json, "left_children", where, nodes);
  const right = numbersAt(json, "right_children", where, nodes);
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

/** The leaf value (float32) that row `start…` of the row-major `features` falls into. */
export function leafValue(tree: Tree, features: Float32Array, start: number): number {
  let node = 0;
  for (let child = tree.left[0] ?? -1; child !== -1; child = tree.left[node] ?? -1) {
    const value = features[start + (tree.feature[node] ?? 0)] ?? Number.NaN;
    node = goesLeft(tree, node, value) ? child : (tree.right[node] ?? -1);
  }
  return tree.condition[node] ?? 0;
}
