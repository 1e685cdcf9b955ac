/** Evaluates a query at one time or at every step of a range. */
import { seriesKey, type Labels, type Sample, type TimeSeries } from "../series.ts";
import type { MetricsStore } from "../store/store.ts";
import { QueryError, type Expression } from "./ast.ts";
import { applyToRange, histogramQuantile, roundTo } from "./functions.ts";
import { aggregate, applyBinary } from "./operators.ts";
import { parseQuery } from "./parser.ts";
import { FUNCTIONS } from "./signature.ts";
import { checkDistinct, unnamed, type Element, type Value } from "./value.ts";

/** How long a sample stands for its series when no newer one came; Prometheus' default. */
const LOOKBACK_MS = 5 * 60_000;
/** Points per series of a range query, as in Prometheus: no screen has more columns. */
const MAX_STEPS = 11_000;
/** Samples that one query may load: about 80 MB. */
const MAX_SAMPLES = 2_000_000;

type Selector = Extract<Expression, { kind: "selector" }>;

function selectors(expression: Expression): Selector[] {
  switch (expression.kind) {
    case "selector":
      return [expression];
    case "call":
      return expression.arguments.flatMap(selectors);
    case "aggregate":
      return [expression.of, ...(expression.parameter ? [expression.parameter] : [])].flatMap(selectors);
    case "negate":
      return selectors(expression.of);
    case "binary":
      return [expression.left, expression.right].flatMap(selectors);
    default:
      return [];
  }
}

/** Index of the first sample later than `time`. */
function after(samples: readonly Sample[], time: number): number {
  let [low, high] = [0, samples.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((samples[middle]?.timestamp ?? 0) <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}

class Evaluation {
  readonly #loaded: Map<Selector, TimeSeries[]>;
  #time = 0;

  constructor(store: MetricsStore, expression: Expression, from: number, to: number) {
    let count = 0;
    this.#loaded = new Map(
      selectors(expression).map((selector) => {
        const window = selector.range ?? LOOKBACK_MS;
        const series = store.select(selector.matchers, from - window - selector.offset, to - selector.offset);
        count += series.reduce((sum, { samples }) => sum + samples.length, 0);
        if (count > MAX_SAMPLES)
          throw new QueryError(`query would load more than ${MAX_SAMPLES} samples; narrow it`);
        return [selector, series] as const;
      }),
    );
  }

  at(expression: Expression, time: number): Value {
    this.#time = time;
    const value = this.#value(expression);
    if (value.type === "vector") checkDistinct(value.elements);
    return value;
  }

  #value(expression: Expression): Value {
    switch (expression.kind) {
      case "number":
        return { type: "scalar", value: expression.value };
      case "string":
        return { type: "string", value: expression.value };
      case "selector":
        return expression.range === undefined
          ? this.#instant(expression)
          : this.#range(expression, expression.range);
      case "negate":
        return applyBinary("*", false, this.#value(expression.of), { type: "scalar", value: -1 });
      case "binary":
        return applyBinary(
          expression.operator,
          expression.bool,
          this.#value(expression.left),
          this.#value(expression.right),
        );
      case "aggregate": {
        const parameter =
          expression.parameter === undefined ? 0 : this.#scalar(expression.parameter, expression.operator);
        const elements = this.#vector(expression.of, expression.operator);
        return { type: "vector", elements: aggregate(expression.operator, elements, expression, parameter) };
      }
      case "call":
        return this.#call(expression);
    }
  }

  #instant(selector: Selector): Value {
    const time = this.#time - selector.offset;
    const elements: Element[] = [];
    for (const { labels, samples } of this.#loaded.get(selector) ?? []) {
      const sample = samples[after(samples, time) - 1];
      if (sample === undefined || sample.value === null || sample.timestamp <= time - LOOKBACK_MS) continue;
      elements.push({ labels, value: sample.value });
    }
    return { type: "vector", elements };
  }

  #range(selector: Selector, range: number): Value {
    const end = this.#time - selector.offset;
    const start = end - range;
    const series = (this.#loaded.get(selector) ?? []).map(({ labels, samples }) => ({
      labels,
      samples: samples
        .slice(after(samples, start), after(samples, end))
        .filter(({ value }) => value !== null),
    }));
    return { type: "range", series, start, end };
  }

  #vector(expression: Expression, where: string): Element[] {
    const value = this.#value(expression);
    if (value.type !== "vector")
      throw new QueryError(`${where} needs an instant vector, got a ${value.type}`);
    return value.elements;
  }

  #scalar(expression: Expression, where: string): number {
    const value = this.#value(expression);
    if (value.type !== "scalar") throw new QueryError(`${where} needs a scalar, got a ${value.type}`);
    return value.value;
  }

  #call({ name, arguments: list }: Extract<Expression, { kind: "call" }>): Value {
    if (name === "time") return { type: "scalar", value: this.#time / 1_000 };
    const [first, second] = list;
    if (first === undefined) throw new QueryError(`${name} needs an argument`);
    if (name === "vector")
      return { type: "vector", elements: [{ labels: {}, value: this.#scalar(first, name) }] };
    if (FUNCTIONS.get(name)?.types[0] === "range") {
      const value = this.#value(first);
      if (value.type !== "range")
        throw new QueryError(`${name} needs a range such as metric[5m], got a ${value.type}`);
      return { type: "vector", elements: applyToRange(name, value.series, value.start, value.end) };
    }
    if (name === "histogram_quantile") {
      const quantile = this.#scalar(first, name);
      const elements = second === undefined ? [] : this.#vector(second, name);
      return { type: "vector", elements: histogramQuantile(quantile, elements) };
    }
    return this.#mapped(name, this.#vector(first, name), first, second);
  }

  #mapped(name: string, elements: Element[], first: Expression, second: Expression | undefined): Value {
    if (name === "scalar") {
      return {
        type: "scalar",
        value: elements.length === 1 ? (elements[0]?.value ?? Number.NaN) : Number.NaN,
      };
    }
    if (name === "absent") {
      return {
        type: "vector",
        elements: elements.length > 0 ? [] : [{ labels: absentLabels(first), value: 1 }],
      };
    }
    const multiple = second === undefined ? 1 : this.#scalar(second, name);
    const maps: Readonly<Record<string, (value: number) => number>> = {
      abs: Math.abs,
      ceil: Math.ceil,
      floor: Math.floor,
      sqrt: Math.sqrt,
      ln: Math.log,
      exp: Math.exp,
      round: (value) => roundTo(value, multiple),
    };
    const map = maps[name] ?? ((value: number) => value);
    return {
      type: "vector",
      elements: elements.map(({ labels, value }) => ({ labels: unnamed(labels), value: map(value) })),
    };
  }
}

/** `absent(x{a="b"})` says which series is missing as far as the selector does. */
function absentLabels(expression: Expression): Labels {
  if (expression.kind !== "selector") return {};
  const equal = expression.matchers.filter(({ operator, name }) => operator === "=" && name !== "__name__");
  return Object.fromEntries(equal.map(({ name, value }) => [name, value]));
}

/**
 * The value of a query at `time` (milliseconds).
 *
 * @throws QueryError for what cannot be parsed, is not supported or asks for too much
 */
export function evaluateInstant(store: MetricsStore, query: string, time: number): Value {
  const expression = parseQuery(query);
  return new Evaluation(store, expression, time, time).at(expression, time);
}

/**
 * The values of a query at `start`, `start + step`, … up to `end` (milliseconds), per label set.
 *
 * @throws QueryError as for an instant, and for too many steps
 */
export function evaluateRange(
  store: MetricsStore,
  query: string,
  range: { start: number; end: number; step: number },
): { labels: Labels; points: [time: number, value: number][] }[] {
  const { start, end, step } = range;
  if (!(step > 0)) throw new QueryError("step must be longer than 0");
  if (end < start) throw new QueryError("end is before start");
  if ((end - start) / step > MAX_STEPS) {
    throw new QueryError(`more than ${MAX_STEPS} points per series; use a longer step or a shorter range`);
  }
  const expression = parseQuery(query);
  const evaluation = new Evaluation(store, expression, start, end);
  const result = new Map<string, { labels: Labels; points: [number, number][] }>();
  for (let time = start; time <= end; time += step) {
    const value = evaluation.at(expression, time);
    if (value.type !== "vector" && value.type !== "scalar") {
      throw new QueryError(`a range query needs a scalar or an instant vector, got a ${value.type}`);
    }
    const elements = value.type === "scalar" ? [{ labels: {}, value: value.value }] : value.elements;
    for (const element of elements) {
      const key = seriesKey(element.labels);
      const series = result.get(key) ?? { labels: element.labels, points: [] };
      series.points.push([time, element.value]);
      result.set(key, series);
    }
  }
  return [...result.values()];
}
