/** A parsed cron schedule: which values of each field match. */
export interface Schedule {
  minutes: ReadonlySet<number>;
  hours: ReadonlySet<number>;
  days: ReadonlySet<number>;
  months: ReadonlySet<number>;
  weekdays: ReadonlySet<number>;
  /** Day of month or day of week starts with `*`: then both must match, otherwise either (Vixie cron). */
  anyDay: boolean;
}

/** A schedule that cannot be parsed; the message says which field and why. */
export class ScheduleError extends Error {
  override readonly name = "ScheduleError";
}

const MACROS: Record<string, string> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};
const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
/** Five fields of the longest sensible lists. */
const MAX_SCHEDULE_LENGTH = 1000;
/** A schedule that does not come in this time never comes (30 February); leap years need eight. */
const MAX_YEARS_AHEAD = 9;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/**
 * Parses five cron fields or a macro, as `robfig/cron` v3's standard parser does.
 * @throws ScheduleError
 */
export function parseSchedule(text: string): Schedule {
  if (text.length > MAX_SCHEDULE_LENGTH)
    throw new ScheduleError(`longer than ${MAX_SCHEDULE_LENGTH} characters`);
  const expanded = MACROS[text.trim().toLowerCase()] ?? text.trim();
  if (/^(CRON_)?TZ=/.test(expanded))
    throw new ScheduleError("TZ= is not allowed in a schedule; use spec.timeZone");
  const fields = expanded.split(/\s+/);
  const [minute, hour, day, month, weekday] = fields;
  if (
    fields.length !== 5 ||
    minute === undefined ||
    hour === undefined ||
    day === undefined ||
    month === undefined ||
    weekday === undefined
  ) {
    throw new ScheduleError(
      `expected 5 fields (minute hour day month weekday), found ${fields.length}: "${text}"`,
    );
  }
  return {
    minutes: parseField("minute", minute, 0, 59),
    hours: parseField("hour", hour, 0, 23),
    days: parseField("day of month", day, 1, 31),
    months: parseField("month", month, 1, 12, MONTHS, 1),
    weekdays: parseField("day of week", weekday, 0, 6, WEEKDAYS),
    anyDay: isStar(day) || isStar(weekday),
  };
}

/** The first time after `after` that matches, in UTC; undefined if there is none. */
export function nextTime(schedule: Schedule, after: Date): Date | undefined {
  let time = Math.floor(after.getTime() / MINUTE_MS) * MINUTE_MS + MINUTE_MS;
  const limit = after.getTime() + MAX_YEARS_AHEAD * 366 * DAY_MS;
  while (time <= limit) {
    const date = new Date(time);
    if (!schedule.months.has(date.getUTCMonth() + 1)) {
      time = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
    } else if (!matchesDay(schedule, date)) {
      time = Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate() + 1);
    } else if (!schedule.hours.has(date.getUTCHours())) {
      time = Math.floor(time / HOUR_MS) * HOUR_MS + HOUR_MS;
    } else if (!schedule.minutes.has(date.getUTCMinutes())) {
      time += MINUTE_MS;
    } else {
      return date;
    }
  }
  return undefined;
}

function matchesDay({ days, weekdays, anyDay }: Schedule, date: Date): boolean {
  const day = days.has(date.getUTCDate());
  const weekday = weekdays.has(date.getUTCDay());
  return anyDay ? day && weekday : day || weekday;
}

function isStar(field: string): boolean {
  return field.startsWith("*") || field.startsWith("?");
}

function parseField(
  name: string,
  text: string,
  min: number,
  max: number,
  names: readonly string[] = [],
  firstName = 0,
): Set<number> {
  const values = new Set<number>();
  const number = (part: string): number => {
    const index = names.indexOf(part.toLowerCase());
    if (index >= 0) return index + firstName;
    if (!/^\d{1,4}$/.test(part)) throw new ScheduleError(`${name}: "${part}" is not a number`);
    return Number(part);
  };
  for (const part of text.split(",")) {
    const [range = "", step, ...more] = part.split("/");
    if (more.length > 0) throw new ScheduleError(`${name}: "${part}" has more than one step`);
    const stepSize = step === undefined ? 1 : number(step);
    if (stepSize === 0) throw new ScheduleError(`${name}: the step of "${part}" is 0`);
    const [low, high] = bounds(range, step !== undefined);
    if (low < min || high > max) throw new ScheduleError(`${name}: "${part}" is outside ${min}-${max}`);
    if (low > high) throw new ScheduleError(`${name}: the range "${part}" ends before it begins`);
    for (let value = low; value <= high; value += stepSize) values.add(value);
  }
  return values;

  function bounds(range: string, stepped: boolean): [number, number] {
    if (range === "*" || range === "?") return [min, max];
    const ends = range.split("-");
    const [first, last] = ends;
    if (first === undefined || ends.length > 2) throw new ScheduleError(`${name}: "${range}" is not a range`);
    const low = number(first);
    // `5/15` means from 5 on, every 15.
    return [low, last === undefined ? (stepped ? max : low) : number(last)];
  }
}
