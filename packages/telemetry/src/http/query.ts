/** Prometheus' query API (https://prometheus.io/docs/prometheus/latest/querying/api/). */
import { QueryError } from "../promql/ast.ts";
import { evaluateInstant, evaluateRange } from "../promql/evaluate.ts";
import { parseQuery } from "../promql/parser.ts";
import type { Value } from "../promql/value.ts";
import type { Matcher } from "../store/matcher.ts";
import type { MetricsStore } from "../store/store.ts";
import { ApiError } from "./answer.ts";
import { stepParameter, timeParameter } from "./request.ts";

/** Values travel as text, because JSON has no NaN and no infinity. */
function valueText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  return String(value);
}

const seconds = (time: number): number => time / 1_000;
const point = (time: number, value: number): [number, string] => [seconds(time), valueText(value)];

function instantData(value: Value, time: number): object {
  switch (value.type) {
    case "scalar":
      return { resultType: "scalar", result: point(time, value.value) };
    case "string":
      return { resultType: "string", result: [seconds(time), value.value] };
    case "vector": {
      const result = value.elements.map(({ labels, value: v }) => ({
        metric: labels,
        value: point(time, v),
      }));
      return { resultType: "vector", result };
    }
    case "range": {
      const present = value.series.filter(({ samples }) => samples.length > 0);
      const result = present.map(({ labels, samples }) => ({
        metric: labels,
        values: samples.map((sample) => point(sample.timestamp, sample.value ?? Number.NaN)),
      }));
      return { resultType: "matrix", result };
    }
  }
}

/** Runs `work`, turning what a user can get wrong into `bad_data`. */
function checked<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof QueryError)
      throw new ApiError("bad_data", `invalid parameter "query": ${error.message}`);
    throw error;
  }
}

export interface QueryContext {
  store: MetricsStore;
  parameters: URLSearchParams;
  now: number;
}

function queryText(parameters: URLSearchParams): string {
  const query = parameters.get("query");
  if (query === null || query.trim() === "") throw new ApiError("bad_data", 'parameter "query" is missing');
  return query;
}

/** `GET|POST /api/v1/query`. */
export function instantQuery({ store, parameters, now }: QueryContext): unknown {
  const time = timeParameter(parameters, "time", now);
  return checked(() => instantData(evaluateInstant(store, queryText(parameters), time), time));
}

/** `GET|POST /api/v1/query_range`. */
export function rangeQuery({ store, parameters, now }: QueryContext): unknown {
  const range = {
    start: timeParameter(parameters, "start", Number.NaN),
    end: timeParameter(parameters, "end", now),
    step: stepParameter(parameters),
  };
  if (Number.isNaN(range.start)) throw new ApiError("bad_data", 'parameter "start" is missing');
  const series = checked(() => evaluateRange(store, queryText(parameters), range));
  const result = series.map(({ labels, points }) => ({
    metric: labels,
    values: points.map(([time, value]) => point(time, value)),
  }));
  return { resultType: "matrix", result };
}

function matchSets(parameters: URLSearchParams): Matcher[][] {
  return parameters.getAll("match[]").map((text) =>
    checked(() => {
      const expression = parseQuery(text);
      if (expression.kind !== "selector" || expression.range !== undefined) {
        throw new QueryError("match[] must be a selector");
      }
      return expression.matchers;
    }),
  );
}

function matchingSeries({ store, parameters, now }: QueryContext): Record<string, string>[] {
  const sets = matchSets(parameters);
  const from = timeParameter(parameters, "start", 0);
  const to = timeParameter(parameters, "end", now);
  const found = new Map<string, Record<string, string>>();
  for (const matchers of sets.length === 0 ? [[]] : sets) {
    for (const labels of store.series(matchers, from, to)) found.set(JSON.stringify(labels), labels);
  }
  return [...found.values()];
}

/** `GET|POST /api/v1/series`. */
export function seriesList(context: QueryContext): unknown {
  if (!context.parameters.has("match[]")) throw new ApiError("bad_data", "no match[] parameter provided");
  return matchingSeries(context);
}

/** `GET|POST /api/v1/labels`. */
export function labelNames(context: QueryContext): unknown {
  return [...new Set(matchingSeries(context).flatMap((labels) => Object.keys(labels)))].toSorted();
}

/** `GET /api/v1/label/{name}/values`. */
export function labelValues(context: QueryContext, name: string): unknown {
  const values = matchingSeries(context).flatMap((labels) =>
    Object.hasOwn(labels, name) ? [labels[name] ?? ""] : [],
  );
  return [...new Set(values)].toSorted();
}
