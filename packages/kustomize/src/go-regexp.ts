import { compileExpression } from "./regular-expression.ts";
import type { Matcher } from "./regular-expression.ts";

/** Names as they are written, mostly: JavaScript's own engine takes them in linear time and means the same. */
const PLAIN = /^[\w./:@-]*$/;
const MAX_PLAIN_LENGTH = 1_000;

/**
 * Compiles a regular expression in Go's syntax between two parts of our own, which are safe for any engine.
 * @throws Error that shows the expression
 */
export function compilePattern(before: string, pattern: string, after: string): Matcher {
  const whole = before + pattern + after;
  if (pattern.length <= MAX_PLAIN_LENGTH && PLAIN.test(pattern)) return new RegExp(whole, "u");
  try {
    return compileExpression(whole);
  } catch (error) {
    const message = error instanceof Error ? error.message : "";
    throw new Error(`error parsing regexp: ${message} in \`${pattern.slice(0, MAX_PLAIN_LENGTH)}\``, {
      cause: error,
    });
  }
}

/** Compiles a selector's expression: it must match the whole text. */
export function compileAnchored(pattern: string): Matcher {
  return compilePattern("^(?:", pattern, ")$");
}
