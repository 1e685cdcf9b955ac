import { parseJsonPath, type Filter, type JsonPath, type Operand, type Step } from "./json-path-parser.ts";
import { deepEqual } from "./deep-equal.ts";
import { isJsonObject } from "./json.ts";

export { parseJsonPath, type JsonPath } from "./json-path-parser.ts";

/**
 * All values that a path selects, in order. A path that leads nowhere selects nothing.
 * @param path parsed, or its text: `.status.conditions[?(@.type=="Ready")].status`
 * @throws SyntaxError for a text that is not a path
 */
export function queryJsonPath(object: unknown, path: JsonPath | string): unknown[] {
  const steps = typeof path === "string" ? parseJsonPath(path) : path;
  return steps.reduce<unknown[]>(
    (values, step) => values.flatMap((value) => select(value, step, object)),
    [object],
  );
}

function select(value: unknown, step: Step, root: unknown): unknown[] {
  switch (step.kind) {
    case "field":
      return isJsonObject(value) && Object.hasOwn(value, step.name) ? [value[step.name]] : [];
    case "fields":
      return step.names.flatMap((name) => select(value, { kind: "field", name }, root));
    case "wildcard":
      return childrenOf(value);
    case "descend":
      return [value, ...childrenOf(value).flatMap((child) => select(child, step, root))];
    case "indexes":
      return Array.isArray(value) ? step.indexes.flatMap((index) => elementAt(value, index)) : [];
    case "slice":
      return Array.isArray(value) ? slice(value, step) : [];
    case "filter":
      return childrenOf(value).filter((child) => holds(child, step.filter, root));
  }
}

function childrenOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  return isJsonObject(value) ? Object.values(value) : [];
}

function elementAt(list: readonly unknown[], index: number): unknown[] {
  const position = index < 0 ? list.length + index : index;
  return position >= 0 && position < list.length ? [list[position]] : [];
}

function slice(
  list: readonly unknown[],
  { start, end, step }: { start?: number; end?: number; step?: number },
): unknown[] {
  return list.slice(start ?? 0, end ?? list.length).filter((_, index) => index % (step ?? 1) === 0);
}

function holds(value: unknown, filter: Filter, root: unknown): boolean {
  switch (filter.kind) {
    case "and":
      return holds(value, filter.left, root) && holds(value, filter.right, root);
    case "or":
      return holds(value, filter.left, root) || holds(value, filter.right, root);
    case "exists":
      return operandValues(value, filter.operand, root).length > 0;
    case "compare": {
      const [left] = operandValues(value, filter.left, root);
      const [right] = operandValues(value, filter.right, root);
      return compare(left, filter.operator, right);
    }
  }
}

function operandValues(value: unknown, operand: Operand, root: unknown): unknown[] {
  if (operand.kind === "literal") return [operand.value];
  return queryJsonPath(operand.fromRoot ? root : value, operand.path);
}

function compare(left: unknown, operator: string, right: unknown): boolean {
  if (left === undefined || right === undefined) return false;
  if (operator === "==") return deepEqual(left, right);
  if (operator === "!=") return !deepEqual(left, right);
  if (typeof left === "number" && typeof right === "number") return ordered(left - right, operator);
  if (typeof left === "string" && typeof right === "string")
    return ordered(left === right ? 0 : left < right ? -1 : 1, operator);
  return false;
}

function ordered(difference: number, operator: string): boolean {
  if (operator === "<") return difference < 0;
  if (operator === "<=") return difference <= 0;
  return operator === ">" ? difference > 0 : difference >= 0;
}

/** How kubectl prints the selected values: scalars as they are, others as JSON, separated by a space. */
export function printJsonPath(values: readonly unknown[]): string {
  return values.map((value) => (typeof value === "string" ? value : (JSON.stringify(value) ?? ""))).join(" ");
}
