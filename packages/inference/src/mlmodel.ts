/**
 * The signature in an MLflow `MLmodel` file: the columns that a table model wants, in order. The file is YAML, but the
 * signature in it is JSON in a quoted scalar, which is all that is read here (MLflow documentation, "Model Signatures").
 */
import { isRecord } from "./protocol-error.ts";

export interface Column {
  name: string;
  /** MLflow's type: boolean, integer, long, float, double, string, binary, datetime. */
  type: string;
  required: boolean;
}

/** A table wider than this is no signature that MLflow wrote. */
const MAX_COLUMNS = 100_000;

/** `inputs:` of the top-level `signature:`, as the quoted scalar that follows it. */
const INPUTS =
  /^signature:[^\S\n]*\n(?:[^\S\n]+\S.*\n|[^\S\n]*\n)*?[^\S\n]+inputs:[^\S\n]*('(?:[^']|'')*'|"(?:[^"\\]|\\[^])*")/m;

/** YAML folds a line break and the indentation around it into a space. */
const fold = (scalar: string): string => scalar.replace(/[^\S\n]*\n\s*/g, " ");

function unquote(scalar: string): string {
  const inner = scalar.slice(1, -1);
  if (scalar.startsWith("'")) return fold(inner.replaceAll("''", "'"));
  const joined = fold(inner.replace(/\\\n\s*/g, "")).replace(/\\x([\da-f]{2})/gi, String.raw`\u00$1`);
  return String(JSON.parse(`"${joined.replace(/\\ /g, " ")}"`));
}

function columnOf(value: unknown, index: number): Column | undefined {
  if (!isRecord(value)) throw new SyntaxError(`signature.inputs[${index}] is not an object`);
  const { name, type, required } = value;
  if (type === "tensor") return undefined;
  if (typeof name !== "string" || typeof type !== "string") return undefined;
  return { name, type, required: required !== false };
}

/**
 * Reads the columns of an MLmodel's signature.
 *
 * @returns undefined when there is no signature, or one of tensors or unnamed columns
 * @throws SyntaxError when the signature is not what MLflow writes
 */
export function parseSignatureColumns(mlmodel: string): Column[] | undefined {
  const scalar = INPUTS.exec(mlmodel.replaceAll("\r\n", "\n"))?.[1];
  if (scalar === undefined) return undefined;
  const inputs: unknown = JSON.parse(unquote(scalar));
  if (!Array.isArray(inputs)) throw new SyntaxError("signature.inputs is not a list");
  if (inputs.length > MAX_COLUMNS)
    throw new SyntaxError(`signature.inputs has more than ${MAX_COLUMNS} columns`);
  const columns = inputs.map(columnOf);
  const named = columns.filter((column) => column !== undefined);
  if (named.length < columns.length || named.length === 0) return undefined;
  if (new Set(named.map(({ name }) => name)).size < named.length) {
    throw new SyntaxError("signature.inputs names a column twice");
  }
  return named;
}
