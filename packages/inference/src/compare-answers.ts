/** Golden requests: is the answer that a model gives the answer it is known for? */
import { isDatatype } from "./datatype.ts";
import { normaliseJsonText } from "./json-text.ts";
import { isRecord } from "./protocol-error.ts";

export interface Tolerance {
  /** Allowed difference as a share of the larger magnitude. */
  relative: number;
  /** Allowed difference whatever the magnitude. */
  absolute: number;
}

/**
 * Float32 carries about 7 digits, and another CPU may add in another order: 1e-5 passes that and fails anything that a
 * user would call a different answer.
 */
export const DEFAULT_TOLERANCE: Tolerance = { relative: 1e-5, absolute: 1e-6 };

export interface Comparison {
  equal: boolean;
  /** One line per difference, each naming its place; a bounded number of them. */
  differences: string[];
}

/** Enough to understand what went wrong; a wrong 1000-class answer need not fill a condition message. */
const MAX_DIFFERENCES = 10;

/** Members of an inference answer that servers fill as they like (MLServer invents an id). */
const FREE_ANSWER_MEMBERS = new Set(["id", "parameters"]);

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

function isInferAnswer(value: Record<string, unknown>): boolean {
  return Array.isArray(value["outputs"]) && "model_name" in value;
}

/** Integer, boolean and string tensors have no rounding: tolerance would only hide a wrong class label. */
function isExactTensor(value: Record<string, unknown>): boolean {
  const { datatype } = value;
  return isDatatype(datatype) && !datatype.startsWith("FP");
}

class Differences {
  readonly lines: string[] = [];
  count = 0;

  add(path: string, message: string): void {
    this.count++;
    if (this.lines.length < MAX_DIFFERENCES) this.lines.push(`${path === "" ? "answer" : path}: ${message}`);
  }
}

function compareNumbers(
  expected: number,
  actual: number,
  path: string,
  limit: Tolerance,
  out: Differences,
): void {
  const difference = Math.abs(expected - actual);
  const allowed = Math.max(limit.absolute, limit.relative * Math.max(Math.abs(expected), Math.abs(actual)));
  if (Object.is(expected, actual) || difference <= allowed) return;
  out.add(path, `expected ${expected}, got ${actual} (differs by ${difference.toPrecision(3)})`);
}

function compareValues(
  expected: unknown,
  actual: unknown,
  path: string,
  limit: Tolerance,
  out: Differences,
): void {
  if (typeof expected === "number" && typeof actual === "number") {
    compareNumbers(expected, actual, path, limit, out);
  } else if (Array.isArray(expected) && Array.isArray(actual)) {
    if (expected.length !== actual.length) {
      out.add(path, `expected ${expected.length} elements, got ${actual.length}`);
      return;
    }
    for (const [index, value] of expected.entries()) {
      compareValues(value, actual[index], `${path}[${index}]`, limit, out);
    }
  } else if (isRecord(expected) && isRecord(actual)) {
    compareRecords(expected, actual, path, limit, out);
  } else if (expected !== actual) {
    out.add(path, `expected ${shown(expected)}, got ${shown(actual)}`);
  }
}

function compareRecords(
  expected: Record<string, unknown>,
  actual: Record<string, unknown>,
  path: string,
  limit: Tolerance,
  out: Differences,
): void {
  const tolerance = isExactTensor(expected) ? { relative: 0, absolute: 0 } : limit;
  const free = path === "" && isInferAnswer(expected) ? FREE_ANSWER_MEMBERS : new Set<string>();
  for (const key of new Set([...Object.keys(expected), ...Object.keys(actual)])) {
    if (free.has(key)) continue;
    const place = path === "" ? key : `${path}.${key}`;
    if (!Object.hasOwn(actual, key)) out.add(place, `expected ${shown(expected[key])}, but it is missing`);
    else if (!Object.hasOwn(expected, key)) out.add(place, `not expected, got ${shown(actual[key])}`);
    else compareValues(expected[key], actual[key], place, tolerance, out);
  }
}

/**
 * Compares two parsed JSON answers. Structure, strings and keys must be equal (key order does not matter); numbers may
 * differ within the tolerance, except in tensors whose `datatype` says integer, boolean or bytes. `id` and `parameters`
 * of an Open Inference answer are not compared.
 */
export function compareAnswers(
  expected: unknown,
  actual: unknown,
  tolerance: Partial<Tolerance> = {},
): Comparison {
  const out = new Differences();
  compareValues(expected, actual, "", { ...DEFAULT_TOLERANCE, ...tolerance }, out);
  const more = out.count - out.lines.length;
  return {
    equal: out.count === 0,
    differences: more > 0 ? [...out.lines, `… and ${more} more`] : out.lines,
  };
}

/**
 * Upstream's `test-model-rest-svc` comparison: both texts through `json.tool --no-indent`, then as strings.
 */
export function compareAnswerTexts(expected: string, actual: string): Comparison {
  const normalise = (text: string): string | Error => {
    try {
      return normaliseJsonText(text);
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  };
  const [left, right] = [normalise(expected), normalise(actual)];
  if (left instanceof Error) return { equal: false, differences: [`expected answer: ${left.message}`] };
  if (right instanceof Error) return { equal: false, differences: [`actual answer: ${right.message}`] };
  if (left === right) return { equal: true, differences: [] };
  return { equal: false, differences: [`expected ${left.slice(0, 500)}, got ${right.slice(0, 500)}`] };
}
