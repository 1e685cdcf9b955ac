import { expect, test } from "vitest";
import { applyJsonPatch, MAX_JSON_PATCH_OPERATIONS } from "./json-patch.ts";

test.each([
  ["add a field", { a: 1 }, [{ op: "add", path: "/b", value: 2 }], { a: 1, b: 2 }],
  ["add over a field", { a: 1 }, [{ op: "add", path: "/a", value: 2 }], { a: 2 }],
  ["add null", {}, [{ op: "add", path: "/a", value: null }], { a: null }],
  ["insert into a list", { l: [1, 3] }, [{ op: "add", path: "/l/1", value: 2 }], { l: [1, 2, 3] }],
  ["append to a list", { l: [1] }, [{ op: "add", path: "/l/-", value: 2 }], { l: [1, 2] }],
  ["append by length", { l: [1] }, [{ op: "add", path: "/l/1", value: 2 }], { l: [1, 2] }],
  ["replace the whole document", { a: 1 }, [{ op: "add", path: "", value: { b: 2 } }], { b: 2 }],
  ["remove a field", { a: 1, b: 2 }, [{ op: "remove", path: "/a" }], { b: 2 }],
  ["remove from a list", { l: [1, 2] }, [{ op: "remove", path: "/l/0" }], { l: [2] }],
  ["replace", { a: { b: 1 } }, [{ op: "replace", path: "/a/b", value: 2 }], { a: { b: 2 } }],
  ["replace in a list", { l: [1, 2] }, [{ op: "replace", path: "/l/1", value: 3 }], { l: [1, 3] }],
  ["move", { a: 1 }, [{ op: "move", from: "/a", path: "/b" }], { b: 1 }],
  ["move inside of a list", { l: [1, 2, 3] }, [{ op: "move", from: "/l/0", path: "/l/2" }], { l: [2, 3, 1] }],
  ["copy", { a: { b: 1 } }, [{ op: "copy", from: "/a", path: "/c" }], { a: { b: 1 }, c: { b: 1 } }],
  [
    "test",
    { a: { x: 1, y: [2] } },
    [{ op: "test", path: "/a", value: { y: [2], x: 1 } }],
    { a: { x: 1, y: [2] } },
  ],
  [
    "escapes",
    { "a/b": 1, "c~d": 2 },
    [
      { op: "remove", path: "/a~1b" },
      { op: "replace", path: "/c~0d", value: 3 },
    ],
    { "c~d": 3 },
  ],
  ["an empty field name", { "": 1 }, [{ op: "replace", path: "/", value: 2 }], { "": 2 }],
  [
    "operations build on each other",
    {},
    [
      { op: "add", path: "/a", value: {} },
      { op: "add", path: "/a/b", value: 1 },
    ],
    { a: { b: 1 } },
  ],
])("%s", (_, document, patch, expected) => {
  const before = structuredClone(document);
  expect(applyJsonPatch(document, patch)).toEqual(expected);
  expect(document).toEqual(before);
});

test.each([
  ["a missing parent", { a: 1 }, [{ op: "add", path: "/b/c", value: 1 }], "Invalid"],
  ["removing what is not there", { a: 1 }, [{ op: "remove", path: "/b" }], "Invalid"],
  ["replacing what is not there", { a: 1 }, [{ op: "replace", path: "/b", value: 1 }], "Invalid"],
  ["an index beyond the list", { l: [1] }, [{ op: "add", path: "/l/2", value: 1 }], "Invalid"],
  ["an index with a leading zero", { l: [1] }, [{ op: "remove", path: "/l/00" }], "Invalid"],
  ["- where a value must be", { l: [1] }, [{ op: "remove", path: "/l/-" }], "Invalid"],
  ["a test that fails", { a: 1 }, [{ op: "test", path: "/a", value: "1" }], "Invalid"],
  ["a field of Object's prototype", {}, [{ op: "replace", path: "/constructor", value: 1 }], "Invalid"],
  ["a move into itself", { a: { b: 1 } }, [{ op: "move", from: "/a", path: "/a/b" }], "Invalid"],
  ["no list", { a: 1 }, { op: "add" }, "BadRequest"],
  ["an unknown operation", {}, [{ op: "merge", path: "/a" }], "BadRequest"],
  ["a path that is no pointer", {}, [{ op: "add", path: "a", value: 1 }], "BadRequest"],
  ["no value", {}, [{ op: "add", path: "/a" }], "BadRequest"],
  ["no from", {}, [{ op: "copy", path: "/a" }], "BadRequest"],
])("refuses %s", (_, document, patch, reason) => {
  expect(() => applyJsonPatch(document, patch)).toThrow(expect.objectContaining({ reason }));
});

test("bounds: too many operations, and copies that double the document", () => {
  const many = Array.from({ length: MAX_JSON_PATCH_OPERATIONS + 1 }, () => ({
    op: "test",
    path: "",
    value: {},
  }));
  expect(() => applyJsonPatch({}, many)).toThrow(/allowed maximum operations/);
  const doubling = Array.from({ length: 40 }, (_, index) => ({ op: "copy", from: "", path: `/x${index}` }));
  expect(() => applyJsonPatch({ a: "0123456789" }, doubling)).toThrow(/copies more than/);
});

test("__proto__ is a field like any other", () => {
  const result = applyJsonPatch({}, [{ op: "add", path: "/__proto__", value: { polluted: true } }]);
  expect(JSON.stringify(result)).toBe('{"__proto__":{"polluted":true}}');
  expect(Reflect.get({}, "polluted")).toBeUndefined();
});
