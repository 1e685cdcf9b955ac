import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hasAll, hasExactly, mergeWanted } from "./compare.ts";

describe("hasAll", () => {
  it.each<[unknown, unknown, boolean]>([
    [{ a: 1 }, { a: 1, b: 2 }, true],
    [{ a: 1 }, { a: 2 }, false],
    [{ a: {} }, {}, true],
    [{ a: undefined }, {}, true],
    [[1, 2], [2, 3, 1], true],
    [[1, 4], [2, 3, 1], false],
    [[{ name: "x", v: 1 }], [{ name: "y" }, { name: "x", v: 1, w: 2 }], true],
    [{ a: "1" }, undefined, false],
  ])("%j in %j: %s", (wanted, live, expected) => {
    expect(hasAll(wanted, live)).toBe(expected);
  });
});

describe("mergeWanted", () => {
  it.each<[unknown, unknown, unknown]>([
    [{ a: 1, b: 2 }, { a: 3 }, { a: 3, b: 2 }],
    [
      { l: [{ name: "x", v: 1 }, { name: "y" }] },
      { l: [{ name: "x", v: 2 }] },
      { l: [{ name: "x", v: 2 }, { name: "y" }] },
    ],
    [{ l: [1] }, { l: [2] }, { l: [1, 2] }],
    [undefined, { a: 1 }, { a: 1 }],
  ])("%j with %j is %j", (live, wanted, expected) => {
    expect(mergeWanted(live, wanted)).toEqual(expected);
  });

  it("always satisfies what was wanted, and changes nothing that satisfies it", () => {
    const value = fc.dictionary(
      fc.constantFrom("a", "b", "c"),
      fc.oneof(
        fc.integer(),
        fc.array(fc.integer(), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom("d", "e"), fc.string()),
      ),
    );
    fc.assert(
      fc.property(value, value, (live, wanted) => {
        const merged = mergeWanted(live, wanted);
        expect(hasAll(wanted, merged)).toBe(true);
        expect(mergeWanted(merged, wanted)).toEqual(merged);
      }),
    );
  });
});

it("hasExactly ignores only the fields that are not named", () => {
  expect(hasExactly({ data: { a: "1" } }, { data: { a: "1" }, type: "x" })).toBe(true);
  expect(hasExactly({ data: { a: "1" } }, { data: { a: "1", b: "2" } })).toBe(false);
});
