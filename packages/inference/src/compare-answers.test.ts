import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareAnswers, compareAnswerTexts } from "./compare-answers.ts";
import { normaliseJsonText } from "./json-text.ts";

const answer = (datatype: string, data: number[]): unknown => ({
  model_name: "m",
  id: "anything",
  outputs: [{ name: "y", datatype, shape: [data.length], data }],
});

describe("compareAnswers", () => {
  it.each<[string, unknown, unknown, string[]]>([
    ["equal", { predictions: [1, 2] }, { predictions: [1, 2] }, []],
    ["within tolerance", { predictions: [3045.50195] }, { predictions: [3045.501953125] }, []],
    [
      "beyond it",
      { predictions: [3045.5] },
      { predictions: [3046] },
      ["predictions[0]: expected 3045.5, got 3046 (differs by 0.500)"],
    ],
    ["too few", { predictions: [1, 2] }, { predictions: [1] }, ["predictions: expected 2 elements, got 1"]],
    [
      "an error answer",
      { predictions: [1] },
      { error: "no" },
      ["predictions: expected [1], but it is missing", 'error: not expected, got "no"'],
    ],
    ["another kind", [1], "1", ['answer: expected [1], got "1"']],
    ["tiny values", answer("FP32", [1e-9]), answer("FP32", [0]), []],
    [
      "whole numbers are exact",
      answer("INT64", [1_000_000]),
      answer("INT64", [1_000_001]),
      ["outputs[0].data[0]: expected 1000000, got 1000001 (differs by 1.00)"],
    ],
    ["a missing NaN", [null], [1], ["[0]: expected null, got 1"]],
  ])("%s", (_, expected, actual, differences) => {
    expect(compareAnswers(expected, actual)).toEqual({ equal: differences.length === 0, differences });
  });

  it("takes the tolerance given and ignores an id that the server invents", () => {
    expect(compareAnswers([100], [101], { relative: 0.02 }).equal).toBe(true);
    const invented = { ...(answer("FP32", [1]) as object), id: "other", parameters: {} };
    expect(compareAnswers(answer("FP32", [1]), invented).equal).toBe(true);
  });

  it("shortens long lists of differences", () => {
    const { differences } = compareAnswers(
      Array.from({ length: 30 }, () => 1),
      Array.from({ length: 30 }, () => 2),
    );
    expect(differences).toHaveLength(11);
    expect(differences.at(-1)).toBe("… and 20 more");
  });

  it("finds every JSON value equal to itself", () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => compareAnswers(value, value).equal));
  });
});

describe("compareAnswerTexts (upstream's smoke test)", () => {
  it.each<[string, string, string, boolean]>([
    ["spacing", '{"predictions": [-28.7639923]}', '{\n "predictions": [-28.7639923\n ]\n}', true],
    ["a digit more", '{"predictions": [-28.7639923]}', '{"predictions": [-28.763992309570312]}', false],
    ["float against integer", "[1.0]", "[1]", false],
    ["spelling of one float", "[1e2, 1.50]", "[100.0, 1.5]", true],
    ["key order", '{"a": 1, "b": 2}', '{"b": 2, "a": 1}', false],
    ["escapes", '"\\u00fc"', '"ü"', true],
    ["not JSON", "[1", "[1]", false],
  ])("%s", (_, expected, actual, equal) => {
    expect(compareAnswerTexts(expected, actual).equal).toBe(equal);
  });

  it("normalises as Python's json.tool", () => {
    expect(
      normaliseJsonText(' [ 1.0,1e16,1E-5,0.0001,-0.0,-0,NaN,true,"\\u2028é\\/",{},[],{"a":[ ]} ] '),
    ).toBe('[1.0, 1e+16, 1e-05, 0.0001, -0.0, 0, NaN, true, "\\u2028\\u00e9/", {}, [], {"a": []}]');
  });

  it("keeps every JSON value", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        expect(JSON.parse(normaliseJsonText(text))).toEqual(JSON.parse(text));
      }),
    );
  });
});
