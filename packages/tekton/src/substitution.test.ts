import fc from "fast-check";
import type { TektonValue } from "@ai-edge/api";
import { describe, expect, test } from "vitest";
import { ParamError, resolveParams } from "./params.ts";
import { MAX_VALUE_CHARS, substituteDeep, substituteText, substituteValue } from "./substitution.ts";

const values: Record<string, TektonValue> = {
  "params.name": "mnist",
  "params.tags": ["a", "b"],
  "params.object": { key: "value" },
  "context.pipelineRun.uid": "u-1",
  "params.tricky": "$(params.name)",
};
const lookup = (name: string): TektonValue | undefined =>
  Object.hasOwn(values, name) ? values[name] : undefined;

test.each<[string, string]>([
  ["model_dir-$(params.name)", "model_dir-mnist"],
  [`$(params['name'])/$(params["name"])`, "mnist/mnist"],
  ["$(params.tags[1])", "b"],
  ["$(params.object.key)", "value"],
  ["$(params.unknown)", "$(params.unknown)"],
  ["$(git status --porcelain)", "$(git status --porcelain)"],
  ["$(params.tricky)", "$(params.name)"],
  ["$(params.tags)", "$(params.tags)"],
  ["$(params.tags[7])", "$(params.tags[7])"],
  ["$(constructor)", "$(constructor)"],
])("%s becomes %s", (text, expected) => {
  expect(substituteText(text, lookup)).toBe(expected);
});

test.each<[TektonValue, TektonValue]>([
  ["$(params.tags[*])", ["a", "b"]],
  [
    ["x", "$(params.tags[*])", "$(params.name)"],
    ["x", "a", "b", "mnist"],
  ],
  [{ k: "$(params.name)" }, { k: "mnist" }],
])("value %j becomes %j", (value, expected) => {
  expect(substituteValue(value, lookup)).toEqual(expected);
});

test("a whole document keeps everything that is no reference", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(JSON.stringify(substituteDeep(value, () => undefined))).toBe(JSON.stringify(value));
    }),
  );
});

test("growth is bounded", () => {
  const big = "x".repeat(MAX_VALUE_CHARS / 2);
  expect(() => substituteText("$(a)$(a)$(a)", () => big)).toThrow(/grows beyond/);
});

describe("parameters", () => {
  const context = (name: string): TektonValue | undefined =>
    name === "context.pipelineRun.namespace" ? "ns" : undefined;

  test("nested references resolve in any order, in defaults and in given values", () => {
    const resolved = resolveParams(
      [
        {
          name: "candidate",
          default: "registry/$(context.pipelineRun.namespace)/$(params.name):$(params.version)-candidate",
        },
        { name: "name" },
        { name: "version", default: "1" },
        { name: "targets", type: "array" },
      ],
      [
        { name: "name", value: "mnist" },
        { name: "targets", value: ["$(params.candidate)", "x/$(params.name)"] },
        { name: "not-declared", value: "ignored" },
      ],
      context,
    );
    expect(Object.fromEntries(resolved)).toEqual({
      candidate: "registry/ns/mnist:1-candidate",
      name: "mnist",
      version: "1",
      targets: ["registry/ns/mnist:1-candidate", "x/mnist"],
    });
  });

  test.each<
    [string, Parameters<typeof resolveParams>[0], Parameters<typeof resolveParams>[1], string, string]
  >([
    ["missing", [{ name: "a" }, { name: "b" }], [], "ParameterMissing", "missing parameters: [a b]"],
    [
      "type",
      [{ name: "a", type: "array" }],
      [{ name: "a", value: "x" }],
      "ParameterTypeMismatch",
      "parameters have the wrong type: a (want array)",
    ],
    [
      "enum",
      [{ name: "a", enum: ["x", "y"] }],
      [{ name: "a", value: "z" }],
      "InvalidParamValue",
      'parameter a is "z": it must be one of x, y',
    ],
    [
      "circle",
      [
        { name: "a", default: "$(params.b)" },
        { name: "b", default: "$(params.a)" },
      ],
      [],
      "InvalidParamValue",
      "parameters refer to each other in a circle: a -> b -> a",
    ],
  ])("%s", (_name, specs, given, reason, message) => {
    try {
      resolveParams(specs, given, context);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(ParamError);
      expect(error).toMatchObject({ reason, message });
    }
  });

  test("a bomb of references ends in an error", () => {
    const specs = Array.from({ length: 12 }, (_unused, index) => ({
      name: `p${index}`,
      default: `$(params.p${index + 1})`.repeat(10),
    }));
    expect(() => resolveParams([...specs, { name: "p12", default: "x" }], [], context)).toThrow(
      /grows beyond/,
    );
  });
});
