import { needsQuotes } from "./plain-scalar.ts";

export type ScalarStyle = "plain" | "single" | "double" | "literal";

/** Where a scalar stands: as the key of a map (one line only) or as a value. */
export type ScalarPlace = "key" | "value";

/** Words without any character that could need quoting, which most scalars of manifests are. */
const SIMPLE = /^[A-Za-z/][A-Za-z0-9/._-]*$/;
const SHORTEST_SAFE_WORD = 6;

/**
 * The style in which go-yaml v2 (which kustomize prints with) writes a string: plain where that reads back as the same
 * string, a literal block for several lines, quotes otherwise.
 */
export function styleOf(text: string, place: ScalarPlace): ScalarStyle {
  if (text.length >= SHORTEST_SAFE_WORD && SIMPLE.test(text)) return "plain";
  const allowed = analyze(text);
  if (text.includes("\n")) {
    return allowed.block && place === "value" ? "literal" : "double";
  }
  if (needsQuotes(text)) return "double";
  if (allowed.plain && text !== "") return "plain";
  return allowed.single ? "single" : "double";
}

interface Allowed {
  plain: boolean;
  single: boolean;
  block: boolean;
}

const START_INDICATOR = /^(?:[#,[\]{}&*!|>'"%@`]|---|\.\.\.|[?:-](?=[ \t\n\r\0\u0085\u2028\u2029]|$))/;
const INNER_INDICATOR = /:(?=[ \t\n\r\0\u0085\u2028\u2029]|$)|[ \t\n\r\0\u0085\u2028\u2029]#/;
const BREAK = /[\n\r\u0085\u2028\u2029]/;
/** Not printable in go-yaml's eyes; everything beyond the basic plane counts as such. */
const SPECIAL = /[^\n\x20-\x7e\u00a0-\ud7ff\ue000-\ufefe\uff00-\ufffd]/;
const SPACE_THEN_BREAK = / [\n\r\u0085\u2028\u2029]/;
const BREAK_THEN_SPACE = /[\n\r\u0085\u2028\u2029] /;
const OUTER_BLANK = /^[ \n\r\u0085\u2028\u2029]|[ \n\r\u0085\u2028\u2029]$/;

function analyze(text: string): Allowed {
  const special = SPECIAL.test(text) || SPACE_THEN_BREAK.test(text);
  const breakThenSpace = BREAK_THEN_SPACE.test(text);
  return {
    plain: !(
      special ||
      breakThenSpace ||
      OUTER_BLANK.test(text) ||
      BREAK.test(text) ||
      START_INDICATOR.test(text) ||
      INNER_INDICATOR.test(text)
    ),
    single: !special && !breakThenSpace,
    block: !special && !text.endsWith(" "),
  };
}
