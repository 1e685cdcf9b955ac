import { expect, test } from "vitest";
import { parseJsonPath, printJsonPath, queryJsonPath } from "./json-path.ts";

const OBJECT = {
  kind: "List",
  metadata: { labels: { "a.b/c": "x" } },
  items: [
    { name: "a", n: 1, on: true, tags: ["x", "y"] },
    { name: "b", n: 2, tags: ["z"] },
    { name: "c", n: 3 },
  ],
  status: {
    conditions: [
      { type: "Ready", status: "True" },
      { type: "Other", status: "False" },
    ],
  },
};

test.each([
  [".kind", ["List"]],
  ["{.kind}", ["List"]],
  ["kind", ["List"]],
  ["$.kind", ["List"]],
  [".items[0].name", ["a"]],
  [".items[-1].name", ["c"]],
  [".items[0,2].name", ["a", "c"]],
  [".items[1:].name", ["b", "c"]],
  [".items[:2].name", ["a", "b"]],
  [".items[-2:].name", ["b", "c"]],
  [".items[::2].name", ["a", "c"]],
  [".items[*].name", ["a", "b", "c"]],
  [".items[*].tags[*]", ["x", "y", "z"]],
  [".metadata.labels.a\\.b/c", ["x"]],
  [".metadata.labels['a.b/c']", ["x"]],
  ["{.items[0]['name','n']}", ["a", 1]],
  ['.status.conditions[?(@.type=="Ready")].status', ["True"]],
  [".status.conditions[?(@.type=='Other')].status", ["False"]],
  [".items[?(@.n>1)].name", ["b", "c"]],
  [".items[?(@.n >= 2 && @.name != 'c')].name", ["b"]],
  [".items[?(@.n<2 || @.n==3)].name", ["a", "c"]],
  [".items[?(@.on==true)].name", ["a"]],
  [".items[?(@.tags)].name", ["a", "b"]],
  [".items[?(@.name==$.items[1].name)].n", [2]],
  ["..name", ["a", "b", "c"]],
  [".missing.deeper", []],
  [".items[7]", []],
  [".constructor", []],
  [".", [OBJECT]],
])("%s", (path, expected) => {
  expect(queryJsonPath(OBJECT, path)).toEqual(expected);
});

test.each([
  ".a[",
  ".a[b]",
  ".a[?(@.b=]",
  ".a[?(@.b==1]",
  ".a[1:2:3:4]",
  ".a[::0]",
  ".a['b]",
  ".a)",
  ".a[]",
  "..a..b..c",
])("refuses %s", (path) => {
  expect(() => parseJsonPath(path)).toThrow(SyntaxError);
});

test("prints as kubectl does", () => {
  expect(printJsonPath(["a", 1, true, { b: [1] }])).toBe('a 1 true {"b":[1]}');
});
