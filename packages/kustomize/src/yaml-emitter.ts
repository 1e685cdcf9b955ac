import { compareNaturally } from "./natural-order.ts";
import type { Value, ValueMap } from "./value.ts";
import { isMap } from "./value.ts";
import type { ScalarPlace } from "./yaml-scalar-style.ts";
import { styleOf } from "./yaml-scalar-style.ts";

/** go-yaml folds at the first space after this column. */
const BEST_WIDTH = 80;
const INDENT = 2;
/** A longer key cannot be written in front of a colon (YAML 1.2, section 7.4.2 demands 1024; libyaml takes 128). */
const MAX_SIMPLE_KEY_BYTES = 128;
/** Deeper documents cannot come from the parser; this guards values that a program builds. */
const MAX_DEPTH = 1_000;

/**
 * One document as kustomize prints it: keys in natural order, lists not indented, go-yaml v2's quoting and folding.
 * The text ends with a newline.
 */
export function emitDocument(value: Value): string {
  const out: string[] = [];
  if (isMap(value) && !isEmptyMap(value)) emitMap(out, value, 0, false, 0);
  else if (Array.isArray(value) && value.length > 0) emitList(out, value, 0, false, 0);
  else out.push(emptyOrScalar(value, 0, 0), "\n");
  return out.join("");
}

/** Several documents, separated by `---`. */
export function emitDocuments(values: readonly Value[]): string {
  return values.map(emitDocument).join("---\n");
}

function emitMap(out: string[], map: ValueMap, indent: number, inline: boolean, depth: number): void {
  if (depth > MAX_DEPTH) throw new Error(`cannot print a value nested deeper than ${MAX_DEPTH} levels`);
  const margin = " ".repeat(indent);
  let first = inline;
  for (const key of Object.keys(map).sort(compareNaturally)) {
    if (first) first = false;
    else out.push(margin);
    const value = map[key] ?? null;
    if (isSimpleKey(key)) {
      const text = formatString(key, "key", indent, indent);
      out.push(text, ":");
      emitMapValue(out, value, indent, indent + text.length + 2, depth);
    } else {
      out.push("? ", formatString(key, "value", indent, indent + 2), "\n", margin, ":");
      emitItem(out, value, indent, depth);
    }
  }
}

function emitMapValue(out: string[], value: Value, indent: number, column: number, depth: number): void {
  if (isMap(value) && !isEmptyMap(value)) {
    out.push("\n");
    emitMap(out, value, indent + INDENT, false, depth + 1);
  } else if (Array.isArray(value) && value.length > 0) {
    out.push("\n");
    emitList(out, value, indent, false, depth + 1);
  } else {
    out.push(" ", emptyOrScalar(value, indent, column), "\n");
  }
}

function emitList(
  out: string[],
  list: readonly Value[],
  indent: number,
  inline: boolean,
  depth: number,
): void {
  if (depth > MAX_DEPTH) throw new Error(`cannot print a value nested deeper than ${MAX_DEPTH} levels`);
  const margin = " ".repeat(indent);
  let first = inline;
  for (const item of list) {
    if (first) first = false;
    else out.push(margin);
    out.push("-");
    emitItem(out, item, indent, depth);
  }
}

/** What follows a `-` of a list or the `:` of a long key: collections start on the same line. */
function emitItem(out: string[], value: Value, indent: number, depth: number): void {
  out.push(" ");
  if (isMap(value) && !isEmptyMap(value)) emitMap(out, value, indent + INDENT, true, depth + 1);
  else if (Array.isArray(value) && value.length > 0) emitList(out, value, indent + INDENT, true, depth + 1);
  else out.push(emptyOrScalar(value, indent, indent + 2), "\n");
}

function isEmptyMap(map: ValueMap): boolean {
  for (const _ in map) return false;
  return true;
}

function isSimpleKey(key: string): boolean {
  if (key.includes("\n")) return false;
  return key.length <= MAX_SIMPLE_KEY_BYTES / 4 || Buffer.byteLength(key) <= MAX_SIMPLE_KEY_BYTES;
}

function emptyOrScalar(value: Value, indent: number, column: number): string {
  if (value === null) return "null";
  switch (typeof value) {
    case "string":
      return formatString(value, "value", indent, column);
    case "number":
      return formatNumber(value);
    case "object":
      return Array.isArray(value) ? "[]" : "{}";
    default:
      return String(value);
  }
}

/** As Go's `FormatFloat(f, 'g', -1, 64)`; integers below 1e21 are plain digits. */
function formatNumber(value: number): string {
  if (!Number.isFinite(value)) throw new Error(`${value} cannot be written: JSON has no such number`);
  if (Number.isInteger(value) && Math.abs(value) < 1e21) return String(value);
  const scientific = value.toExponential();
  const [mantissa = "", exponent = "0"] = scientific.split("e");
  const power = Number(exponent);
  if (power >= -4 && power < 21 && power < 6) return String(value);
  return `${mantissa}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}

function formatString(text: string, place: ScalarPlace, indent: number, column: number): string {
  const style = styleOf(text, place);
  const fold = place === "value" && column + text.length > BEST_WIDTH;
  switch (style) {
    case "plain":
      return fold ? foldAtSpaces(text, indent, column) : text;
    case "single": {
      const quoted = `'${text.replaceAll("'", "''")}'`;
      return fold ? foldAtSpaces(quoted, indent, column) : quoted;
    }
    case "double":
      return doubleQuoted(text, indent, column, place === "value");
    case "literal":
      return literalBlock(text, indent);
  }
}

/** Breaks at single spaces beyond the best width; a double space stays whole, for folding would eat it. */
function foldAtSpaces(text: string, indent: number, startColumn: number): string {
  const margin = `\n${" ".repeat(indent + INDENT)}`;
  const quoted = text.startsWith("'");
  let out = "";
  let column = startColumn;
  let afterSpace = false;
  for (let index = 0; index < text.length; index++) {
    const character = text.charAt(index);
    const isSpace = character === " ";
    const atEdge = quoted && (index === 1 || index === text.length - 2);
    if (isSpace && !afterSpace && column > BEST_WIDTH && !atEdge && text.charAt(index + 1) !== " ") {
      out += margin;
      column = indent + INDENT;
    } else {
      out += character;
      column++;
    }
    afterSpace = isSpace;
  }
  return out;
}

const ESCAPES = new Map([
  ["\0", "\\0"],
  ["\x07", "\\a"],
  ["\b", "\\b"],
  ["\t", "\\t"],
  ["\n", "\\n"],
  ["\v", "\\v"],
  ["\f", "\\f"],
  ["\r", "\\r"],
  ["\x1b", "\\e"],
  ['"', '\\"'],
  ["\\", "\\\\"],
  ["\u0085", "\\N"],
  ["\u2028", "\\L"],
  ["\u2029", "\\P"],
]);
const VERBATIM = /^[\x20-\x7e\u00a0-\ud7ff\ue000-\ufefe\uff00-\ufffd]$/;

function doubleQuoted(text: string, indent: number, startColumn: number, mayFold: boolean): string {
  const margin = `\n${" ".repeat(indent + INDENT)}`;
  const characters = Array.from(text);
  let out = '"';
  let column = startColumn + 1;
  let afterSpace = false;
  for (const [index, character] of characters.entries()) {
    if (character === " ") {
      const inside = index > 0 && index < characters.length - 1;
      if (mayFold && !afterSpace && column > BEST_WIDTH && inside) {
        out += margin;
        column = indent + INDENT;
        if (characters[index + 1] === " ") {
          out += "\\";
          column++;
        }
      } else {
        out += " ";
        column++;
      }
      afterSpace = true;
      continue;
    }
    const written =
      ESCAPES.get(character) ?? (VERBATIM.test(character) ? character : escapeCodePoint(character));
    out += written;
    column += written.length;
    afterSpace = false;
  }
  return `${out}"`;
}

function escapeCodePoint(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16).toUpperCase();
  if (code <= 0xff) return `\\x${hex.padStart(2, "0")}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
}

function literalBlock(text: string, indent: number): string {
  const margin = " ".repeat(indent + INDENT);
  const first = text.charAt(0);
  const hint = first === " " || first === "\n" ? String(INDENT) : "";
  const keep = text.endsWith("\n\n") || text === "\n";
  const chomping = !text.endsWith("\n") ? "-" : keep ? "+" : "";
  const lines = (text.endsWith("\n") ? text.slice(0, -1) : text).split("\n");
  const body = lines.map((line) => (line === "" ? "" : margin + line)).join("\n");
  return `|${hint}${chomping}\n${body}`;
}
