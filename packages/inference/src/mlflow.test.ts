import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { invocationsResponseBody, parseInvocations, type InvocationsModel } from "./mlflow.ts";
import { ProtocolError } from "./protocol-error.ts";

const table: InvocationsModel = {
  inputs: [{ name: "input-0", datatype: "FP64", shape: [-1, 3] }],
  columns: [
    { name: "day", type: "integer", required: true },
    { name: "temp", type: "double", required: true },
    { name: "note", type: "double", required: false },
  ],
};
const unnamed: InvocationsModel = { inputs: table.inputs, columns: undefined };
const perColumn: InvocationsModel = {
  inputs: [
    { name: "temp", datatype: "FP32", shape: [-1, 1] },
    { name: "city", datatype: "BYTES", shape: [-1] },
  ],
  columns: undefined,
};

describe("parseInvocations", () => {
  const twoRows = { shape: [2, 3], data: Float64Array.of(1, 0.5, NaN, 2, 0.25, 7) };
  it.each<[string, object, InvocationsModel, object[]]>([
    [
      "dataframe_split in another order, with a column too many",
      {
        dataframe_split: {
          columns: ["note", "x", "temp", "day"],
          data: [
            [null, 9, 0.5, 1.0],
            [7, 9, 0.25, 2],
          ],
        },
      },
      table,
      [twoRows],
    ],
    [
      "dataframe_split without columns",
      {
        dataframe_split: {
          data: [
            [1, 0.5, null],
            [2, 0.25, 7],
          ],
        },
      },
      table,
      [twoRows],
    ],
    [
      "dataframe_records",
      {
        dataframe_records: [
          { temp: 0.5, day: 1 },
          { temp: 0.25, day: 2, note: 7 },
        ],
      },
      table,
      [twoRows],
    ],
    [
      "instances as records",
      {
        instances: [
          { temp: 0.5, day: 1, note: null },
          { day: 2, temp: 0.25, note: 7 },
        ],
      },
      table,
      [twoRows],
    ],
    [
      "instances as rows",
      {
        instances: [
          [1, 0.5, null],
          [2, 0.25, 7],
        ],
      },
      table,
      [twoRows],
    ],
    [
      "inputs by column",
      { inputs: { day: [1, 2], temp: [0.5, 0.25], note: [null, 7] }, params: {} },
      table,
      [twoRows],
    ],
    [
      "inputs as a tensor",
      {
        inputs: [
          [1, 0.5, null],
          [2, 0.25, 7],
        ],
      },
      table,
      [twoRows],
    ],
    [
      "inputs as a named tensor",
      {
        inputs: {
          "input-0": [
            [1, 0.5, null],
            [2, 0.25, 7],
          ],
        },
      },
      table,
      [twoRows],
    ],
    [
      "one input per column",
      {
        dataframe_split: {
          columns: ["city", "temp"],
          data: [
            ["Graz", 0.5],
            ["Linz", 1],
          ],
        },
      },
      perColumn,
      [
        { name: "temp", shape: [2, 1], data: Float32Array.of(0.5, 1) },
        { name: "city", shape: [2], data: ["Graz", "Linz"] },
      ],
    ],
  ])("reads %s", (_, body, model, expected) => {
    const tensors = parseInvocations(body, model);
    expect(tensors).toHaveLength(expected.length);
    expect(tensors).toMatchObject(expected);
  });

  it.each<[string, unknown, string]>([
    ["a list", [], "invocation: expected an object, got a list"],
    [
      "nothing",
      {},
      "exactly one of dataframe_split, dataframe_records, instances, inputs is needed, got none",
    ],
    [
      "two forms",
      { inputs: [], instances: [] },
      "exactly one of dataframe_split, dataframe_records, instances, inputs is needed, got instances, inputs",
    ],
    [
      "a missing column",
      { dataframe_records: [{ day: 1 }] },
      'column "temp" is missing; the model has day, temp, note',
    ],
    [
      "a fraction as integer",
      { dataframe_records: [{ day: 1.5, temp: 1 }] },
      'column "day": 1.5 is not a whole number (integer)',
    ],
    [
      "a hole as integer",
      { dataframe_records: [{ day: null, temp: 1 }] },
      'column "day": a missing value is no integer',
    ],
    [
      "text as number",
      { dataframe_records: [{ day: 1, temp: "warm" }] },
      'input "input-0": a string is not FP64',
    ],
    ["no rows", { dataframe_records: [] }, "the table has no rows"],
    [
      "ragged rows",
      { dataframe_split: { columns: ["day", "temp"], data: [[1]] } },
      "dataframe_split.data: rows have unequal lengths, or not one value for each column",
    ],
    ["no data", { dataframe_split: {} }, "dataframe_split.data: expected a list, got nothing"],
    ["unequal columns", { inputs: { day: [1], temp: [] } }, "inputs: the columns have unequal lengths"],
    [
      "a number as record",
      { dataframe_records: [1] },
      "dataframe_records[0]: expected an object, got a number",
    ],
  ])("refuses %s", (_, body, message) => {
    expect(() => parseInvocations(body, table)).toThrow(new ProtocolError(message));
  });

  it("makes no more of a body than it is", () => {
    const records = Array.from({ length: 5_000 }, (_, index) => ({ [`c${index}`]: 1 }));
    expect(() => parseInvocations({ instances: records }, unnamed)).toThrow(
      "a table of 5000 rows and 5000 columns has more than 16000000 values",
    );
  });

  it("takes a boolean as a number only where a signature says so", () => {
    const body = { dataframe_split: { data: [[1, true, 3]] } };
    expect(() => parseInvocations(body, unnamed)).toThrow(/a boolean is not FP64/);
    expect(parseInvocations(body, table)).toMatchObject([{ data: Float64Array.of(1, 1, 3) }]);
  });

  it("answers any JSON with tensors or a ProtocolError", () => {
    const forms = fc.constantFrom("dataframe_split", "dataframe_records", "instances", "inputs");
    fc.assert(
      fc.property(forms, fc.jsonValue(), fc.jsonValue(), (form, value, other) => {
        for (const given of [
          value,
          [value, other],
          { columns: value, data: other },
          { day: value, temp: other },
          { "input-0": value },
        ]) {
          for (const model of [table, unnamed, perColumn]) {
            try {
              parseInvocations({ [form]: given }, model);
            } catch (error) {
              expect(error).toBeInstanceOf(ProtocolError);
            }
          }
        }
      }),
    );
  });
});

describe("invocationsResponseBody", () => {
  const predict = {
    name: "predict",
    datatype: "FP64" as const,
    shape: [2, 1],
    data: Float64Array.of(1.5, NaN),
  };
  const classes = { name: "p", datatype: "FP32" as const, shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) };
  it.each([
    ["a column of a table model", [predict], true, [1.5, null]],
    ["a column of another", [predict], false, [[1.5], [null]]],
    [
      "classes",
      [classes],
      true,
      [
        [1, 2],
        [3, 4],
      ],
    ],
    [
      "several outputs",
      [predict, classes],
      false,
      {
        predict: [[1.5], [null]],
        p: [
          [1, 2],
          [3, 4],
        ],
      },
    ],
    ["no rows", [{ ...classes, shape: [0, 2], data: new Float32Array(0) }], true, []],
  ])("%s", (_, outputs, flat, predictions) => {
    expect(invocationsResponseBody(outputs, flat)).toEqual({ predictions });
  });
});
