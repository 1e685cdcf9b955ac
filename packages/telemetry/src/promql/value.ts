/** Values while a query is evaluated. */
import { METRIC_NAME, seriesKey, type Labels, type TimeSeries } from "../series.ts";
import { QueryError } from "./ast.ts";

export interface Element {
  labels: Labels;
  value: number;
}

export type Value =
  | { type: "scalar"; value: number }
  | { type: "string"; value: string }
  | { type: "vector"; elements: Element[] }
  /** Samples of `(end - range, end]`, without staleness markers. */
  | { type: "range"; series: TimeSeries[]; start: number; end: number };

/** Labels without the given names. */
export function without(labels: Labels, names: readonly string[]): Labels {
  return Object.fromEntries(Object.entries(labels).filter(([name]) => !names.includes(name)));
}

/** Labels without the metric name, as everything that computes a new value gives them. */
export function unnamed(labels: Labels): Labels {
  return without(labels, [METRIC_NAME]);
}

/** Only the given labels. */
export function only(labels: Labels, names: readonly string[]): Labels {
  return Object.fromEntries(Object.entries(labels).filter(([name]) => names.includes(name)));
}

/** @throws QueryError when two elements have the same labels, as Prometheus does */
export function checkDistinct(elements: readonly Element[]): void {
  const keys = new Set(elements.map(({ labels }) => seriesKey(labels)));
  if (keys.size !== elements.length)
    throw new QueryError("vector cannot contain metrics with the same labelset");
}
