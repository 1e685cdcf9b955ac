import fc from "fast-check";
import { expect, test } from "vitest";
import {
  addQuantities,
  compareQuantities,
  formatQuantity,
  parseQuantity,
  quantityValue,
} from "./quantity.ts";

test.each([
  ["0", "0", 0],
  ["1", "1", 1],
  ["100m", "100m", 0.1],
  ["0.1", "100m", 0.1],
  ["1.5", "1500m", 1.5],
  ["1000m", "1", 1],
  ["2000", "2k", 2000],
  ["1k", "1k", 1000],
  ["1Ki", "1Ki", 1024],
  ["1.5Gi", "1536Mi", 1610612736],
  ["1024Mi", "1Gi", 1073741824],
  ["1000Ki", "1000Ki", 1024000],
  ["512", "512", 512],
  ["0.5Mi", "512Ki", 524288],
  ["1e3", "1e3", 1000],
  ["1E3", "1e3", 1000],
  ["12e6", "12e6", 12e6],
  ["1E", "1E", 1e18],
  ["-1.5", "-1500m", -1.5],
  ["+5", "5", 5],
  [".5", "500m", 0.5],
  ["5.", "5", 5],
  ["100u", "100u", 0.0001],
  ["1n", "1n", 1e-9],
])("%s is %s", (text, canonical, value) => {
  const quantity = parseQuantity(text);
  expect(quantity && formatQuantity(quantity)).toBe(canonical);
  expect(quantity && quantityValue(quantity)).toBeCloseTo(value, 9);
});

test.each(["", "a", "1.2.3", "1 Gi", "Gi", "1gi", "1K", "--1", "1e", "1e99", "0x10", ".", "1".repeat(100)])(
  "%j is none",
  (text) => {
    expect(parseQuantity(text)).toBeUndefined();
  },
);

test("canonical forms are stable and order is that of the numbers", () => {
  const quantity = fc
    .tuple(fc.integer({ min: -1e6, max: 1e6 }), fc.constantFrom("", "m", "k", "M", "Ki", "Mi"))
    .map(([n, suffix]) => `${n}${suffix}`);
  fc.assert(
    fc.property(quantity, quantity, (left, right) => {
      const a = parseQuantity(left);
      const b = parseQuantity(right);
      if (a === undefined || b === undefined) throw new Error("generated no quantity");
      expect(parseQuantity(formatQuantity(a))?.nano).toBe(a.nano);
      expect(Math.sign(compareQuantities(a, b))).toBe(Math.sign(quantityValue(a) - quantityValue(b)));
      expect(addQuantities(a, b).nano).toBe(a.nano + b.nano);
    }),
  );
});
