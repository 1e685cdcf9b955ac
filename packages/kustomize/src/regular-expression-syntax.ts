type CodeTest = (code: number) => boolean;

export type Expression =
  | { readonly kind: "character"; readonly matches: CodeTest }
  | { readonly kind: "assertion"; readonly holds: (text: readonly number[], at: number) => boolean }
  | { readonly kind: "sequence" | "alternatives"; readonly parts: readonly Expression[] }
  | {
      readonly kind: "repeat";
      readonly part: Expression;
      readonly minimum: number;
      readonly maximum: number;
    };

/** Longer patterns are an attack, not a selector. */
const MAX_PATTERN_LENGTH = 1_000;
/** As in Go. */
const MAX_REPEAT = 1_000;
/** Groups within groups; Go has the same. */
const MAX_DEPTH = 1_000;

const isDigit: CodeTest = (code) => code >= 48 && code <= 57;
const isLetter: CodeTest = (code) => (code >= 65 && code <= 90) || (code >= 97 && code <= 122);
const isWord: CodeTest = (code) => isDigit(code) || isLetter(code) || code === 95;
/** In Go, `\s` has no vertical tab. */
const isSpace: CodeTest = (code) => [9, 10, 12, 13, 32].includes(code);
const not =
  (test: CodeTest): CodeTest =>
  (code) =>
    !test(code);

const CLASSES: Readonly<Record<string, CodeTest>> = {
  d: isDigit,
  D: not(isDigit),
  w: isWord,
  W: not(isWord),
  s: isSpace,
  S: not(isSpace),
};
const POSIX_CLASSES: Readonly<Record<string, CodeTest>> = {
  alnum: (code) => isDigit(code) || isLetter(code),
  alpha: isLetter,
  digit: isDigit,
  lower: (code) => code >= 97 && code <= 122,
  punct: (code) => code > 32 && code < 127 && !isDigit(code) && !isLetter(code),
  space: (code) => code === 11 || isSpace(code),
  upper: (code) => code >= 65 && code <= 90,
  word: isWord,
  xdigit: (code) => isDigit(code) || (code >= 65 && code <= 70) || (code >= 97 && code <= 102),
};
const CONTROL: Readonly<Record<string, number>> = { a: 7, f: 12, t: 9, n: 10, r: 13, v: 11 };

interface Flags {
  readonly i: boolean;
  readonly m: boolean;
  readonly s: boolean;
}

/** Parses Go's syntax (RE2), but for Unicode classes (`\p{…}`). @throws Error that names what is wrong */
export function parseExpression(pattern: string): Expression {
  if (pattern.length > MAX_PATTERN_LENGTH) {
    throw new Error(`regular expression longer than ${MAX_PATTERN_LENGTH}`);
  }
  const parser = new Parser(Array.from(pattern));
  return parser.whole();
}

class Parser {
  readonly #pattern: readonly string[];
  #at = 0;
  #flags: Flags = { i: false, m: false, s: false };
  #depth = 0;

  constructor(pattern: readonly string[]) {
    this.#pattern = pattern;
  }

  whole(): Expression {
    const expression = this.#alternatives();
    if (this.#at < this.#pattern.length) throw new Error("unexpected )");
    return expression;
  }

  #peek(offset = 0): string {
    return this.#pattern[this.#at + offset] ?? "";
  }

  #take(): string {
    return this.#pattern[this.#at++] ?? "";
  }

  #skip(character: string): boolean {
    if (this.#peek() !== character) return false;
    this.#at++;
    return true;
  }

  #alternatives(): Expression {
    if (++this.#depth > MAX_DEPTH) throw new Error("expression nests too deeply");
    const outer = this.#flags;
    const parts = [this.#sequence()];
    while (this.#skip("|")) parts.push(this.#sequence());
    this.#flags = outer;
    this.#depth--;
    return { kind: "alternatives", parts };
  }

  #sequence(): Expression {
    const parts: Expression[] = [];
    while (this.#at < this.#pattern.length && this.#peek() !== "|" && this.#peek() !== ")") {
      const part = this.#part();
      if (part !== undefined) parts.push(this.#repeated(part));
    }
    return { kind: "sequence", parts };
  }

  /** @returns undefined for what matches nothing by itself: flags */
  #part(): Expression | undefined {
    const { i, m, s } = this.#flags;
    const character = this.#take();
    switch (character) {
      case "(":
        return this.#group();
      case "[":
        return one(this.#class(), i);
      case ".":
        return { kind: "character", matches: s ? () => true : (code) => code !== 10 };
      case "^":
        return { kind: "assertion", holds: (text, at) => at === 0 || (m && text[at - 1] === 10) };
      case "$":
        return { kind: "assertion", holds: (text, at) => at === text.length || (m && text[at] === 10) };
      case "*":
      case "+":
      case "?":
        throw new Error(`missing argument to repetition operator: \`${character}\``);
      case "\\":
        return this.#escape(i);
      default:
        return one(is(character), i);
    }
  }

  #group(): Expression | undefined {
    const outer = this.#flags;
    if (this.#skip("?")) {
      if (this.#peek() === "P" && this.#peek(1) === "<") this.#at++;
      if (this.#skip("<")) this.#groupName();
      else if (this.#setFlags() === ")") return undefined;
    }
    const expression = this.#alternatives();
    if (!this.#skip(")")) throw new Error("missing closing )");
    this.#flags = outer;
    return expression;
  }

  #groupName(): void {
    let name = "";
    while (this.#peek() !== ">" && this.#at < this.#pattern.length) name += this.#take();
    if (!this.#skip(">") || !/^\w+$/.test(name)) throw new Error(`invalid named capture: \`(?P<${name}\``);
  }

  /** `(?i)` counts up to the end of the group that it is in, `(?i:` up to its own. @returns the character at the end */
  #setFlags(): string {
    let value = true;
    for (;;) {
      const character = this.#take();
      if (character === ")" || character === ":") return character;
      if (character === "-" && value) value = false;
      else if (character === "i" || character === "m" || character === "s") {
        this.#flags = { ...this.#flags, [character]: value };
      } else if (character !== "U") {
        throw new Error(`invalid or unsupported Perl syntax: \`(?${character}\``);
      }
    }
  }

  #repeated(part: Expression): Expression {
    const range = this.#repetition();
    if (range === undefined) return part;
    // Reluctant: it makes no difference to whether there is a match.
    this.#skip("?");
    if (this.#repetition() !== undefined) throw new Error("invalid nested repetition operator");
    return { kind: "repeat", part, ...range };
  }

  #repetition(): { minimum: number; maximum: number } | undefined {
    if (this.#skip("*")) return { minimum: 0, maximum: Infinity };
    if (this.#skip("+")) return { minimum: 1, maximum: Infinity };
    if (this.#skip("?")) return { minimum: 0, maximum: 1 };
    if (this.#peek() !== "{") return undefined;
    const text = this.#pattern.slice(this.#at, this.#at + "{1000,1000}".length).join("");
    const match = /^\{(\d+)(,(\d*))?\}/.exec(text);
    // Anything else in braces is just that.
    if (match === null) return undefined;
    const minimum = Number(match[1]);
    const maximum = match[2] === undefined ? minimum : match[3] === "" ? Infinity : Number(match[3]);
    if (minimum > MAX_REPEAT || (maximum !== Infinity && maximum > MAX_REPEAT) || minimum > maximum) {
      throw new Error(`invalid repeat count: \`${match[0]}\``);
    }
    this.#at += match[0].length;
    return { minimum, maximum };
  }

  #escape(ignoreCase: boolean): Expression {
    const next = this.#peek();
    switch (next) {
      case "b":
      case "B":
        this.#at++;
        return {
          kind: "assertion",
          holds: (text, at) => (isWord(text[at - 1] ?? 0) !== isWord(text[at] ?? 0)) === (next === "b"),
        };
      case "A":
        this.#at++;
        return { kind: "assertion", holds: (_, at) => at === 0 };
      case "z":
        this.#at++;
        return { kind: "assertion", holds: (text, at) => at === text.length };
      case "Q":
        this.#at++;
        return this.#quoted(ignoreCase);
      default:
        return one(this.#escapedTest(), ignoreCase);
    }
  }

  /** `\Q…\E`: as it is written. */
  #quoted(ignoreCase: boolean): Expression {
    const parts: Expression[] = [];
    while (this.#at < this.#pattern.length) {
      if (this.#peek() === "\\" && this.#peek(1) === "E") {
        this.#at += 2;
        break;
      }
      parts.push(one(is(this.#take()), ignoreCase));
    }
    return { kind: "sequence", parts };
  }

  #escapedTest(): CodeTest {
    const next = this.#peek();
    const named = Object.hasOwn(CLASSES, next) ? CLASSES[next] : undefined;
    if (named === undefined) return equals(this.#escapedCode());
    this.#at++;
    return named;
  }

  /** The character that an escape stands for. */
  #escapedCode(): number {
    const next = this.#take();
    if (next === "") throw new Error("trailing backslash at end of expression");
    const control = Object.hasOwn(CONTROL, next) ? CONTROL[next] : undefined;
    if (control !== undefined) return control;
    if (next === "x") return this.#hexadecimal();
    if (/^[\x21-\x7e]$/.test(next) && !/\w/.test(next)) return codeOf(next);
    throw new Error(`invalid escape sequence: \`\\${next}\``);
  }

  #hexadecimal(): number {
    const rest = this.#pattern.slice(this.#at, this.#at + "{10FFFF}".length).join("");
    const match = /^(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,6})\})/.exec(rest);
    if (match === null) throw new Error("invalid escape sequence: `\\x`");
    this.#at += match[0].length;
    return Number.parseInt(match[1] ?? match[2] ?? "", 16);
  }

  #class(): CodeTest {
    const negated = this.#skip("^");
    const tests: CodeTest[] = [];
    // A bracket in the first place is a character of the class.
    do {
      if (this.#at >= this.#pattern.length) throw new Error("missing closing ]");
      tests.push(this.#classItem());
    } while (!this.#skip("]"));
    const any: CodeTest = (code) => tests.some((test) => test(code));
    return negated ? not(any) : any;
  }

  #classItem(): CodeTest {
    if (this.#peek() === "[" && this.#peek(1) === ":") {
      const match = /^\[:(\^?)(\w+):\]/.exec(this.#pattern.slice(this.#at, this.#at + 16).join(""));
      const name = match?.[2] ?? "";
      const test = Object.hasOwn(POSIX_CLASSES, name) ? POSIX_CLASSES[name] : undefined;
      if (match !== null) {
        if (test === undefined) throw new Error(`invalid character class range: \`${match[0]}\``);
        this.#at += match[0].length;
        return match[1] === "^" ? not(test) : test;
      }
    }
    if (this.#peek() === "\\" && Object.hasOwn(CLASSES, this.#peek(1))) {
      this.#at++;
      return this.#escapedTest();
    }
    const first = this.#classCode();
    if (this.#peek() !== "-" || this.#peek(1) === "]" || this.#peek(1) === "") return equals(first);
    this.#at++;
    const last = this.#classCode();
    if (last < first) throw new Error("invalid character class range");
    return (code) => code >= first && code <= last;
  }

  #classCode(): number {
    return this.#skip("\\") ? this.#escapedCode() : codeOf(this.#take());
  }
}

function codeOf(character: string): number {
  return character.codePointAt(0) ?? 0;
}

function equals(expected: number): CodeTest {
  return (code) => code === expected;
}

function is(character: string): CodeTest {
  return equals(codeOf(character));
}

/** One character; where case does not count, any of its cases will do. */
function one(test: CodeTest, ignoreCase: boolean): Expression {
  if (!ignoreCase) return { kind: "character", matches: test };
  const convert = (code: number, how: "toLowerCase" | "toUpperCase"): number =>
    codeOf(String.fromCodePoint(code)[how]());
  const matches: CodeTest = (code) =>
    test(code) || test(convert(code, "toLowerCase")) || test(convert(code, "toUpperCase"));
  return { kind: "character", matches };
}
