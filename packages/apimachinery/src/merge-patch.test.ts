import fc from "fast-check";
import { expect, test } from "vitest";
import type { JsonObject } from "./json.ts";
import { applyMergePatch, createMergePatch } from "./merge-patch.ts";

// The examples of RFC 7386, appendix A.
test.each<[unknown, unknown, unknown]>([
  [{ a: "b" }, { a: "c" }, { a: "c" }],
  [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
  [{ a: "b" }, { a: null }, {}],
  [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
  [{ a: ["b"] }, { a: "c" }, { a: "c" }],
  [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
  [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
  [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
  [
    ["a", "b"],
    ["c", "d"],
    ["c", "d"],
  ],
  [{ a: "b" }, ["c"], ["c"]],
  [{ a: "foo" }, null, null],
  [{ a: "foo" }, "bar", "bar"],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: "b", c: null }, { a: "b" }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
])("%j patched with %j", (target, patch, expected) => {
  expect(applyMergePatch(target, patch)).toEqual(expected);
});

const value: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.integer(),
    fc.string(),
    fc.boolean(),
    fc.array(fc.integer()),
    fc.dictionary(fc.constantFrom("a", "b", "c", "constructor"), tie("value")),
  ),
})).value;
const object = fc
  .dictionary(fc.constantFrom("a", "b", "c", "__proto__"), value)
  .map((map): JsonObject => ({ ...map }));

test("a created patch leads from one object to the other, and is empty only for equal ones", () => {
  fc.assert(
    fc.property(object, object, (before, after) => {
      const patch = createMergePatch(before, after);
      expect(JSON.stringify(sorted(patch === undefined ? before : applyMergePatch(before, patch)))).toBe(
        JSON.stringify(sorted(after)),
      );
    }),
  );
});

test("undefined fields are absent, nulls cannot be expressed", () => {
  expect(createMergePatch({ a: 1 }, { a: 1, b: undefined })).toBeUndefined();
  expect(createMergePatch({ a: 1 }, { a: null })).toEqual({ a: null });
  expect(createMergePatch({}, { a: null })).toBeUndefined();
});

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.entries(value)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, field]) => [key, sorted(field)]);
}
