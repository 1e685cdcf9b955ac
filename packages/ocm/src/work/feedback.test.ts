import type { UnstructuredObject } from "@ai-edge/apimachinery";
import type { FeedbackRule } from "@ai-edge/api";
import { describe, expect, it } from "vitest";
import { MAX_RAW_VALUE_BYTES, readFeedback } from "./feedback.ts";

const application: UnstructuredObject = {
  apiVersion: "argoproj.io/v1alpha1",
  kind: "Application",
  metadata: { name: "a" },
  status: {
    health: { status: "Healthy" },
    count: 2,
    ratio: 0.5,
    ok: true,
    list: [1],
    long: ["x".repeat(MAX_RAW_VALUE_BYTES)],
  },
};

function paths(...entries: [string, string, string?][]): FeedbackRule[] {
  return [
    {
      type: "JSONPaths",
      jsonPaths: entries.map(([name, path, version]) => ({
        name,
        path,
        ...(version === undefined ? {} : { version }),
      })),
    },
  ];
}

describe("readFeedback", () => {
  it.each<[string, FeedbackRule[], unknown[], string[]]>([
    [
      "text",
      paths(["h", ".status.health.status"]),
      [{ name: "h", fieldValue: { type: "String", string: "Healthy" } }],
      [],
    ],
    [
      "integer",
      paths(["c", ".status.count"]),
      [{ name: "c", fieldValue: { type: "Integer", integer: 2 } }],
      [],
    ],
    [
      "fraction as text",
      paths(["r", ".status.ratio"]),
      [{ name: "r", fieldValue: { type: "String", string: "0.5" } }],
      [],
    ],
    [
      "boolean",
      paths(["o", ".status.ok"]),
      [{ name: "o", fieldValue: { type: "Boolean", boolean: true } }],
      [],
    ],
    [
      "structure",
      paths(["l", ".status.list"]),
      [{ name: "l", fieldValue: { type: "JsonRaw", jsonRaw: "[1]" } }],
      [],
    ],
    ["nothing there", paths(["n", ".status.nothing"]), [], []],
    ["of another version", paths(["h", ".status.health.status", "v1"]), [], []],
    [
      "too long",
      paths(["x", ".status.long"]),
      [],
      [`x: the value is longer than ${MAX_RAW_VALUE_BYTES} bytes`],
    ],
    ["unreadable path", paths(["x", ".status["]), [], [`x: JSONPath ".status[": cannot read it from "[" on`]],
    [
      "no well-known rules",
      [{ type: "WellKnownStatus" }],
      [],
      ["there are no well-known status rules for Application; use JSONPaths"],
    ],
  ])("%s", (_, rules, values, errors) => {
    expect(readFeedback(application, rules)).toEqual({ values, errors });
  });
});
