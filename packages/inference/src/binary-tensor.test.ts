import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { splitBody } from "./binary-tensor.ts";
import { halfToNumber, type Datatype, type TensorData } from "./datatype.ts";
import { inferResponseBinary, inferResponseBody, parseInferRequest } from "./open-inference.ts";
import { ProtocolError } from "./protocol-error.ts";

const request = (datatype: string, shape: number[], size?: number): object => ({
  inputs: [
    { name: "x", datatype, shape, ...(size === undefined ? {} : { parameters: { binary_data_size: size } }) },
  ],
});

/** Every datatype: its elements and their bytes on the wire. */
const WIRE: [Datatype, TensorData, string][] = [
  ["BOOL", Uint8Array.of(1, 0), "0100"],
  ["UINT8", Uint8Array.of(1, 255), "01ff"],
  ["UINT16", Uint16Array.of(1, 65535), "0100ffff"],
  ["UINT32", Uint32Array.of(1, 4294967295), "01000000ffffffff"],
  ["UINT64", BigUint64Array.of(1n, 18446744073709551615n), "0100000000000000ffffffffffffffff"],
  ["INT8", Int8Array.of(1, -1), "01ff"],
  ["INT16", Int16Array.of(1, -2), "0100feff"],
  ["INT32", Int32Array.of(1, -2), "01000000feffffff"],
  ["INT64", BigInt64Array.of(1n, -9223372036854775808n), "01000000000000000000000000000080"],
  ["FP16", Uint16Array.of(0x3c00, 0xc000), "003c00c0"],
  ["FP32", Float32Array.of(1.5, -2), "0000c03f000000c0"],
  ["FP64", Float64Array.of(1.5, -2), "000000000000f83f00000000000000c0"],
  ["BYTES", ["a", "ü€"], "010000006105000000c3bce282ac"],
];

describe("binary tensor data", () => {
  it.each(WIRE)("%s is read, with and without a size, and written", (datatype, data, hex) => {
    const binary = Buffer.from(hex, "hex");
    const expected = [{ name: "x", datatype, shape: [2], data }];
    expect(parseInferRequest(request(datatype, [2], binary.length), binary).inputs).toEqual(expected);
    expect(parseInferRequest(request(datatype, [2]), binary).inputs).toEqual(expected);
    const outputs = [{ name: "x", datatype, shape: [2], data }];
    const response = { modelName: "m", outputs, binary: new Set(["x"]) };
    expect(inferResponseBody(response)["outputs"]).toEqual([
      { name: "x", datatype, shape: [2], parameters: { binary_data_size: binary.length } },
    ]);
    expect(Buffer.concat(inferResponseBinary(response)).toString("hex")).toBe(hex);
  });

  it("reads tensors in order, JSON and binary ones mixed, at any offset", () => {
    const inputs = [
      { name: "a", datatype: "UINT8", shape: [1], parameters: { binary_data_size: 1 } },
      { name: "b", datatype: "FP32", shape: [1], data: [7] },
      { name: "c", datatype: "INT32", shape: [1], parameters: { binary_data_size: 4 } },
    ];
    const whole = Buffer.from("ff0905000000", "hex");
    expect(parseInferRequest({ inputs }, whole.subarray(1)).inputs.map(({ data }) => data)).toEqual([
      Uint8Array.of(9),
      Float32Array.of(7),
      Int32Array.of(5),
    ]);
  });

  it("reads what is asked of the outputs", () => {
    const outputs = [{ name: "a", parameters: { binary_data: true } }, { name: "b" }];
    const body = { ...request("FP32", [0], 0), outputs, parameters: { binary_data_output: false } };
    expect(parseInferRequest(body, new Uint8Array(0))).toMatchObject({
      outputs: [{ name: "a", binary: true }, { name: "b" }],
      binaryOutput: false,
    });
  });

  it.each<[string, object, string, RegExp]>([
    [
      "too many bytes",
      request("FP32", [1], 4),
      "0000000000",
      /^body: 1 bytes of binary data belong to no input$/,
    ],
    ["too few bytes", request("FP32", [2], 8), "00000000", /"x": 8 bytes of binary data announced, 4 left/],
    [
      "a size against the shape",
      request("FP32", [2], 4),
      "00000000",
      /4 bytes of FP32 are not 2 elements of 4/,
    ],
    [
      "a huge shape",
      request("FP32", [1e9, 1e9], 4),
      "00000000",
      /4 bytes of FP32 are not 1000000000000000000 elements/,
    ],
    [
      "a huge shape without size",
      request("FP64", [1e9, 1e9]),
      "00",
      /8000000000000000000 bytes of binary data announced, 1 left/,
    ],
    ["too few texts", request("BYTES", [1e9], 4), "00000000", /too few for 1000000000 elements/],
    ["a text of 4 GB", request("BYTES", [1], 4), "ffffffff", /element 0 is cut short/],
    ["a missing text", request("BYTES", [2], 9), "050000006162636465", /element 1 is cut short/],
    ["bytes after the last text", request("BYTES", [1], 5), "0000000000", /1 bytes after the last element/],
    ["bytes that are no text", request("BYTES", [1], 5), "01000000ff", /element 0 is not UTF-8 text/],
    ["a size that is none", request("FP32", [1], -1), "", /binary_data_size: expected a number of bytes/],
    [
      "both",
      {
        inputs: [{ name: "x", datatype: "FP32", shape: [1], data: [1], parameters: { binary_data_size: 4 } }],
      },
      "00000000",
      /has both/,
    ],
  ])("refuses %s", (_, body, hex, message) => {
    expect(() => parseInferRequest(body, Buffer.from(hex, "hex"))).toThrow(ProtocolError);
    expect(() => parseInferRequest(body, Buffer.from(hex, "hex"))).toThrow(message);
  });

  it("refuses binary data without the header, and flags that are no flags", () => {
    expect(() => parseInferRequest(request("FP32", [1], 4))).toThrow(/needs the header Inference-Header/);
    const body = { ...request("FP32", [0], 0), parameters: { binary_data_output: 1 } };
    expect(() => parseInferRequest(body, new Uint8Array(0))).toThrow(
      /binary_data_output: expected true or false/,
    );
  });

  it("has no JSON for FP16", () => {
    const outputs = [{ name: "y", datatype: "FP16" as const, shape: [1], data: Uint16Array.of(0x3c00) }];
    expect(() => inferResponseBody({ modelName: "m", outputs })).toThrow(
      /output "y": FP16 has no JSON form; ask for/,
    );
  });

  it("answers any bytes with a request or a ProtocolError", () => {
    const datatypes = fc.constantFrom(...WIRE.map(([datatype]) => datatype));
    const sizes = fc.option(fc.nat(40), { nil: undefined });
    fc.assert(
      fc.property(
        datatypes,
        fc.array(fc.nat(5), { maxLength: 3 }),
        sizes,
        fc.uint8Array({ maxLength: 40 }),
        (datatype, shape, size, bytes) => {
          try {
            parseInferRequest(request(datatype, shape, size), bytes);
          } catch (error) {
            expect(error).toBeInstanceOf(ProtocolError);
          }
        },
      ),
    );
  });
});

describe("splitBody", () => {
  it.each([
    ["0", "", "abcd"],
    ["3", "abc", "d"],
    ["4", "abcd", ""],
  ])("%s", (header, json, binary) => {
    const parts = splitBody(Buffer.from("abcd"), header);
    expect([String(parts.json), String(parts.binary)]).toEqual([json, binary]);
  });

  it.each(["", "-1", "5", "1e1", "0x1", "9".repeat(400)])("refuses %j", (header) => {
    expect(() => splitBody(Buffer.from("abcd"), header)).toThrow(/is not a length within the body \(4\)$/);
  });
});

it.each([
  [0x0000, 0],
  [0x8000, -0],
  [0x0001, 2 ** -24],
  [0x03ff, 1023 * 2 ** -24],
  [0x3c00, 1],
  [0xc000, -2],
  [0x3555, 0.333251953125],
  [0x7bff, 65504],
  [0xfc00, -Infinity],
  [0x7e00, NaN],
])("half %i is %d", (bits, value) => {
  expect(halfToNumber(bits)).toBe(value);
});
