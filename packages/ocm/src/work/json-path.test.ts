import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { valueAtPath } from "./json-path.ts";

const object = {
  metadata: { annotations: { "a.b/c": "x" } },
  status: {
    sync: { status: "Synced" },
    conditions: [
      { type: "Ready", status: "True" },
      { type: "Done", status: "False" },
    ],
    list: [1, 2],
  },
};

describe("valueAtPath", () => {
  it.each([
    [".status.sync.status", "Synced"],
    ["status.sync.status", "Synced"],
    ["{.status.sync.status}", "Synced"],
    ["$.status.list[1]", 2],
    [".status.list[-1]", 2],
    [".status.list", [1, 2]],
    [`.status.conditions[?(@.type=="Done")].status`, "False"],
    [`.status.conditions[?(@.type == 'Ready')].status`, "True"],
    [".metadata.annotations['a.b/c']", "x"],
    [".status.nothing.here", undefined],
    [".status.sync.status.length", undefined],
    [".__proto__.toString", undefined],
  ])("%s is %j", (path, value) => {
    expect(valueAtPath(object, path)).toEqual(value);
  });

  it.each([".status..", ".status[", "[?(@)]", ".a b"])("%s is refused", (path) => {
    expect(() => valueAtPath(object, path)).toThrow(SyntaxError);
  });

  it("any text gives a value or a SyntaxError", () => {
    fc.assert(
      fc.property(fc.string(), (path) => {
        try {
          valueAtPath(object, path);
        } catch (error) {
          expect(error).toBeInstanceOf(SyntaxError);
        }
      }),
    );
  });
});
