/** What a metric sample is, everywhere in this package. */

/** Label names to values, the metric name as `__name__`; no label is empty. */
export type Labels = Readonly<Record<string, string>>;

export const METRIC_NAME = "__name__";

/**
 * One value of a series. A `null` value is Prometheus' staleness marker: the series ended here, for example because
 * its pod is gone.
 */
export interface Sample {
  /** Milliseconds since the epoch. */
  timestamp: number;
  value: number | null;
}

/** A series and some of its samples, oldest first. */
export interface TimeSeries {
  labels: Labels;
  samples: Sample[];
}

/** One text for equal label sets, whatever their order. */
export function seriesKey(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

export const METRIC_NAME_PATTERN = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
export const LABEL_NAME_PATTERN = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
