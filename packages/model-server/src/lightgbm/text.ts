/**
 * The outline of a LightGBM text model: a header of `key=value` lines, one block per tree, `end of trees`
 * (LightGBM src/boosting/gbdt_model_text.cpp). Model files come from outside: nothing is assumed.
 */
import { ModelLoadError } from "../model.ts";

/** The `key=value` lines of the header or of one tree; a line without `=` has the value "". */
export type Block = ReadonlyMap<string, string>;

/** LightGBM writes some 25 keys per block; more is no model. */
const MAX_KEYS = 100;
const TREE_START = "Tree=";
const TREES_END = "end of trees";

export function fail(where: string, problem: string): never {
  throw new ModelLoadError(`LightGBM model: ${where}: ${problem}`);
}

/** The header, then the blocks of the trees in order; one at a time, so that a large file is not held twice. */
export function* readBlocks(text: string): Generator<Block, void, undefined> {
  let block = new Map<string, string>();
  for (let start = 0; start < text.length;) {
    const found = text.indexOf("\n", start);
    const end = found === -1 ? text.length : found;
    const line = text.slice(start, end).trimEnd();
    start = end + 1;
    if (line === TREES_END) {
      yield block;
      return;
    }
    if (line.startsWith(TREE_START)) {
      yield block;
      block = new Map();
    }
    const equals = line.indexOf("=");
    const key = equals === -1 ? line : line.slice(0, equals);
    if (key !== "") block.set(key, equals === -1 ? "" : line.slice(equals + 1));
    if (block.size > MAX_KEYS) fail("file", `more than ${MAX_KEYS} keys before the next tree`);
  }
  fail("file", `is cut short: no line ${JSON.stringify(TREES_END)}`);
}

/** A whole number from `least` to `most`. */
export function countAt(
  block: Block,
  key: string,
  where: string,
  range: { least: number; most: number; fallback?: number },
): number {
  const text = block.get(key);
  if (text === undefined && range.fallback !== undefined) return range.fallback;
  if (text === undefined) fail(where, `${key} is missing`);
  const count = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(count >= range.least && count <= range.most)) {
    fail(
      where,
      `${key} ${JSON.stringify(text.slice(0, 40))} is not between ${range.least} and ${range.most}`,
    );
  }
  return count;
}

function numberOf(token: string, where: string): number {
  if (token === "inf") return Number.POSITIVE_INFINITY;
  if (token === "-inf") return Number.NEGATIVE_INFINITY;
  const value = Number(token);
  if (!Number.isFinite(value)) fail(where, `${JSON.stringify(token.slice(0, 40))} is not a number`);
  return value;
}

/** Numbers separated by spaces; `length` of them if it is given. */
export function numbersAt(block: Block, key: string, where: string, length?: number): number[] {
  const text = block.get(key)?.trim();
  if (text === undefined) fail(where, `${key} is missing`);
  const tokens = text === "" ? [] : text.split(/\s+/);
  if (length !== undefined && tokens.length !== length) {
    fail(where, `${key} has ${tokens.length} elements, ${length} expected`);
  }
  return tokens.map((token) => numberOf(token, `${where}.${key}`));
}

/** Like {@link numbersAt}, for whole numbers from `least` to `most`. */
export function integersAt(
  block: Block,
  key: string,
  where: string,
  range: { length?: number; least: number; most: number },
): number[] {
  const numbers = numbersAt(block, key, where, range.length);
  const wrong = numbers.find((n) => !Number.isInteger(n) || n < range.least || n > range.most);
  if (wrong !== undefined) {
    fail(where, `${key}: ${wrong} is not a whole number between ${range.least} and ${range.most}`);
  }
  return numbers;
}
