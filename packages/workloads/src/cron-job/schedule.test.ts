import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ScheduleError, nextTime, parseSchedule } from "./schedule.ts";

describe("schedule", () => {
  it.each([
    ["*/15 * * * *", "2026-11-23T10:07:30Z", "2026-11-23T10:15:00.000Z"],
    ["0 0 * * *", "2026-11-23T00:00:00Z", "2026-11-24T00:00:00.000Z"],
    ["30 4 1,15 * 5", "2026-11-23T00:00:00Z", "2026-11-27T04:30:00.000Z"],
    ["0 12 * * MON-FRI", "2026-11-27T12:00:00Z", "2026-11-30T12:00:00.000Z"],
    ["0 0 29 feb *", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00.000Z"],
    ["5/20 3 * * *", "2026-11-23T03:26:00Z", "2026-11-23T03:45:00.000Z"],
    ["@hourly", "2026-12-31T23:00:00Z", "2027-01-01T00:00:00.000Z"],
    ["0 0 30 2 *", "2026-01-01T00:00:00Z", undefined],
  ])("%s after %s", (text, after, next) => {
    expect(nextTime(parseSchedule(text), new Date(after))?.toISOString()).toBe(next);
  });

  it.each([
    ["* * * *", "expected 5 fields"],
    ["60 * * * *", 'minute: "60" is outside 0-59'],
    ["5-1 * * * *", 'minute: the range "5-1" ends before it begins'],
    ["*/0 * * * *", 'minute: the step of "*/0" is 0'],
    ["* * * foo *", 'month: "foo" is not a number'],
    ["1-2-3 * * * *", 'minute: "1-2-3" is not a range'],
    ["TZ=UTC * * * * *", "use spec.timeZone"],
    ["x".repeat(2000), "longer than 1000"],
  ])("refuses %s", (text, message) => {
    expect(() => parseSchedule(text)).toThrow(message);
  });

  it("never throws anything but ScheduleError, and never looks back", () => {
    const part = fc.oneof(
      fc.constantFrom("*", "*/7", "1-5", "3,4", "mon", "jan", "?", "0"),
      fc.string({ maxLength: 4 }),
    );
    fc.assert(
      fc.property(fc.array(part, { minLength: 4, maxLength: 6 }), (fields) => {
        const after = new Date("2026-11-23T10:07:30Z");
        try {
          const next = nextTime(parseSchedule(fields.join(" ")), after);
          expect(next === undefined || next > after).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(ScheduleError);
        }
      }),
    );
  });
});
