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
      const inA = new Set(left.map((one) => one.join(" ")));
      const inB = new Set(right.map((one) => one.join(" ")));
      const both = [...inA].filter((one) => inB.has(one));
      const onlyA = [...inA].filter((one) => !inB.has(one));
      expect(texts(a)).toEqual(inA);
      expect(texts(unionSets(a, b))).toEqual(new Set([...inA, ...inB]));
      expect(texts(subtractSets(a, b))).toEqual(new Set(onlyA));
      expect(texts(intersectSets(a, b))).toEqual(new Set(both));
      expect(equalSets(a, b)).toBe(onlyA.length === 0 && both.length === inB.size);
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

test.each<[unknown, string]>([
  ["x", "not a set"],
  [{ a: {} }, "is not a path element"],
  [{ "k:[]": {} }, "is not a path element"],
  [{ "v:x": {} }, "is not a path element"],
  [{ "f:a": 1 }, "not a set"],
])("refuses %j", (set, message) => {
  expect(() => checkFieldSet(set)).toThrow(message);
});

test("refuses sets of absurd depth", () => {
  const deep = Array.from({ length: 1_000 }).reduce<FieldSet>((set) => ({ "f:a": set }), {});
  expect(() => checkFieldSet(deep)).toThrow(/not a set of fields/);
});
