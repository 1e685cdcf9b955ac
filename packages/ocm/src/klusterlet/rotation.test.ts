import fc from "fast-check";
import { expect, it } from "vitest";
import { renewalTime } from "./rotation.ts";

it("renews with 20 to 25 % of the lifetime left", () => {
  const notBefore = new Date("2026-01-01T00:00:00Z");
  const notAfter = new Date("2026-01-01T01:40:00Z");
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (random) => {
      const minutes = (renewalTime({ notBefore, notAfter }, random).getTime() - notBefore.getTime()) / 60_000;
      expect(minutes).toBeGreaterThanOrEqual(75);
      expect(minutes).toBeLessThanOrEqual(80);
    }),
  );
});
