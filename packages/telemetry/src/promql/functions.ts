/** PromQL functions over ranges and vectors, with Prometheus' arithmetic (promql/functions.go documents it). */
import { seriesKey, type TimeSeries } from "../series.ts";
import type { Element } from "./value.ts";
import { without } from "./value.ts";

/** Samples of one range as plain arrays; markers are gone already. */
interface Points {
  times: number[];
  values: number[];
  start: number;
  end: number;
}

function points(series: TimeSeries, start: number, end: number): Points {
  return {
    times: series.samples.map((sample) => sample.timestamp),
    values: series.samples.map((sample) => sample.value ?? Number.NaN),
    start,
    end,
  };
}

/** Last minus first, plus what counter resets hid. */
function counterIncrease(values: readonly number[]): number {
  let sum = (values.at(-1) ?? 0) - (values[0] ?? 0);
  for (let index = 1; index < values.length; index++) {
    const previous = values[index - 1] ?? 0;
    if ((values[index] ?? 0) < previous) sum += previous;
  }
  return sum;
}

/** A gap at either end of the range counts as part of the series when it is this much of the usual distance. */
const EXTRAPOLATION_THRESHOLD = 1.1;

/**
 * What rate, increase and delta share: the change between first and last sample, extrapolated to the ends of the range
 * unless the series seems to begin or end inside it; a counter is never extrapolated below zero.
 */
function extrapolated({ times, values, start, end }: Points, counter: boolean): number | undefined {
  const [first, last] = [times[0], times.at(-1)];
  if (first === undefined || last === undefined || times.length < 2) return undefined;
  const change = counter ? counterIncrease(values) : (values.at(-1) ?? 0) - (values[0] ?? 0);
  const sampled = last - first;
  const average = sampled / (times.length - 1);
  let toStart = first - start;
  let toEnd = end - last;
  if (toStart >= average * EXTRAPOLATION_THRESHOLD) toStart = average / 2;
  const [firstValue = 0] = values;
  if (counter && change > 0 && firstValue >= 0) toStart = Math.min(toStart, sampled * (firstValue / change));
  if (toEnd >= average * EXTRAPOLATION_THRESHOLD) toEnd = average / 2;
  return change * ((sampled + toStart + toEnd) / sampled);
}

function instantRate({ times, values }: Points): number | undefined {
  const count = times.length;
  const [previous, last] = [values[count - 2], values[count - 1]];
  if (previous === undefined || last === undefined) return undefined;
  const seconds = ((times[count - 1] ?? 0) - (times[count - 2] ?? 0)) / 1_000;
  return (last < previous ? last : last - previous) / seconds;
}

const countWhere = (values: readonly number[], test: (now: number, before: number) => boolean): number =>
  values.filter((value, index) => index > 0 && test(value, values[index - 1] ?? 0)).length;

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

type RangeFunction = (points: Points) => number | undefined;

const RANGE_FUNCTIONS: ReadonlyMap<string, RangeFunction> = new Map<string, RangeFunction>([
  [
    "rate",
    (range) => {
      const increase = extrapolated(range, true);
      return increase === undefined ? undefined : increase / ((range.end - range.start) / 1_000);
    },
  ],
  ["increase", (range) => extrapolated(range, true)],
  ["delta", (range) => extrapolated(range, false)],
  ["irate", instantRate],
  ["changes", ({ values }) => countWhere(values, (now, before) => !Object.is(now, before))],
  ["resets", ({ values }) => countWhere(values, (now, before) => now < before)],
  ["avg_over_time", ({ values }) => sum(values) / values.length],
  ["sum_over_time", ({ values }) => sum(values)],
  ["min_over_time", ({ values }) => values.reduce((a, b) => Math.min(a, b))],
  ["max_over_time", ({ values }) => values.reduce((a, b) => Math.max(a, b))],
  ["count_over_time", ({ values }) => values.length],
  ["last_over_time", ({ values }) => values.at(-1)],
]);

/** Applies a function to every series of a range; series without an answer are left out. */
export function applyToRange(
  name: string,
  series: readonly TimeSeries[],
  start: number,
  end: number,
): Element[] {
  const run = RANGE_FUNCTIONS.get(name);
  const elements: Element[] = [];
  for (const one of series) {
    const value = one.samples.length === 0 ? undefined : run?.(points(one, start, end));
    if (value === undefined) continue;
    elements.push({
      labels: name === "last_over_time" ? one.labels : without(one.labels, ["__name__"]),
      value,
    });
  }
  return elements;
}

/** Rounds half up to a multiple, as PromQL's round(). */
export function roundTo(value: number, multiple: number): number {
  const inverse = 1 / multiple;
  return Math.floor(value * inverse + 0.5) / inverse;
}

interface Bucket {
  bound: number;
  count: number;
}

/** Linear interpolation inside the bucket that holds the quantile. */
function bucketQuantile(quantile: number, unsorted: readonly Bucket[]): number {
  if (Number.isNaN(quantile)) return Number.NaN;
  if (quantile < 0) return Number.NEGATIVE_INFINITY;
  if (quantile > 1) return Number.POSITIVE_INFINITY;
  const buckets = unsorted.toSorted((a, b) => a.bound - b.bound);
  const last = buckets.at(-1);
  if (last === undefined || last.bound !== Number.POSITIVE_INFINITY || buckets.length < 2) return Number.NaN;
  // Scrapes are not atomic: counts have to be made monotonic before they are searched.
  let highest = 0;
  const counts = buckets.map(({ count }) => (highest = Math.max(highest, count)));
  const total = counts.at(-1) ?? 0;
  if (total === 0) return Number.NaN;
  const rank = quantile * total;
  const index = counts.findIndex((count) => count >= rank);
  const bound = (at: number): number => buckets[at]?.bound ?? 0;
  if (index === buckets.length - 1) return bound(index - 1);
  if (index === 0 && bound(0) <= 0) return bound(0);
  const [start, below] = index === 0 ? [0, 0] : [bound(index - 1), counts[index - 1] ?? 0];
  const inside = (counts[index] ?? 0) - below;
  return inside === 0 ? bound(index) : start + (bound(index) - start) * ((rank - below) / inside);
}

/** `histogram_quantile`: one answer per label set without `le`. */
export function histogramQuantile(quantile: number, elements: readonly Element[]): Element[] {
  const groups = new Map<string, { labels: Element["labels"]; buckets: Bucket[] }>();
  for (const { labels, value } of elements) {
    const { le } = labels;
    const bound = le === "+Inf" ? Number.POSITIVE_INFINITY : Number(le ?? Number.NaN);
    if (Number.isNaN(bound)) continue;
    const rest = without(labels, ["le", "__name__"]);
    const key = seriesKey(rest);
    const group = groups.get(key) ?? { labels: rest, buckets: [] };
    group.buckets.push({ bound, count: value });
    groups.set(key, group);
  }
  return [...groups.values()].map(({ labels, buckets }) => ({
    labels,
    value: bucketQuantile(quantile, buckets),
  }));
}
