/*
 * kubectl's JSONPath (`k8s.io/client-go/util/jsonpath`) without templates: fields with `\.` escapes, quoted fields,
 * unions, indexes, slices, wildcards, recursive descent and filters with `==`, `!=`, `<`, `<=`, `>`, `>=`, `&&`, `||`.
 */
export type JsonPath = readonly Step[];

export type Step =
  | { kind: "field"; name: string }
  | { kind: "fields"; names: string[] }
  | { kind: "wildcard" }
  | { kind: "descend" }
  | { kind: "indexes"; indexes: number[] }
  | { kind: "slice"; start?: number; end?: number; step?: number }
  | { kind: "filter"; filter: Filter };

export type Filter =
  | { kind: "and" | "or"; left: Filter; right: Filter }
  | { kind: "compare"; left: Operand; operator: string; right: Operand }
  | { kind: "exists"; operand: Operand };

export type Operand =
  | { kind: "literal"; value: unknown }
  | { kind: "path"; path: JsonPath; fromRoot: boolean };

/** Longer than any printer column; bounds the work for hostile CRDs. */
const MAX_PATH_LENGTH = 4096;
/** Each `..` may multiply the values by the depth of the object; one or two is all that a person writes. */
const MAX_DESCENTS = 2;

/**
 * Parses a path; the braces of a template (`{.a.b}`), a leading `$` and a missing first dot are accepted.
 * @throws SyntaxError saying where
 */
export function parseJsonPath(text: string): JsonPath {
  if (text.length > MAX_PATH_LENGTH)
    throw new SyntaxError(`JSONPath is longer than ${MAX_PATH_LENGTH} characters`);
  const trimmed = text.trim();
  const inner = trimmed.startsWith("{") && trimmed.endsWith("}") ? trimmed.slice(1, -1).trim() : trimmed;
  const parser = new PathParser(/^[.$@[]/.test(inner) || inner === "" ? inner : `.${inner}`, text);
  const path = parser.path();
  parser.end();
  return path;
}

class PathParser {
  readonly #text: string;
  readonly #source: string;
  #at = 0;
  #descents = 0;

  constructor(text: string, source: string) {
    this.#text = text;
    this.#source = source;
  }

  end(): void {
    if (this.#at < this.#text.length) throw this.#error("the end");
  }

  path(): Step[] {
    const steps: Step[] = [];
    if (this.#text[this.#at] === "$" || this.#text[this.#at] === "@") this.#at++;
    for (;;) {
      if (this.#accept("..")) {
        if (++this.#descents > MAX_DESCENTS) throw this.#error(`at most ${MAX_DESCENTS} uses of ".."`);
        steps.push({ kind: "descend" });
        if (this.#text[this.#at] !== "[") steps.push(this.#name());
      } else if (this.#accept(".")) {
        if (this.#text[this.#at] !== "[" && !this.#isEnd()) steps.push(this.#name());
      } else if (this.#accept("[")) steps.push(this.#bracket());
      else return steps;
    }
  }

  #isEnd(): boolean {
    return this.#at >= this.#text.length || /[\s)=!<>&|]/.test(this.#text.charAt(this.#at));
  }

  #name(): Step {
    if (this.#accept("*")) return { kind: "wildcard" };
    let name = "";
    for (
      let character = this.#text.charAt(this.#at);
      character !== "";
      character = this.#text.charAt(this.#at)
    ) {
      if (character === "\\") {
        name += this.#text.charAt(this.#at + 1);
        this.#at += 2;
      } else if (/[.[\])\s=!<>&|]/.test(character)) break;
      else {
        name += character;
        this.#at++;
      }
    }
    if (name === "") throw this.#error("a field name");
    return { kind: "field", name };
  }

  #bracket(): Step {
    this.#space();
    if (this.#accept("?(")) {
      const filter = this.#or();
      this.#expect(")");
      this.#space();
      this.#expect("]");
      return { kind: "filter", filter };
    }
    if (this.#accept("*")) {
      this.#expect("]");
      return { kind: "wildcard" };
    }
    if (/['"]/.test(this.#text.charAt(this.#at))) return this.#quotedNames();
    const body = this.#match(/[-\d:,\s]*/y);
    this.#expect("]");
    return this.#numbers(body);
  }

  #quotedNames(): Step {
    const names: string[] = [];
    do {
      this.#space();
      names.push(this.#string());
      this.#space();
    } while (this.#accept(","));
    this.#expect("]");
    const [name] = names;
    return names.length === 1 && name !== undefined ? { kind: "field", name } : { kind: "fields", names };
  }

  #numbers(body: string): Step {
    const integer = (text: string) => {
      if (!/^-?\d{1,9}$/.test(text.trim())) throw this.#error("an index");
      return Number(text);
    };
    if (!body.includes(":")) return { kind: "indexes", indexes: body.split(",").map(integer) };
    const [start = "", end = "", step = "", ...rest] = body.split(":").map((part) => part.trim());
    if (rest.length > 0) throw this.#error("[start:end:step]");
    const slice: Step = { kind: "slice" };
    if (start !== "") slice.start = integer(start);
    if (end !== "") slice.end = integer(end);
    if (step !== "") slice.step = integer(step);
    if (slice.step !== undefined && slice.step < 1) throw this.#error("a step of 1 or more");
    return slice;
  }

  #or(): Filter {
    let left = this.#and();
    while (this.#acceptSpaced("||")) left = { kind: "or", left, right: this.#and() };
    return left;
  }

  #and(): Filter {
    let left = this.#comparison();
    while (this.#acceptSpaced("&&")) left = { kind: "and", left, right: this.#comparison() };
    return left;
  }

  #comparison(): Filter {
    const left = this.#operand();
    this.#space();
    const operator = this.#match(/==|!=|<=|>=|<|>/y);
    if (operator === "") return { kind: "exists", operand: left };
    return { kind: "compare", left, operator, right: this.#operand() };
  }

  #operand(): Operand {
    this.#space();
    const character = this.#text.charAt(this.#at);
    if (character === "@" || character === "$")
      return { kind: "path", path: this.path(), fromRoot: character === "$" };
    if (character === "'" || character === '"') return { kind: "literal", value: this.#string() };
    const word = this.#match(/[-+.\w]+/y);
    if (word === "true" || word === "false") return { kind: "literal", value: word === "true" };
    if (word !== "" && Number.isFinite(Number(word))) return { kind: "literal", value: Number(word) };
    throw this.#error("@, a string, a number, true or false");
  }

  #string(): string {
    const quote = this.#text.charAt(this.#at);
    let value = "";
    for (let index = this.#at + 1; index < this.#text.length; index++) {
      const character = this.#text.charAt(index);
      if (character === quote) {
        this.#at = index + 1;
        return value;
      }
      value += character === "\\" ? this.#text.charAt(++index) : character;
    }
    throw this.#error("a closing quote");
  }

  #acceptSpaced(symbol: string): boolean {
    this.#space();
    return this.#accept(symbol);
  }

  #space(): void {
    this.#match(/\s*/y);
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const text = pattern.exec(this.#text)?.[0] ?? "";
    this.#at += text.length;
    return text;
  }

  #accept(symbol: string): boolean {
    if (!this.#text.startsWith(symbol, this.#at)) return false;
    this.#at += symbol.length;
    return true;
  }

  #expect(symbol: string): void {
    if (!this.#accept(symbol)) throw this.#error(`"${symbol}"`);
  }

  #error(expected: string): SyntaxError {
    return new SyntaxError(
      `JSONPath ${JSON.stringify(this.#source)}: expected ${expected} at ${JSON.stringify(this.#text.slice(this.#at))}`,
    );
  }
}
