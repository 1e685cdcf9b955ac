import { expect, it } from "vitest";
import { parseQuantity, sumQuantities } from "./quantity.ts";

it.each<[string | number | undefined, number | undefined]>([
  ["500m", 0.5],
  ["2", 2],
  [4, 4],
  ["16Gi", 16 * 2 ** 30],
  ["1.5k", 1500],
  ["1e3", 1000],
  ["many", undefined],
  ["1Xi", undefined],
  [undefined, undefined],
])("%s is %s", (text, value) => {
  expect(parseQuantity(text)).toBe(value);
});

it("sums nodes by resource", () => {
  const nodes: Record<string, string | number>[] = [
    { cpu: "2", memory: "4Gi", pods: 110 },
    { cpu: "500m", memory: "1024Ki" },
  ];
  expect(sumQuantities(nodes)).toEqual({ cpu: "2500m", memory: "4195328Ki", pods: "110" });
});
