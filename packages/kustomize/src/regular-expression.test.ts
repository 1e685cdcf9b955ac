import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileAnchored } from "./go-regexp.ts";
import { compileExpression } from "./regular-expression.ts";

describe("regular expressions of Go", () => {
  it.each<[pattern: string, text: string, matches: boolean]>([
    ["", "anything", true],
    ["b", "abc", true],
    ["^b", "abc", false],
    ["^(?:model|server)-.*$", "model-a", true],
    ["^(?:model|server)-.*$", "a-model-a", false],
    ["^a{2,3}$", "aaaa", false],
    ["^a{2,}$", "aaaa", true],
    ["^a{,2}$", "a{,2}", true],
    ["^x{$", "x{", true],
    ["^[^a-c]+$", "xyz", true],
    ["^[]a]+$", "a]", true],
    ["^[a-]+$", "a-", true],
    ["^[[:alpha:]_]+$", "ab_", true],
    ["^[[:^digit:]]+$", "a1", false],
    ["^[\\d.]+$", "1.5", true],
    ["^\\w+\\.\\S$", "a_1.x", true],
    ["\\bmodel\\b", "my-model-1", true],
    ["\\Bodel", "model", true],
    ["(?i)^MODEL$", "model", true],
    ["^(?i:M)odel$", "mOdel", false],
    ["^(?P<name>a)(?<other>b)$", "ab", true],
    ["^\\Qa.b\\E$", "a.b", true],
    ["^\\Qa.b\\E$", "axb", false],
    ["^\\x41\\x{1F600}$", "A\u{1F600}", true],
    ["^.$", "\u{1F600}", true],
    ["^.$", "\n", false],
    ["(?s)^.$", "\n", true],
    ["(?m)^b$", "a\nb", true],
    ["^(a*)*$", "aaa", true],
    ["^(a|b*?)+?c$", "abc", true],
    ["\\Aa\\z", "a", true],
  ])("%s %s: %s", (pattern, text, matches) => {
    expect(compileExpression(pattern).test(text)).toBe(matches);
  });

  it.each<[pattern: string, message: RegExp]>([
    ["(a", /missing closing \)/],
    ["a)", /unexpected \)/],
    ["[a", /missing closing ]/],
    ["[b-a]", /invalid character class range/],
    ["*a", /missing argument to repetition operator: `\*`/],
    ["a**", /invalid nested repetition/],
    ["a{1001}", /invalid repeat count/],
    ["a{2,1}", /invalid repeat count/],
    ["(?:a{1000}){1000}", /expression too large/],
    ["a\\", /trailing backslash/],
    ["(a)\\1", /invalid escape sequence: `\\1`/],
    ["a(?=b)", /invalid or unsupported Perl syntax: `\(\?=`/],
    ["(?<!a)b", /invalid named capture/],
    ["\\pL", /invalid escape sequence: `\\p`/],
    ["a".repeat(1_001), /longer than 1000/],
    ["(".repeat(999), /missing closing/],
  ])("refuses %s", (pattern, message) => {
    expect(() => compileExpression(pattern)).toThrow(message);
  });

  it("shows the expression of a selector", () => {
    expect(() => compileAnchored("a(")).toThrow("error parsing regexp: missing closing ) in `a(`");
    expect(compileAnchored("a|b").test("ab")).toBe(false);
  });

  it.each(["^(a+)+$", "^(a|a)*$", "^(a|aa)+$", "^(.*a){20}$", "^(a?){50}a{50}$"])(
    "takes no time for %s",
    (pattern) => {
      const start = performance.now();
      compileExpression(pattern).test(`${"a".repeat(5_000)}!`);
      // Linear: some milliseconds; exponential would be for ever.
      expect(performance.now() - start).toBeLessThan(2_000);
    },
  );

  it("matches what JavaScript matches, for expressions that both know", () => {
    const { pattern } = fc.letrec<{ pattern: string; atom: string }>((tie) => ({
      atom: fc.oneof(
        { depthSize: "small" },
        fc.constantFrom(
          "a",
          "b",
          "c",
          ".",
          "-",
          "\\.",
          "\\d",
          "\\w",
          "[ab]",
          "[^a]",
          "[a-c1]",
          "^",
          "$",
          "\\b",
        ),
        tie("pattern").map((inner) => `(?:${inner})`),
        tie("pattern").map((inner) => `(${inner})`),
      ),
      pattern: fc
        .array(
          fc
            .tuple(tie("atom"), fc.constantFrom("", "", "", "*", "+", "?", "{2}", "{0,2}", "{1,}", "|"))
            .map(([atom, suffix]) => (/^(?:[$^]|\\b)$/.test(atom) && suffix !== "|" ? atom : atom + suffix)),
          { minLength: 1, maxLength: 4 },
        )
        .map((parts) => parts.join("")),
    }));
    const text = fc.string({ unit: fc.constantFrom("a", "b", "c", "1", "-", "."), maxLength: 8 });
    fc.assert(
      fc.property(pattern, text, (expression, subject) => {
        expect(compileExpression(expression).test(subject)).toBe(new RegExp(expression, "u").test(subject));
      }),
      { numRuns: 2_000 },
    );
  });
});
