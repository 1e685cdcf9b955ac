import { expect, test } from "vitest";
import { parseFieldSelector, matchesFieldSelector } from "./field-selector.ts";
import {
  formatLabelSelector,
  matchesLabelSelector,
  matchesRequirements,
  parseLabelSelector,
  requirementsOf,
} from "./label-selector.ts";

const LABELS = { app: "web", tier: "front", empty: "", n: "10", "example.com/x": "y" };

test.each([
  ["", true],
  ["app=web", true],
  ["app==web", true],
  ["app = web , tier = front", true],
  ["app!=web", false],
  ["app!=db", true],
  ["missing!=x", true],
  ["missing=x", false],
  ["app", true],
  ["!app", false],
  ["!missing", true],
  ["empty=", true],
  ["app=", false],
  ["app in (web,db)", true],
  ["app in (db)", false],
  ["app notin (db)", true],
  ["missing notin (db)", true],
  ["empty in (,x)", true],
  ["n>9", true],
  ["n<10", false],
  ["app>1", false],
  ["example.com/x=y,app", true],
  ["in in (in)", false],
  ["constructor", false],
])("%j selects: %s", (text, expected) => {
  expect(matchesRequirements(parseLabelSelector(text), LABELS)).toBe(expected);
});

test.each(
  [
    "=x",
    "a b",
    "a=b,",
    "a in b",
    "a in (b",
    "a in ()x",
    "a>x",
    "!",
    "a=b=c",
    "-a=b",
    "a=b!",
    "a=@",
    ",",
    "a==",
    "x/y/z",
  ].filter((text) => text !== "a=="),
)("refuses %j", (text) => {
  expect(() => parseLabelSelector(text)).toThrow(expect.objectContaining({ reason: "BadRequest" }));
});

test("an absent selector selects nothing, an empty one everything", () => {
  expect(matchesLabelSelector(undefined, LABELS)).toBe(false);
  expect(matchesLabelSelector({}, undefined)).toBe(true);
});

test.each([
  [{ matchLabels: { app: "web" } }, "app=web", true],
  [
    { matchExpressions: [{ key: "app", operator: "In" as const, values: ["web", "db"] }] },
    "app in (web,db)",
    true,
  ],
  [
    { matchExpressions: [{ key: "app", operator: "NotIn" as const, values: ["web"] }] },
    "app notin (web)",
    false,
  ],
  [
    { matchLabels: { tier: "front" }, matchExpressions: [{ key: "app", operator: "Exists" as const }] },
    "tier=front,app",
    true,
  ],
  [{ matchExpressions: [{ key: "no", operator: "DoesNotExist" as const }] }, "!no", true],
])("%j", (selector, text, expected) => {
  expect(matchesLabelSelector(selector, LABELS)).toBe(expected);
  expect(formatLabelSelector(selector)).toBe(text);
  expect(matchesRequirements(parseLabelSelector(text), LABELS)).toBe(expected);
});

test.each([
  [{ key: "a", operator: "In" as const }, "values set can't be empty"],
  [{ key: "a", operator: "Exists" as const, values: ["x"] }, "values set must be empty"],
  [{ key: "a b", operator: "Exists" as const }, "name part must consist of"],
])("refuses the expression %j", (expression, message) => {
  expect(() => requirementsOf({ matchExpressions: [expression] })).toThrow(message);
});

const POD = {
  metadata: { name: "a", namespace: "n" },
  spec: { nodeName: "k" },
  status: { phase: "Running" },
};

test.each([
  ["metadata.name=a", true],
  ["metadata.name==a,metadata.namespace=n", true],
  ["metadata.name!=a", false],
  ["status.phase=Running,spec.nodeName!=x", true],
  ["spec.missing=", true],
  ["spec.missing!=x", true],
  ["", true],
  ["metadata.name=a\\,b", false],
])("field selector %j: %s", (text, expected) => {
  expect(matchesFieldSelector(parseFieldSelector(text), POD)).toBe(expected);
});

test("field selectors: escapes and errors", () => {
  expect(parseFieldSelector("a=x\\,y\\=z\\\\")).toEqual([{ path: "a", operator: "=", value: "x,y=z\\" }]);
  expect(() => parseFieldSelector("a")).toThrow("can't understand 'a'");
  expect(() => parseFieldSelector("a=\\b")).toThrow("invalid escape sequence");
});
