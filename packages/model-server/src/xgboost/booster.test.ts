import fc from "fast-check";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ModelLoadError } from "../model.ts";
import { readBooster } from "./booster.ts";

interface TreeJson {
  left_children: number[];
  right_children: number[];
  split_indices: number[];
  split_conditions: unknown[];
  tree_param: Record<string, string>;
}

interface ModelJson {
  learner: {
    learner_model_param: Record<string, string>;
    objective: { name: string };
    gradient_booster: { name: string; model: { trees: TreeJson[]; tree_info: number[] } };
  };
}

interface RecordedCase {
  name: string;
  model: ModelJson;
  rows: (number | null)[][];
  expected: number[];
  /** The same model as UBJSON, base64. */
  ubj?: string;
}

const cases: RecordedCase[] = JSON.parse(
  readFileSync(new URL("../../testdata/xgboost-answers.json", import.meta.url), "utf8"),
);

function answers({ model, rows }: RecordedCase, form: string | Uint8Array = JSON.stringify(model)): number[] {
  const features = Float32Array.from(rows.flat(), (value) => value ?? Number.NaN);
  return [...readBooster(form).predict(features, rows.length)];
}

/** Distance in float32 steps, relative to the magnitude. */
const FLOAT32_STEP = 2 ** -23;

describe("answers recorded from xgboost 3.2 (testdata/make_xgboost_answers.py)", () => {
  it.each(cases)("$name", (recorded) => {
    const actual = answers(recorded);
    expect(actual).toHaveLength(recorded.expected.length);
    for (const [index, expected] of recorded.expected.entries()) {
      expect(Math.abs((actual[index] ?? 0) - expected)).toBeLessThanOrEqual(
        3 * FLOAT32_STEP * Math.abs(expected),
      );
    }
  });

  it.each(cases.filter(({ ubj }) => ubj !== undefined))("$name as UBJSON", (recorded) => {
    expect(answers(recorded, Buffer.from(recorded.ubj ?? "", "base64"))).toEqual(answers(recorded));
  });

  it("is bit-exact where no exponential is involved", () => {
    const exact = cases.filter(({ name }) =>
      /squarederror|absoluteerror|quantile|logitraw|hinge|rank|two|exact|^vector-leaf$/.test(name),
    );
    expect(exact.length).toBeGreaterThan(7);
    for (const recorded of exact)
      expect({ [recorded.name]: answers(recorded) }).toEqual({ [recorded.name]: recorded.expected });
  });
});

it("reads vector leaves as XGBoost 2.0 wrote them (recorded from xgboost 2.0.3)", () => {
  const recorded: RecordedCase = JSON.parse(
    readFileSync(new URL("../../testdata/xgboost-2.0-vector-leaf.json", import.meta.url), "utf8"),
  );
  expect(answers(recorded)).toEqual(recorded.expected.map(Math.fround));
});

const plain = cases[0]!;

function mutated(change: (model: ModelJson) => void): string {
  const model = structuredClone(plain.model);
  change(model);
  return JSON.stringify(model);
}

describe("base_score", () => {
  it.each([
    ["one number (until 3.0)", "3.5E0", 3.5],
    ["a list of one (since 3.1)", "[3.5E0]", 3.5],
  ])("%s", (_, text, added) => {
    const zero = readBooster(mutated((m) => (m.learner.learner_model_param.base_score = "0")));
    const shifted = readBooster(mutated((m) => (m.learner.learner_model_param.base_score = text)));
    const row = new Float32Array(5);
    expect(shifted.predict(row, 1)[0]).toBeCloseTo((zero.predict(row, 1)[0] ?? 0) + added, 5);
  });
});

describe("hostile and unsupported files", () => {
  const tree = (m: ModelJson): TreeJson => m.learner.gradient_booster.model.trees[0]!;
  it.each([
    ["not JSON", "{", /not JSON/],
    ["another document", "[]", /document: not an object/],
    ["no learner", "{}", /document.learner: not an object/],
    ["a cycle", mutated((m) => (tree(m).left_children[1] = 0)), /trees\[0\]: node \d+ has two parents/],
    [
      "a child outside",
      mutated((m) => (tree(m).right_children[0] = 9999)),
      /trees\[0\]: child 9999 does not exist/,
    ],
    ["one child", mutated((m) => (tree(m).right_children[0] = -1)), /trees\[0\]: node 0 has one child/],
    [
      "a feature outside",
      mutated((m) => (tree(m).split_indices[0] = 5)),
      /split_indices\[0\]: 5 is not one of the 5/,
    ],
    [
      "short arrays",
      mutated((m) => tree(m).split_conditions.pop()),
      /split_conditions: has \d+ elements, \d+ expected/,
    ],
    [
      "not a number",
      mutated((m) => (tree(m).split_conditions[0] = "x")),
      /split_conditions\[0\]: not a number/,
    ],
    [
      "no features",
      mutated((m) => (m.learner.learner_model_param.num_feature = "0")),
      /num_feature: 0 is not between/,
    ],
    [
      "huge classes",
      mutated((m) => (m.learner.learner_model_param.num_class = "99999999")),
      /classes are more than/,
    ],
    ["tree of no class", mutated((m) => (m.learner.gradient_booster.model.tree_info[0] = 7)), /tree_info/],
    [
      "another booster",
      mutated((m) => (m.learner.gradient_booster.name = "gbmine")),
      /booster "gbmine" is not gbtree, dart or gblinear/,
    ],
    [
      "linear booster without weights",
      mutated((m) => (m.learner.gradient_booster.name = "gblinear")),
      /gradient_booster.model.weights: not a list/,
    ],
    [
      "custom objective",
      mutated((m) => (m.learner.objective.name = "mine")),
      /objective "mine" is not supported/,
    ],
    ["broken base score", mutated((m) => (m.learner.learner_model_param.base_score = "[1,2]")), /base_score/],
    [
      "vector leaves of another size",
      mutated((m) => (tree(m).tree_param["size_leaf_vector"] = "2")),
      /trees\[0\]: leaves have 2 values, the model has 1 targets/,
    ],
  ])("%s", (_, text, message) => {
    expect(() => readBooster(text)).toThrow(ModelLoadError);
    expect(() => readBooster(text)).toThrow(message);
  });

  it("never hangs or crashes on a model with one broken piece", () => {
    const text = JSON.stringify(plain.model);
    fc.assert(
      fc.property(
        fc.nat(text.length - 1),
        fc.constantFrom("9", "-", "]", "{", "null", "1e9", '"'),
        (at, piece) => {
          const broken = text.slice(0, at) + piece + text.slice(at + 1);
          try {
            readBooster(broken).predict(new Float32Array(2_000_000), 1);
          } catch (error) {
            expect(error).toBeInstanceOf(ModelLoadError);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
