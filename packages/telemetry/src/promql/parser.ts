/** Recursive descent over PromQL; what is not understood is refused by name, never ignored. */
import { METRIC_NAME } from "../series.ts";
import type { Matcher } from "../store/matcher.ts";
import {
  AGGREGATES,
  QueryError,
  type AggregateOperator,
  type BinaryOperator,
  type Expression,
} from "./ast.ts";
import { durationMs, stringValue, tokenize, type Token } from "./lexer.ts";
import { FUNCTIONS } from "./signature.ts";

/** Binding strength, weakest first; `^` binds tighter than a sign and to the right. */
const PRECEDENCE: ReadonlyMap<string, number> = new Map([
  ...["==", "!=", ">", "<", ">=", "<="].map((operator) => [operator, 1] as const),
  ...["+", "-"].map((operator) => [operator, 2] as const),
  ...["*", "/", "%"].map((operator) => [operator, 3] as const),
  ["^", 5] as const,
]);
const SIGN_PRECEDENCE = 4;
const UNSUPPORTED_WORDS = new Set([
  "and",
  "or",
  "unless",
  "on",
  "ignoring",
  "group_left",
  "group_right",
  "atan2",
]);
/** Deeper nesting is not a query that a person or a dashboard writes. */
const MAX_DEPTH = 64;

const isAggregate = (name: string): name is AggregateOperator =>
  (AGGREGATES as readonly string[]).includes(name);
const isBinary = (text: string): text is BinaryOperator => PRECEDENCE.has(text);

class Parser {
  readonly #tokens: Token[];
  #index = 0;
  #depth = 0;

  constructor(text: string) {
    this.#tokens = tokenize(text);
  }

  query(): Expression {
    const expression = this.#expression(0);
    if (this.#peek().kind !== "end") this.#fail(this.#peek());
    return expression;
  }

  #peek(ahead = 0): Token {
    return (
      this.#tokens[Math.min(this.#index + ahead, this.#tokens.length - 1)] ?? { kind: "end", text: "", at: 0 }
    );
  }

  #next(): Token {
    const token = this.#peek();
    this.#index++;
    return token;
  }

  #fail(token: Token, expected = ""): never {
    const word = token.text.toLowerCase();
    if (token.kind === "identifier" && UNSUPPORTED_WORDS.has(word)) {
      throw new QueryError(`"${word}" at character ${token.at + 1} is not supported here`);
    }
    if (token.text === "@")
      throw new QueryError(`the @ modifier at character ${token.at + 1} is not supported`);
    const wanted = expected === "" ? "" : `, expected ${expected}`;
    throw new QueryError(
      `parse error at character ${token.at + 1}: unexpected ${JSON.stringify(token.text)}${wanted}`,
    );
  }

  #accept(text: string): boolean {
    const token = this.#peek();
    if (token.text !== text || token.kind === "string") return false;
    this.#index++;
    return true;
  }

  #expect(text: string): void {
    if (!this.#accept(text)) this.#fail(this.#peek(), JSON.stringify(text));
  }

  #expression(minimum: number): Expression {
    if (++this.#depth > MAX_DEPTH) throw new QueryError(`query is nested deeper than ${MAX_DEPTH} levels`);
    let left = this.#unary();
    for (;;) {
      const operator = this.#peek();
      const strength = PRECEDENCE.get(operator.text);
      if (
        operator.kind !== "symbol" ||
        strength === undefined ||
        strength < minimum ||
        !isBinary(operator.text)
      )
        break;
      this.#index++;
      const bool = strength === 1 && this.#accept("bool");
      const right = this.#expression(operator.text === "^" ? strength : strength + 1);
      left = { kind: "binary", operator: operator.text, bool, left, right };
    }
    this.#depth--;
    return left;
  }

  #unary(): Expression {
    if (this.#accept("-")) return { kind: "negate", of: this.#expression(SIGN_PRECEDENCE) };
    if (this.#accept("+")) return this.#expression(SIGN_PRECEDENCE);
    return this.#suffixes(this.#primary());
  }

  #primary(): Expression {
    const token = this.#next();
    if (token.kind === "number") return { kind: "number", value: Number(token.text) };
    if (token.kind === "string") return { kind: "string", value: stringValue(token) };
    if (token.text === "(") {
      const inner = this.#expression(0);
      this.#expect(")");
      return inner;
    }
    if (token.text === "{") return { kind: "selector", matchers: this.#matchers([]), offset: 0 };
    if (token.kind !== "identifier") this.#fail(token);
    const lower = token.text.toLowerCase();
    if (lower === "inf") return { kind: "number", value: Number.POSITIVE_INFINITY };
    if (lower === "nan") return { kind: "number", value: Number.NaN };
    if (isAggregate(lower) && ["(", "by", "without"].includes(this.#peek().text))
      return this.#aggregate(lower);
    if (UNSUPPORTED_WORDS.has(lower)) this.#fail(token);
    if (this.#peek().text === "(") return this.#call(token);
    const named: Matcher[] = [{ name: METRIC_NAME, operator: "=", value: token.text }];
    return { kind: "selector", matchers: this.#accept("{") ? this.#matchers(named) : named, offset: 0 };
  }

  #matchers(matchers: Matcher[]): Matcher[] {
    while (!this.#accept("}")) {
      const name = this.#next();
      if (name.kind !== "identifier") this.#fail(name, "a label name");
      const { text: operator, ...token } = this.#next();
      if (operator !== "=" && operator !== "!=" && operator !== "=~" && operator !== "!~") {
        this.#fail({ ...token, text: operator }, "a label matcher");
      }
      const value = this.#next();
      if (value.kind !== "string") this.#fail(value, "a string");
      matchers.push({ name: name.text, operator, value: stringValue(value) });
      if (!this.#accept(",") && this.#peek().text !== "}") this.#fail(this.#peek(), '"," or "}"');
    }
    for (const { operator, value } of matchers) if (operator.endsWith("~")) this.#pattern(value);
    // Prometheus wants one matcher that does not match the empty string, lest a query read everything.
    const narrow = matchers.some(({ operator, value }) =>
      operator === "="
        ? value !== ""
        : operator === "=~"
          ? !this.#pattern(value).test("")
          : operator === "!=" && value === "",
    );
    if (!narrow) throw new QueryError("vector selector must contain at least one non-empty matcher");
    return matchers;
  }

  #pattern(text: string): RegExp {
    try {
      return new RegExp(`^(?:${text})$`, "us");
    } catch {
      throw new QueryError(`${JSON.stringify(text.slice(0, 100))} is not a regular expression`);
    }
  }

  #suffixes(expression: Expression): Expression {
    let result = expression;
    if (this.#accept("[")) {
      const range = this.#next();
      if (range.kind !== "duration") this.#fail(range, "a duration such as 5m");
      if (this.#peek().text.startsWith(":")) throw new QueryError("subqueries are not supported");
      this.#expect("]");
      if (result.kind !== "selector") throw new QueryError("a range is only allowed after a selector");
      result = { ...result, range: durationMs(range.text) };
      if (result.range === 0) throw new QueryError("a range must be longer than 0");
    }
    if (this.#peek().kind === "identifier" && this.#accept("offset")) {
      const sign = this.#accept("-") ? -1 : 1;
      const offset = this.#next();
      if (offset.kind !== "duration") this.#fail(offset, "a duration such as 5m");
      if (result.kind !== "selector") throw new QueryError("offset is only allowed after a selector");
      result = { ...result, offset: sign * durationMs(offset.text) };
    }
    if (this.#peek().text === "@") this.#fail(this.#peek());
    return result;
  }

  #labelList(): string[] {
    this.#expect("(");
    const labels: string[] = [];
    while (!this.#accept(")")) {
      const label = this.#next();
      if (label.kind !== "identifier") this.#fail(label, "a label name");
      labels.push(label.text);
      if (!this.#accept(",") && this.#peek().text !== ")") this.#fail(this.#peek(), '"," or ")"');
    }
    return labels;
  }

  #grouping(): { by: boolean; labels: string[] } | undefined {
    if (this.#accept("by")) return { by: true, labels: this.#labelList() };
    if (this.#accept("without")) return { by: false, labels: this.#labelList() };
    return undefined;
  }

  #arguments(): Expression[] {
    this.#expect("(");
    const list: Expression[] = [];
    while (!this.#accept(")")) {
      list.push(this.#expression(0));
      if (!this.#accept(",") && this.#peek().text !== ")") this.#fail(this.#peek(), '"," or ")"');
    }
    return list;
  }

  #aggregate(operator: AggregateOperator): Expression {
    const before = this.#grouping();
    const list = this.#arguments();
    const grouping = before ?? this.#grouping() ?? { by: true, labels: [] };
    const parameters = operator === "topk" || operator === "bottomk" ? 1 : 0;
    const of = list[parameters];
    const [parameter] = list;
    if (of === undefined || list.length !== parameters + 1) {
      throw new QueryError(`${operator} needs ${parameters + 1} argument(s), got ${list.length}`);
    }
    return {
      kind: "aggregate",
      operator,
      ...grouping,
      of,
      ...(parameters === 1 && parameter ? { parameter } : {}),
    };
  }

  #call(name: Token): Expression {
    const signature = FUNCTIONS.get(name.text);
    if (signature === undefined)
      throw new QueryError(`function "${name.text}" is not known or not supported`);
    const list = this.#arguments();
    if (list.length < signature.minimum || list.length > signature.types.length) {
      throw new QueryError(`${name.text} does not take ${list.length} argument(s)`);
    }
    return { kind: "call", name: name.text, arguments: list };
  }
}

/** @throws QueryError naming the character, or what is not supported */
export function parseQuery(text: string): Expression {
  return new Parser(text).query();
}
