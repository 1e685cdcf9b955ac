/** Label matchers of a selector, with Prometheus' meaning: an absent label is an empty one, patterns match the whole. */
import type { Labels } from "../series.ts";

export interface Matcher {
  name: string;
  operator: "=" | "!=" | "=~" | "!~";
  value: string;
}

/** Compiles matchers into one test. @throws SyntaxError for a pattern that is no regular expression */
export function compileMatchers(matchers: readonly Matcher[]): (labels: Labels) => boolean {
  const tests = matchers.map(({ name, operator, value }) => {
    const read = (labels: Labels): string => (Object.hasOwn(labels, name) ? (labels[name] ?? "") : "");
    if (operator === "=") return (labels: Labels) => read(labels) === value;
    if (operator === "!=") return (labels: Labels) => read(labels) !== value;
    const pattern = new RegExp(`^(?:${value})$`, "us");
    const wanted = operator === "=~";
    return (labels: Labels) => pattern.test(read(labels)) === wanted;
  });
  return (labels) => tests.every((test) => test(labels));
}
