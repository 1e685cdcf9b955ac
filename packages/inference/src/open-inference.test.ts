import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { inferResponseBody, parseInferRequest } from "./open-inference.ts";
import { ProtocolError } from "./protocol-error.ts";

const tensor = (datatype: string, data: unknown, shape: unknown = [2]): unknown => ({
  name: "x",
  datatype,
  shape,
  data,
});

describe("parseInferRequest", () => {
  it.each<[string, unknown[], unknown]>([
    ["BOOL", [true, false], Uint8Array.of(1, 0)],
    ["UINT8", [0, 255], Uint8Array.of(0, 255)],
    ["UINT16", [0, 65535], Uint16Array.of(0, 65535)],
    ["UINT32", [0, 4294967295], Uint32Array.of(0, 4294967295)],
    ["UINT64", [0, 9007199254740991], BigUint64Array.of(0n, 9007199254740991n)],
    ["INT8", [-128, 127], Int8Array.of(-128, 127)],
    ["INT16", [-32768, 32767], Int16Array.of(-32768, 32767)],
    ["INT32", [-2147483648, 2147483647], Int32Array.of(-2147483648, 2147483647)],
    ["INT64", [-9007199254740991, 1], BigInt64Array.of(-9007199254740991n, 1n)],
    ["FP32", [0.1, null], Float32Array.of(0.1, Number.NaN)],
    ["FP64", [0.1, 1e300], Float64Array.of(0.1, 1e300)],
    ["BYTES", ["a", "ü"], ["a", "ü"]],
  ])("reads %s", (datatype, data, expected) => {
    const { inputs } = parseInferRequest({ inputs: [tensor(datatype, data)] });
    expect(inputs).toEqual([{ name: "x", datatype, shape: [2], data: expected }]);
  });

  it.each<[string, unknown, string]>([
    ["a list", [], "inference request: expected an object, got a list"],
    ["a null body", null, "inference request: expected an object, got null"],
    ["a number as id", { id: 1, inputs: [] }, "id: expected a string, got a number"],
    ["a nameless input", { inputs: [{ datatype: "FP32" }] }, "inputs[0].name: missing"],
    [
      "two of a name",
      { inputs: [tensor("FP32", [1, 2]), tensor("FP32", [1, 2])] },
      "inputs: two tensors have the same name",
    ],
    ["UINT8 too large", { inputs: [tensor("UINT8", [0, 256])] }, 'input "x": 256 does not fit UINT8'],
    [
      "INT64 rounded by JSON",
      { inputs: [tensor("INT64", [0, 2 ** 60])] },
      'input "x": 1152921504606847000 does not fit INT64',
    ],
    [
      "a fraction as INT32",
      { inputs: [tensor("INT32", [0, 0.5])] },
      'input "x": 0.5 is not a whole number (INT32)',
    ],
    ["FP16 in JSON", { inputs: [tensor("FP16", [1, 2])] }, 'input "x": FP16 has no JSON form; send FP32'],
    [
      "a number as BYTES",
      { inputs: [tensor("BYTES", ["a", 1])] },
      'input "x": a number is not BYTES (a string)',
    ],
    ["null as INT8", { inputs: [tensor("INT8", [null, 1])] }, 'input "x": null is not INT8'],
    [
      "ragged lists",
      { inputs: [tensor("FP32", [[1, 2], [3]], [2, 2])] },
      'input "x": nested lists have unequal lengths, expected shape [2,2]',
    ],
    [
      "another nesting",
      {
        inputs: [
          tensor(
            "FP32",
            [
              [1, 2, 3],
              [4, 5, 6],
            ],
            [3, 2],
          ),
        ],
      },
      'input "x": data is nested as [2,3], shape says [3,2]',
    ],
    [
      "a string as data",
      { inputs: [tensor("BYTES", "ab")] },
      'input "x".data: expected a list, got a string',
    ],
    [
      "a shape of text",
      { inputs: [tensor("FP32", [1], ["1"])] },
      'input "x".shape: "1" is not a size (a whole number, 0 or more)',
    ],
  ])("refuses %s", (_, body, message) => {
    expect(() => parseInferRequest(body)).toThrow(new ProtocolError(message));
  });

  it("takes nested and flat data alike", () => {
    const nested = parseInferRequest({
      inputs: [
        tensor(
          "FP32",
          [
            [1, 2],
            [3, 4],
          ],
          [2, 2],
        ),
      ],
    });
    const flat = parseInferRequest({ inputs: [tensor("FP32", [1, 2, 3, 4], [2, 2])] });
    expect(nested).toEqual(flat);
  });

  it("answers any JSON with a request or a ProtocolError", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), (data, shape, other) => {
        for (const body of [
          data,
          { inputs: [tensor("FP32", data, shape)] },
          { inputs: data, outputs: other },
        ]) {
          try {
            parseInferRequest(body);
          } catch (error) {
            expect(error).toBeInstanceOf(ProtocolError);
          }
        }
      }),
    );
  });

  it("refuses a claimed size that would not fit memory", () => {
    const data = [Array.from({ length: 1_000 }, () => 0), ...Array.from({ length: 999 }, () => [])];
    expect(() => parseInferRequest({ inputs: [tensor("FP64", data, [1_000, 1_000])] })).toThrow(
      /unequal lengths/,
    );
  });
});

describe("inferResponseBody", () => {
  it("gives JSON what the protocol says", () => {
    const outputs = [
      { name: "a", datatype: "FP32" as const, shape: [2], data: Float32Array.of(0.5, Number.NaN) },
      { name: "b", datatype: "INT64" as const, shape: [1], data: BigInt64Array.of(7n) },
      { name: "c", datatype: "BOOL" as const, shape: [2], data: Uint8Array.of(1, 0) },
    ];
    expect(inferResponseBody({ modelName: "m", modelVersion: "3", id: "i", outputs })).toEqual({
      model_name: "m",
      model_version: "3",
      id: "i",
      outputs: [
        { name: "a", datatype: "FP32", shape: [2], data: [0.5, null] },
        { name: "b", datatype: "INT64", shape: [1], data: [7] },
        { name: "c", datatype: "BOOL", shape: [2], data: [true, false] },
      ],
    });
  });
});
