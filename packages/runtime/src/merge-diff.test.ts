import fc from "fast-check";
import { expect, it } from "vitest";
import { mergeDiff } from "./merge-diff.ts";

it.each([
  ["nothing", { a: 1 }, { a: 1 }, undefined],
  ["undefined is absent", { a: 1 }, { a: 1, b: undefined }, undefined],
  ["a change", { a: 1, b: { c: 1, d: 2 } }, { a: 1, b: { c: 3, d: 2 } }, { b: { c: 3 } }],
  ["a removal", { a: 1, b: 2 }, { a: 1 }, { b: null }],
  ["a list whole", { a: [1, 2] }, { a: [1, 3] }, { a: [1, 3] }],
  ["a new object", {}, { a: { b: 1 } }, { a: { b: 1 } }],
])("%s", (_, before, after, patch) => {
  expect(mergeDiff(before, after)).toEqual(patch);
});

/** RFC 7386, section 2. */
function merge(target: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const base = typeof target === "object" && target !== null && !Array.isArray(target) ? target : {};
  const result = new Map<string, unknown>(Object.entries(base));
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) result.delete(name);
    else result.set(name, merge(result.get(name), value));
  }
  return Object.fromEntries(result);
}

it("leads from any object to any other", () => {
  const value = fc.letrec((tie) => ({
    node: fc.oneof(
      { maxDepth: 3 },
      fc.integer(),
      fc.string(),
      fc.array(fc.integer(), { maxLength: 2 }),
      fc.dictionary(fc.constantFrom("a", "b", "c"), tie("node"), { maxKeys: 3, noNullPrototype: true }),
    ),
  })).node;
  const object = fc.dictionary(fc.constantFrom("a", "b", "c"), value, { noNullPrototype: true });
  fc.assert(
    fc.property(object, object, (before, after) => {
      const patch = mergeDiff(before, after);
      expect(patch === undefined ? before : merge(before, patch)).toEqual(after);
    }),
  );
});
