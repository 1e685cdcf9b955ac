import { seriesKey } from "../series.ts";
import { QueryError, type AggregateOperator, type BinaryOperator } from "./ast.ts";
import { only, unnamed, without, type Element, type Value } from "./value.ts";

const COMPARISONS: ReadonlySet<BinaryOperator> = new Set<BinaryOperator>(["==", "!=", ">", "<", ">=", "<="]);

function calculate(operator: BinaryOperator, left: number, right: number): number {
  switch (operator) {
    case "+":
      return left + right;
    case "-":
      return left - right;
    case "*":
      return left * right;
    case "/":
      return left / right;
    case "%":
      return left % right;
    case "^":
      return left ** right;
    case "==":
      return Number(left === right);
    case "!=":
      return Number(left !== right);
    case ">":
      return Number(left > right);
    case "<":
      return Number(left < right);
    case ">=":
      return Number(left >= right);
    case "<=":
      return Number(left <= right);
  }
}

/** One pair; a comparison without bool keeps `kept` or nothing. */
function pair(
  operator: BinaryOperator,
  bool: boolean,
  left: number,
  right: number,
  kept: Element,
): Element[] {
  const value = calculate(operator, left, right);
  if (!COMPARISONS.has(operator) || bool) return [{ labels: unnamed(kept.labels), value }];
  return value === 1 ? [kept] : [];
}

/** Elements of both sides with equal labels (the name aside), one to one. */
function matched(
  operator: BinaryOperator,
  bool: boolean,
  left: readonly Element[],
  right: readonly Element[],
): Element[] {
  const others = new Map<string, Element>();
  for (const element of right) {
    const key = seriesKey(unnamed(element.labels));
    if (others.has(key))
      throw new QueryError("many-to-many matching is not supported: the right side has duplicates");
    others.set(key, element);
  }
  const seen = new Set<string>();
  return left.flatMap((element) => {
    const key = seriesKey(unnamed(element.labels));
    const other = others.get(key);
    if (other === undefined) return [];
    if (seen.has(key))
      throw new QueryError("many-to-one matching is not supported: the left side has duplicates");
    seen.add(key);
    return pair(operator, bool, element.value, other.value, element);
  });
}

/** @throws QueryError for operands that do not go together */
export function applyBinary(operator: BinaryOperator, bool: boolean, left: Value, right: Value): Value {
  if (left.type === "scalar" && right.type === "scalar") {
    if (COMPARISONS.has(operator) && !bool) throw new QueryError("comparisons between scalars must use bool");
    return { type: "scalar", value: calculate(operator, left.value, right.value) };
  }
  if (left.type === "vector" && right.type === "vector") {
    return { type: "vector", elements: matched(operator, bool, left.elements, right.elements) };
  }
  if (left.type === "vector" && right.type === "scalar") {
    const elements = left.elements.flatMap((e) => pair(operator, bool, e.value, right.value, e));
    return { type: "vector", elements };
  }
  if (left.type === "scalar" && right.type === "vector") {
    const elements = right.elements.flatMap((e) => pair(operator, bool, left.value, e.value, e));
    return { type: "vector", elements };
  }
  throw new QueryError(`operator ${operator} does not work on a ${left.type} and a ${right.type}`);
}

function reduce(operator: AggregateOperator, values: readonly number[]): number {
  const sum = (): number => values.reduce((a, b) => a + b, 0);
  switch (operator) {
    case "sum":
      return sum();
    case "avg":
      return sum() / values.length;
    case "count":
      return values.length;
    // NaN loses against any number, as in Prometheus.
    case "min":
      return values.reduce((a, b) => (b < a || Number.isNaN(a) ? b : a));
    case "max":
      return values.reduce((a, b) => (b > a || Number.isNaN(a) ? b : a));
    default:
      throw new QueryError(`${operator} is not a reduction`);
  }
}

/** Aggregates over groups of labels; `parameter` is the k of topk and bottomk, which keep their elements. */
export function aggregate(
  operator: AggregateOperator,
  elements: readonly Element[],
  grouping: { by: boolean; labels: readonly string[] },
  parameter: number,
): Element[] {
  const groups = new Map<string, { labels: Element["labels"]; members: Element[] }>();
  for (const element of elements) {
    const labels = grouping.by
      ? only(element.labels, grouping.labels)
      : without(element.labels, ["__name__", ...grouping.labels]);
    const key = seriesKey(labels);
    const group = groups.get(key) ?? { labels, members: [] };
    group.members.push(element);
    groups.set(key, group);
  }
  if (operator === "topk" || operator === "bottomk") {
    const sign = operator === "topk" ? -1 : 1;
    const count = Math.max(0, Math.floor(parameter) || 0);
    return [...groups.values()].flatMap(({ members }) =>
      members.toSorted((a, b) => sign * (a.value - b.value)).slice(0, count),
    );
  }
  return [...groups.values()].map(({ labels, members }) => ({
    labels,
    value: reduce(
      operator,
      members.map(({ value }) => value),
    ),
  }));
}
