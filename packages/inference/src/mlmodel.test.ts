import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseSignatureColumns } from "./mlmodel.ts";

const column = (name: string, type: string, required = true): object => ({ name, type, required });

describe("parseSignatureColumns", () => {
  it.each<[string, string, object[] | undefined]>([
    [
      "folded lines, as PyYAML writes them",
      `mlflow_version: 2.2.2
signature:
  inputs: '[{"name": "day", "type": "integer"}, {"name": "weather
    sit", "type": "long"}, {"name":
    "temp", "type": "float"}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}]'
utc_time_created: '2023-05-28 16:48:31.765083'
`,
      [column("day", "integer"), column("weather sit", "long"), column("temp", "float")],
    ],
    [
      "an optional column, and a quote in a name",
      `signature:\n  inputs: '[{"type": "double", "name": "o''clock", "required": false}]'\n`,
      [column("o'clock", "double", false)],
    ],
    [
      "double quotes",
      String.raw`signature:
  inputs: "[{\"name\": \"w\xE4rme\", \"type\":\
    \ \"double\"}]"
`,
      [column("wärme", "double")],
    ],
    [
      "outputs first",
      `signature:\r\n  outputs: 'x'\r\n\r\n  inputs: '[{"name":"a","type":"long"}]'\r\n`,
      [column("a", "long")],
    ],
    [
      "tensors",
      `signature:\n  inputs: '[{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 8]}}]'\n`,
      undefined,
    ],
    ["columns without names", `signature:\n  inputs: '[{"type": "double"}]'\n`, undefined],
    ["no signature", "flavors:\n  inputs: '[]'\n", undefined],
    ["inputs of something else", "signature:\n  params: null\nother:\n  inputs: '[1]'\n", undefined],
  ])("%s", (_, text, expected) => {
    expect(parseSignatureColumns(text)).toEqual(expected);
  });

  it.each([
    ["broken JSON", "'[{'", /JSON/],
    ["no list", "'{}'", /signature.inputs is not a list/],
    ["no object", "'[1]'", /signature.inputs\[0\] is not an object/],
    ["a name twice", `'[{"name":"a","type":"long"},{"name":"a","type":"long"}]'`, /names a column twice/],
  ])("refuses %s", (_, scalar, message) => {
    expect(() => parseSignatureColumns(`signature:\n  inputs: ${scalar}\n`)).toThrow(SyntaxError);
    expect(() => parseSignatureColumns(`signature:\n  inputs: ${scalar}\n`)).toThrow(message);
  });

  it("reads or refuses any text, at once", () => {
    const pieces = fc.constantFrom(
      "signature:\n",
      "  inputs: ",
      "'",
      '"',
      "\\",
      "[",
      "]",
      '{"name":',
      "\n",
      "   ",
      "x",
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 60 }), (parts) => {
        try {
          parseSignatureColumns(parts.join(""));
        } catch (error) {
          expect(error).toBeInstanceOf(SyntaxError);
        }
      }),
    );
    const started = performance.now();
    for (const piece of ["   \n", "  inputs: 'x\n", '  inputs: "\n', "signature:\n", "  inputs:\n"]) {
      try {
        parseSignatureColumns(`signature:\n${piece.repeat(100_000)}`);
      } catch (error) {
        expect(error).toBeInstanceOf(SyntaxError);
      }
    }
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});
