import fc from "fast-check";
import { expect, test } from "vitest";
import {
  checkFieldSet,
  equalSets,
  type FieldSet,
  formatFieldPath,
  insertPath,
  intersectSets,
  pathsOf,
  subtractSets,
  unionSets,
  withoutMember,
  withoutPath,
} from "./field-set.ts";

const path = fc.array(fc.constantFrom("f:a", "f:b", 'k:{"name":"x"}', 'v:"y"'), {
  minLength: 1,
  maxLength: 4,
});
const paths = fc.array(path, { maxLength: 8 });

function setOf(list: readonly string[][]): FieldSet {
  const set: FieldSet = {};
  for (const one of list) insertPath(set, one);
  return set;
}

function texts(set: FieldSet): Set<string> {
  return new Set(pathsOf(set).map((one) => one.join(" ")));
}

test("sets behave as sets of paths", () => {
  fc.assert(
    fc.property(paths, paths, (left, right) => {
      const [a, b] = [setOf(left), setOf(right)];
      const [inA, inB] = [
        new Set(left.map((one) => one.join(" "))),
        new Set(right.map((one) => one.join(" "))),
      ];
      expect(texts(a)).toEqual(inA);
      expect(texts(unionSets(a, b))).toEqual(inA.union(inB));
      expect(texts(subtractSets(a, b))).toEqual(inA.difference(inB));
      expect(texts(intersectSets(a, b))).toEqual(inA.intersection(inB));
      expect(equalSets(a, b)).toBe(inA.symmetricDifference(inB).size === 0);
      expect(checkFieldSet(JSON.parse(JSON.stringify(a)))).toEqual(a);
    }),
  );
});

test("a path can be taken out alone or with all below it", () => {
  const set = setOf([["f:a"], ["f:a", "f:b"], ["f:c"]]);
  expect(withoutMember(set, ["f:a"])).toEqual({ "f:a": { "f:b": {} }, "f:c": {} });
  expect(withoutPath(set, ["f:a"])).toEqual({ "f:c": {} });
  expect(withoutPath(set, ["f:a", "f:b"])).toEqual({ "f:a": {}, "f:c": {} });
});

test("paths read as in Kubernetes' conflict messages", () => {
  expect(formatFieldPath(["f:spec", "f:ports", 'k:{"port":80,"protocol":"TCP"}', "f:name"])).toBe(
    '.spec.ports[port=80,protocol="TCP"].name',
  );
  expect(formatFieldPath(["f:metadata", "f:finalizers", 'v:"x"'])).toBe('.metadata.finalizers[="x"]');
});

test.each([
  ["x", "f:a"],
  [{ a: {} }, '"a"'],
  [{ "k:[]": {} }, "k:"],
  [{ "v:x": {} }, "v:"],
  [{ "f:a": 1 }, "not a set"],
])("refuses %j", (set) => {
  expect(() => checkFieldSet(set)).toThrow(/managedFields/);
});

test("refuses sets of absurd depth", () => {
  const deep = Array.from({ length: 1_000 }).reduce<FieldSet>((set) => ({ "f:a": set }), {});
  expect(() => checkFieldSet(deep)).toThrow(/not a set of fields/);
});
