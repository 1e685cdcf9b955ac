import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ExpositionError, parseExposition, type ParsedSample } from "./parse.ts";

describe("parseExposition", () => {
  it.each<[string, string, ParsedSample[]]>([
    ["a plain sample", "up 1", [{ labels: { __name__: "up" }, value: 1 }]],
    [
      "comments and blanks",
      "# HELP up x\n\n# TYPE up gauge\n  up 1 \r\n",
      [{ labels: { __name__: "up" }, value: 1 }],
    ],
    ["labels", 'a{b="c",d="e"} 2.5e3', [{ labels: { __name__: "a", b: "c", d: "e" }, value: 2500 }]],
    [
      "spaces everywhere",
      'a { b = "c" , d="e", } \t 2',
      [{ labels: { __name__: "a", b: "c", d: "e" }, value: 2 }],
    ],
    [
      "empty labels",
      'a{} 1\nb{c=""} 2',
      [
        { labels: { __name__: "a" }, value: 1 },
        { labels: { __name__: "b" }, value: 2 },
      ],
    ],
    [
      "escapes",
      String.raw`a{b="q\"b\\n\nx\y"} 1`,
      [{ labels: { __name__: "a", b: 'q"b\\n\nx\\y' }, value: 1 }],
    ],
    [
      "braces and commas in values",
      'a{b="}",c=",="} 1',
      [{ labels: { __name__: "a", b: "}", c: ",=" }, value: 1 }],
    ],
    [
      "special values",
      "a +Inf\nb -Inf\nc NaN",
      [
        { labels: { __name__: "a" }, value: Number.POSITIVE_INFINITY },
        { labels: { __name__: "b" }, value: Number.NEGATIVE_INFINITY },
        { labels: { __name__: "c" }, value: Number.NaN },
      ],
    ],
    ["a timestamp", "a 1 1395066363000", [{ labels: { __name__: "a" }, value: 1, timestamp: 1395066363000 }]],
    ["unicode", 'a{b="grüße 🚲"} 1', [{ labels: { __name__: "a", b: "grüße 🚲" }, value: 1 }]],
  ])("reads %s", (_, text, expected) => {
    expect(parseExposition(text)).toEqual(expected);
  });

  it.each([
    ["no value", "a", "metrics line 1: no number after a"],
    ["text as value", "ok 1\na b", "metrics line 2: no number after a"],
    ["hexadecimal", "a 0x10", "metrics line 1: no number after a"],
    ["an open label block", 'a{b="c" 1', "metrics line 1: labels are broken at column 9"],
    ["an unquoted value", "a{b=c} 1", "metrics line 1: labels are broken at column 3"],
    ["a label twice", 'a{b="1",b="2"} 1', "metrics line 1: label b appears twice"],
    [
      "a label named like an object's own",
      'a{__proto__="x",__proto__="y"} 1',
      "metrics line 1: label __proto__ appears twice",
    ],
    ["no name", "{} 1", "metrics line 1: no metric name"],
  ])("refuses %s", (_, text, message) => {
    expect(() => parseExposition(text)).toThrow(new ExpositionError(message));
  });

  it("skips names that are not kept, even broken ones", () => {
    expect(parseExposition("a broken{\nb 1", (name) => name === "b")).toHaveLength(1);
  });

  it("reads back what an exporter escapes", () => {
    const escape = (text: string): string =>
      text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
    const labels = fc.dictionary(
      fc.stringMatching(/^[a-z_]{1,5}$/),
      fc.string({ minLength: 1, unit: "grapheme" }).filter((s) => !s.includes("\r")),
    );
    fc.assert(
      fc.property(labels, fc.double(), (record, value) => {
        const block = Object.entries(record)
          .map(([name, text]) => `${name}="${escape(text)}"`)
          .join(",");
        const number = Number.isFinite(value)
          ? String(value)
          : Number.isNaN(value)
            ? "NaN"
            : value > 0
              ? "+Inf"
              : "-Inf";
        const [sample] = parseExposition(`m{${block}} ${number}`);
        expect(sample?.labels).toEqual({ __name__: "m", ...record });
        expect(sample?.value).toBe(Object.is(value, -0) ? 0 : value);
      }),
    );
  });

  it("answers any text with samples or an ExpositionError", () => {
    fc.assert(
      fc.property(fc.string(), fc.constantFrom("a", "a{b=", 'a{b="', ""), (text, start) => {
        try {
          parseExposition(start + text);
        } catch (error) {
          expect(error).toBeInstanceOf(ExpositionError);
        }
      }),
    );
  });
});
