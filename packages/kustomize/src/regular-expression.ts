import { parseExpression } from "./regular-expression-syntax.ts";
import type { Expression } from "./regular-expression-syntax.ts";

/** States of one expression, `a{1000}{1000}` would have a million. */
const MAX_STATES = 20_000;

type State =
  | { readonly kind: "character"; readonly matches: (code: number) => boolean; next: number }
  | { readonly kind: "split"; next: number; other: number }
  | {
      readonly kind: "assertion";
      readonly holds: (text: readonly number[], at: number) => boolean;
      next: number;
    }
  | { readonly kind: "match" };

/** A compiled regular expression. */
export interface Matcher {
  /** Whether the text has a match anywhere; takes time in proportion to the length of the text. */
  test(text: string): boolean;
}

/**
 * Compiles a regular expression of Go (RE2's syntax). Matches by walking all possible states at once (Thompson's
 * construction), so no expression of a manifest can take exponential time, as it can in JavaScript's engine.
 * @throws Error for an expression that does not parse or is too large
 */
export function compileExpression(pattern: string): Matcher {
  const states: State[] = [];
  const add = (state: State): number => {
    if (states.length >= MAX_STATES) throw new Error("expression too large: repeats too much");
    states.push(state);
    return states.length - 1;
  };
  const start = compile(parseExpression(pattern), add({ kind: "match" }), states, add);
  return { test: (text) => run(states, start, text) };
}

/** Adds the states of an expression in front of `next`. @returns the first of them */
function compile(
  expression: Expression,
  next: number,
  states: State[],
  add: (state: State) => number,
): number {
  const inner = (part: Expression, to: number): number => compile(part, to, states, add);
  switch (expression.kind) {
    case "character":
      return add({ kind: "character", matches: expression.matches, next });
    case "assertion":
      return add({ kind: "assertion", holds: expression.holds, next });
    case "sequence":
      return expression.parts.reduceRight((to, part) => inner(part, to), next);
    case "alternatives": {
      const [first, ...others] = expression.parts.map((part) => inner(part, next));
      return others.reduce((left, right) => add({ kind: "split", next: left, other: right }), first ?? next);
    }
    case "repeat": {
      const { part, minimum, maximum } = expression;
      let to = next;
      if (maximum === Infinity) {
        const loop = add({ kind: "split", next, other: next });
        const state = states[loop];
        if (state?.kind === "split") state.other = inner(part, loop);
        to = loop;
      } else {
        for (let count = minimum; count < maximum; count++) {
          to = add({ kind: "split", next, other: inner(part, to) });
        }
      }
      for (let count = 0; count < minimum; count++) to = inner(part, to);
      return to;
    }
  }
}

function run(states: readonly State[], start: number, text: string): boolean {
  const codes = Array.from(text, (character) => character.codePointAt(0) ?? 0);
  let current: number[] = [];
  // The position at which a state was entered last, so that none is entered twice for one.
  const entered = new Int32Array(states.length).fill(-1);
  for (let at = 0; at <= codes.length; at++) {
    // A match may start anywhere.
    const active = [...current, start];
    current = [];
    for (let index = active.pop(); index !== undefined; index = active.pop()) {
      const state = states[index];
      if (state === undefined || entered[index] === at) continue;
      entered[index] = at;
      if (state.kind === "match") return true;
      if (state.kind === "split") active.push(state.next, state.other);
      else if (state.kind === "assertion") {
        if (state.holds(codes, at)) active.push(state.next);
      } else if (at < codes.length && state.matches(codes[at] ?? 0)) current.push(state.next);
    }
  }
  return false;
}
