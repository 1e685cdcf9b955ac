import fc from "fast-check";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ModelLoadError } from "../model.ts";
import { readBooster } from "./booster.ts";

interface RecordedCase {
  name: string;
  model: string;
  rows: (number | null | "inf")[][];
  expected: number[];
}

const cases: RecordedCase[] = JSON.parse(
  readFileSync(new URL("../../testdata/lightgbm-answers.json", import.meta.url), "utf8"),
);

function modelNamed(name: string): string {
  return cases.find((recorded) => recorded.name === name)!.model;
}

function answers(model: string, rows: RecordedCase["rows"]): number[] {
  const features = Float64Array.from(rows.flat(), (value) =>
    value === "inf" ? Infinity : (value ?? Number.NaN),
  );
  return [...readBooster(model).predict(features, rows.length)];
}

describe("answers recorded from lightgbm 4.7 (testdata/make_lightgbm_answers.py)", () => {
  it.each(cases)("$name", ({ model, rows, expected }) => {
    const actual = answers(model, rows);
    expect(actual).toHaveLength(expected.length);
    for (const [index, value] of expected.entries()) {
      expect(Math.abs(actual[index]! - value)).toBeLessThanOrEqual(1e-12 * Math.max(1, Math.abs(value)));
    }
  });

  it("is bit-exact where no exponential is involved", () => {
    const exact = cases.filter(({ name }) =>
      /^(regression|huber|fair|quantile|mape|lambda|custom|dart|linear trees$|zero|no missing|categorical$|constant)/.test(
        name,
      ),
    );
    expect(exact.length).toBeGreaterThan(12);
    for (const { name, model, rows, expected } of exact) {
      expect({ [name]: answers(model, rows) }).toEqual({ [name]: expected });
    }
  });

  it("reads v3 files and Windows line ends alike", () => {
    const { model, rows, expected } = cases[0]!;
    expect(answers(model.replace("version=v4", "version=v3"), rows)).toEqual(expected);
    expect(answers(model.replaceAll("\n", "\r\n"), rows)).toEqual(expected);
  });

  it.each([
    ["names", "a b c d e", ["a", "b", "c", "d", "e"]],
    ["made-up names", "Column_0 Column_1 Column_2 Column_3 Column_4", []],
    ["too few names", "a b", []],
  ])("knows the columns: %s", (_, names, expected) => {
    const text = modelNamed("multiclass").replace(/feature_names=.*/, `feature_names=${names}`);
    const { featureNames, featureCount, outputsPerRow } = readBooster(text);
    expect({ featureNames, featureCount, outputsPerRow }).toEqual({
      featureNames: expected,
      featureCount: 5,
      outputsPerRow: 3,
    });
  });
});

describe("hostile and unsupported files", () => {
  const plain = modelNamed("huber");
  const categorical = modelNamed("categorical");
  const linear = modelNamed("linear trees");
  it.each<[string, string, RegExp]>([
    ["nothing", "", /file: is cut short: no line "end of trees"/],
    ["cut in the middle", plain.slice(0, plain.length / 2), /file: is cut short/],
    ["another beginning", `x\n${plain}`, /header: does not start with the line "tree"/],
    [
      "an old version",
      plain.replace("version=v4", "version=v2"),
      /header: version "v2" is not v3 or v4; load and save/,
    ],
    [
      "an unknown objective",
      plain.replace(/objective=huber/, "objective=mine"),
      /objective: "mine" is not supported/,
    ],
    [
      "a flat sigmoid",
      plain.replace(/objective=huber.*/, "objective=binary sigmoid:0"),
      /sigmoid 0 is not a positive number/,
    ],
    [
      "huge classes",
      plain.replace("num_class=1", "num_class=99999999"),
      /num_class "99999999" is not between 1 and 65536/,
    ],
    [
      "no features",
      plain.replace(/max_feature_idx=.*/, "max_feature_idx=-1"),
      /max_feature_idx "-1" is not between/,
    ],
    [
      "a missing tree",
      plain.replace(/Tree=3[^]*end of trees/, "end of trees"),
      /tree_sizes lists 4 trees, the file has 3/,
    ],
    [
      "huge leaves",
      plain.replace("num_leaves=6", "num_leaves=100000"),
      /tree 0: leaf_value has 6 elements, 100000 expected/,
    ],
    [
      "no leaves",
      plain.replace("num_leaves=6", "num_leaves=0"),
      /tree 0: num_leaves "0" is not between 1 and 131072/,
    ],
    ["a cycle", plain.replace(/left_child=\S+/, "left_child=0"), /tree 0: node 0 has two parents/],
    [
      "a leaf twice",
      plain
        .replace(/left_child=.*/, "left_child=1 2 3 4 -1")
        .replace(/right_child=.*/, "right_child=-1 -2 -3 -4 -5"),
      /tree 0: leaf 0 has two parents/,
    ],
    [
      "a child outside",
      plain.replace(/right_child=\S+/, "right_child=17"),
      /right_child: 17 is not a whole number between -6 and 4/,
    ],
    [
      "a feature outside",
      plain.replace(/split_feature=\S+/, "split_feature=5"),
      /split_feature: 5 is not a whole number between 0 and 4/,
    ],
    [
      "text as number",
      plain.replace(/leaf_value=\S+/, "leaf_value=abc"),
      /tree 0.leaf_value: "abc" is not a number/,
    ],
    ["a missing array", plain.replace(/threshold=.*/, ""), /tree 0: threshold is missing/],
    [
      "no such category set",
      categorical.replace(/num_cat=\d+/, "num_cat=0"),
      /is not one of the 0 categorical splits/,
    ],
    [
      "categories outside",
      categorical.replace(/cat_boundaries=0/, "cat_boundaries=99999"),
      /cat_boundaries: 99999 is not a whole number/,
    ],
    [
      "descending categories",
      categorical.replace(/cat_boundaries=0/, "cat_boundaries=4"),
      /cat_boundaries is not ascending/,
    ],
    [
      "too many terms",
      linear.replace(/num_features=\S+/, "num_features=5"),
      /leaf_features has \d+ elements, \d+ expected/,
    ],
  ])("%s", (_, text, message) => {
    expect(() => readBooster(text)).toThrow(ModelLoadError);
    expect(() => readBooster(text)).toThrow(message);
  });

  it("bounds the keys of a block", () => {
    const keys = Array.from({ length: 1_000 }, (_, index) => `k${index}=1`).join("\n");
    expect(() => readBooster(`tree\n${keys}\nend of trees\n`)).toThrow(/more than 100 keys/);
  });

  it("never hangs or crashes on a model with one broken piece", () => {
    const row = new Float64Array(1_000_000);
    const pieces = fc.constantFrom("9", "-", " ", "=", "\n", "1e999", "nan", "\0", "Tree=", "-inf");
    fc.assert(
      fc.property(
        fc.constantFrom(plain, categorical, linear),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        pieces,
        fc.boolean(),
        (text, part, piece, cut) => {
          const at = Math.floor(part * text.length);
          const broken = cut ? text.slice(0, at) : text.slice(0, at) + piece + text.slice(at + 1);
          try {
            const booster = readBooster(broken);
            booster.predict(row.subarray(0, booster.featureCount), 1);
          } catch (error) {
            expect(error).toBeInstanceOf(ModelLoadError);
          }
        },
      ),
      { numRuns: 400 },
    );
  });
});
