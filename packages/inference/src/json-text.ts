/**
 * Upstream's smoke test compares `python3 -m json.tool --no-indent` of the expected and the actual answer as text.
 * That keeps key order and the difference between `1` and `1.0`, and normalises spacing, escapes and float spelling.
 */

const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
/** Where a string ends; JSON.parse judges what is inside. */
const STRING = /"(?:[^"\\]|\\.)*"/y;
/** JSON words, and the three that Python's json accepts beyond them. */
const WORD = /true|false|null|NaN|-?Infinity/y;

/** Python's repr of a float: shortest digits, exponent form below 1e-4 and from 1e16 on, always `.0` or an exponent. */
function pythonFloat(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? "Infinity" : "-Infinity";
  if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0";
  const [mantissa = "", exponentText = "0"] = value.toExponential().split("e");
  const exponent = Number(exponentText);
  if (exponent >= -4 && exponent < 16) {
    const digits = Math.max(1, (mantissa.split(".")[1] ?? "").length - exponent);
    return value.toFixed(digits);
  }
  return `${mantissa}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
}

function asciiString(token: string): string {
  const text: unknown = JSON.parse(token);
  return JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Nesting bound: deeper JSON is an attack, not an answer. */
const MAX_DEPTH = 256;

class Normaliser {
  #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): string {
    const value = this.#value(0);
    this.#space();
    if (this.#at !== this.#text.length) this.#fail("end of text");
    return value;
  }

  #fail(expected: string): never {
    throw new SyntaxError(`not JSON: expected ${expected} at offset ${this.#at}`);
  }

  #space(): void {
    while (" \t\r\n".includes(this.#text[this.#at] ?? "x")) this.#at++;
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match !== null) this.#at = pattern.lastIndex;
    return match;
  }

  #take(char: string): boolean {
    this.#space();
    if (this.#text[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  #value(depth: number): string {
    if (depth > MAX_DEPTH) this.#fail(`less than ${MAX_DEPTH} levels`);
    if (this.#take("{")) return this.#members("}", () => this.#member(depth));
    if (this.#take("[")) return this.#members("]", () => this.#value(depth + 1));
    const string = this.#match(STRING);
    if (string !== null) return asciiString(string[0]);
    const word = this.#match(WORD);
    if (word !== null) return word[0];
    const number = this.#match(NUMBER);
    if (number === null) this.#fail("a value");
    const [token, fraction, exponent] = number;
    if (fraction !== undefined || exponent !== undefined) return pythonFloat(Number(token));
    return token === "-0" ? "0" : token;
  }

  #member(depth: number): string {
    this.#space();
    const key = this.#match(STRING);
    if (key === null) this.#fail("a key");
    if (!this.#take(":")) this.#fail('":"');
    return `${asciiString(key[0])}: ${this.#value(depth + 1)}`;
  }

  #members(close: string, next: () => string): string {
    const open = close === "}" ? "{" : "[";
    if (this.#take(close)) return open + close;
    const members: string[] = [];
    do members.push(next());
    while (this.#take(","));
    if (!this.#take(close)) this.#fail(`"," or "${close}"`);
    return open + members.join(", ") + close;
  }
}

/**
 * One-line form of a JSON text as `python3 -m json.tool --no-indent` prints it (without the final newline).
 *
 * @throws SyntaxError for text that is not JSON
 */
export function normaliseJsonText(text: string): string {
  return new Normaliser(text).document();
}
