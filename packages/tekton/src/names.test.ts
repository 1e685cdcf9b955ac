import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { childName } from "./child-name.ts";
import { parseDuration } from "./duration.ts";
import { dnsLabel, labelValue, sanitiseObjectName } from "./native/object-name.ts";

test.each([
  ["run", "-task", "run-task"],
  ["a".repeat(58), "-task", `${"a".repeat(58)}-task`],
])("child of %s%s is %s", (parent, suffix, name) => {
  expect(childName(parent, suffix)).toBe(name);
});

test("child names fit a DNS label and differ with their parents", () => {
  const label = fc.stringMatching(/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/);
  fc.assert(
    fc.property(label, label, label, (parent, other, task) => {
      const name = childName(parent, `-${task}`);
      expect(name).toMatch(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
      if (parent !== other && parent.length === 63 && other.length === 63)
        expect(childName(other, `-${task}`)).not.toBe(name);
    }),
  );
});

test.each([
  ["1h0m0s", 3_600_000],
  ["90s", 90_000],
  ["1.5m", 90_000],
  ["250ms", 250],
  ["0", 0],
])("%s is %d ms", (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each(["", "5", "-5s", "1h 2m", "1d", "x"])("%j is no duration", (text) => {
  expect(() => parseDuration(text)).toThrow(/is not a duration/);
});

describe("object names", () => {
  test.each([
    ["my_model.v1", "my-model.v1", "my-model-v1"],
    ["-Tensor.Flow-", "tensor.flow", "tensor-flow"],
    ["ÄÖ", "", ""],
  ])("%s: %s, %s", (input, object, label) => {
    expect(sanitiseObjectName(input)).toBe(object);
    expect(dnsLabel(input)).toBe(label);
  });

  test("labels are legal whatever comes in", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(dnsLabel(text)).toMatch(/^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)?$/);
        expect(labelValue(text)).toMatch(/^([A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?)?$/);
      }),
    );
  });
});
