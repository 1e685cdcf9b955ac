import { QueryError } from "./ast.ts";

export interface Token {
  kind: "identifier" | "number" | "duration" | "string" | "symbol" | "end";
  text: string;
  at: number;
}

const DURATION = /(?:\d+(?:ms|[smhdwy]))+/y;
const NUMBER = /(?:0x[0-9a-fA-F]+|\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)/y;
const IDENTIFIER = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const STRING = /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`/y;
const SYMBOL = /=~|!~|==|!=|>=|<=|[-+*/%^=<>(){}[\],@]/y;
const BLANK = /(?:\s+|#[^\n]*)*/y;

const KINDS: readonly (readonly [Token["kind"], RegExp])[] = [
  ["duration", DURATION],
  ["number", NUMBER],
  ["identifier", IDENTIFIER],
  ["string", STRING],
  ["symbol", SYMBOL],
];

const ESCAPES: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  "\\": "\\",
  '"': '"',
  "'": "'",
};

/** The value of a string token. */
export function stringValue(token: Token): string {
  const inner = token.text.slice(1, -1);
  if (token.text.startsWith("`")) return inner;
  return inner.replace(/\\(.)/g, (_, char: string) => {
    const value = ESCAPES[char];
    if (value === undefined)
      throw new QueryError(`unknown escape \\${char} in a string at character ${token.at + 1}`);
    return value;
  });
}

/** Dashboards' queries have hundreds of characters; this bounds the parser's work. */
const MAX_QUERY_LENGTH = 16_384;

/** @throws QueryError for characters outside the language */
export function tokenize(text: string): Token[] {
  if (text.length > MAX_QUERY_LENGTH)
    throw new QueryError(`query is longer than ${MAX_QUERY_LENGTH} characters`);
  const tokens: Token[] = [];
  let at = 0;
  const match = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    return pattern.exec(text)?.[0] ?? "";
  };
  for (;;) {
    at += match(BLANK).length;
    if (at >= text.length) break;
    const found = KINDS.map(([kind, pattern]) => ({ kind, text: match(pattern), at })).find(
      (token) => token.text !== "",
    );
    if (found === undefined) {
      throw new QueryError(`parse error at character ${at + 1}: unexpected ${JSON.stringify(text[at])}`);
    }
    tokens.push(found);
    at += found.text.length;
  }
  return [...tokens, { kind: "end", text: "end of query", at: text.length }];
}

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  y: 31_536_000_000,
};

/** `1h30m` in milliseconds. */
export function durationMs(text: string): number {
  let total = 0;
  for (const [, digits = "", unit = ""] of text.matchAll(/(\d+)(ms|[smhdwy])/g)) {
    total += Number(digits) * (UNITS[unit] ?? 0);
  }
  return total;
}
