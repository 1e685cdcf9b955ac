import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatG, servingNumber } from "./number-text.ts";
import { parsePredictRequest, predictResponseText } from "./tensorflow-serving.ts";
import type { Tensor, TensorMetadata } from "./tensor.ts";

const x: TensorMetadata = { name: "x", datatype: "FP32", shape: [-1, 2] };
const label: TensorMetadata = { name: "label", datatype: "BYTES", shape: [-1] };

describe("number spelling", () => {
  it.each<[number, "FP32" | "FP64", string]>([
    [Math.fround(-28.7639923), "FP32", "-28.7639923"],
    [1, "FP32", "1.0"],
    [0.1, "FP32", "0.1"],
    [Math.fround(1 / 3), "FP32", "0.333333343"],
    [1e6, "FP32", "1e+06"],
    [1.5e-7, "FP32", "1.5e-07"],
    [123456, "FP32", "123456.0"],
    [1 / 3, "FP64", "0.33333333333333331"],
    [0, "FP32", "0.0"],
    [-0, "FP32", "-0.0"],
    [Number.NaN, "FP32", "NaN"],
    [Number.NEGATIVE_INFINITY, "FP64", "-Infinity"],
  ])("%d as %s is %s", (value, datatype, text) => {
    expect(servingNumber(value, datatype)).toBe(text);
  });

  it("reads back as the same float32", () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(Math.fround(Number(servingNumber(value, "FP32")))).toBe(value);
      }),
    );
  });

  it("formats as C's %g", () => {
    expect([1e-5, 0.0001, 100000, 1e15, 0.00012345678].map((v) => formatG(v, 6))).toEqual([
      "1e-05",
      "0.0001",
      "100000",
      "1e+15",
      "0.000123457",
    ]);
  });
});

describe("parsePredictRequest", () => {
  const two: Tensor[] = [{ name: "x", datatype: "FP32", shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }];
  it.each<[string, unknown, TensorMetadata[], { form: string; tensors: Tensor[] }]>([
    [
      "rows",
      {
        instances: [
          [1, 2],
          [3, 4],
        ],
      },
      [x],
      { form: "row", tensors: two },
    ],
    ["named rows", { instances: [{ x: [1, 2] }, { x: [3, 4] }] }, [x], { form: "row", tensors: two }],
    [
      "a column",
      {
        inputs: [
          [1, 2],
          [3, 4],
        ],
      },
      [x],
      { form: "column", tensors: two },
    ],
    [
      "named columns",
      {
        inputs: {
          x: [
            [1, 2],
            [3, 4],
          ],
        },
        signature_name: "serving_default",
      },
      [x],
      { form: "column", tensors: two },
    ],
    [
      "base64",
      { instances: [{ b64: "aGk=" }] },
      [label],
      { form: "row", tensors: [{ name: "label", datatype: "BYTES", shape: [1], data: ["hi"] }] },
    ],
  ])("reads %s", (_, body, inputs, expected) => {
    expect(parsePredictRequest(body, inputs)).toEqual(expected);
  });

  it.each<[string, unknown, TensorMetadata[], RegExp]>([
    ["both forms", { instances: [], inputs: [] }, [x], /exactly one of/],
    ["neither form", {}, [x], /exactly one of/],
    ["an empty list", { instances: [] }, [x], /the list is empty/],
    ["a plain list for two inputs", { instances: [[1, 2]] }, [x, label], /every row must be an object/],
    ["a row without an input", { instances: [{ x: [1, 2] }] }, [x, label], /input "label" is missing/],
    [
      "rows of different inputs",
      { instances: [{ x: [1, 2] }, { label: "a" }] },
      [x, label],
      /missing in some rows/,
    ],
    ["a stranger", { inputs: { y: 1 } }, [x], /no input "y"; the model has x/],
    ["another signature", { instances: [[1, 2]], signature_name: "x" }, [x], /signature_name/],
    ["__proto__ as input", JSON.parse('{"instances":[{"__proto__":[1]}]}'), [x], /no input "__proto__"/],
  ])("refuses %s", (_, body, inputs, message) => {
    expect(() => parsePredictRequest(body, inputs)).toThrow(message);
  });
});

describe("predictResponseText", () => {
  const scores: Tensor = {
    name: "scores",
    datatype: "FP32",
    shape: [2, 2],
    data: Float32Array.of(0.5, 1, 2, 0.1),
  };
  const names: Tensor = { name: "label", datatype: "INT64", shape: [2], data: BigInt64Array.of(7n, 8n) };
  it.each<[string, "row" | "column", Tensor[], string]>([
    ["one output by row", "row", [scores], '{"predictions": [[0.5, 1.0], [2.0, 0.1]]}'],
    ["one flat output by row", "row", [names], '{"predictions": [7, 8]}'],
    [
      "two outputs by row",
      "row",
      [names, scores],
      '{"predictions": [{"label": 7, "scores": [0.5, 1.0]}, {"label": 8, "scores": [2.0, 0.1]}]}',
    ],
    ["one output by column", "column", [scores], '{"outputs": [[0.5, 1.0], [2.0, 0.1]]}'],
    [
      "two outputs by column",
      "column",
      [names, scores],
      '{"outputs": {"label": [7, 8], "scores": [[0.5, 1.0], [2.0, 0.1]]}}',
    ],
  ])("writes %s", (_, form, outputs, text) => {
    expect(predictResponseText(form, outputs)).toBe(text);
  });
});
