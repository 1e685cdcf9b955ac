import { isJsonObject } from "@ai-edge/apimachinery";
import { UsageError } from "../user-error.ts";

type Step =
  | { kind: "field"; name: string }
  | { kind: "index"; index: number }
  | { kind: "all" }
  | { kind: "filter"; path: Step[]; operator: "==" | "!="; value: string };

const FIELD = /^\.?((?:[^.[\]\\{}'" ]|\\.)+)/;
const INDEX = /^\[(-?\d+)\]/;
const QUOTED = /^\[(?:'([^']*)'|"([^"]*)")\]/;
const ALL = /^(?:\[\*\]|\.\*)/;
const FILTER = /^\[\?\(@((?:\.[\w-]+)+)\s*(==|!=)\s*(?:"([^"]*)"|'([^']*)'|([\w.-]+))\)\]/;
/** Longer than any path that a person types. */
const MAX_LENGTH = 2000;

/**
 * The values at kubectl's JSONPath: fields (dots escaped as `\.`), `[0]`, `[*]`, `['key']`, `[?(@.a=="b")]`.
 * @throws UsageError saying where it cannot be read
 */
export function valuesAt(object: unknown, path: string): unknown[] {
  return parsePath(path).reduce<unknown[]>(
    (values, step) => values.flatMap((value) => take(value, step)),
    [object],
  );
}

/** A JSONPath template: text with `{path}` in it. Values of one path are joined by a space. */
export function renderTemplate(object: unknown, template: string): string {
  return template.replaceAll(/\{([^}]*)\}/g, (_, expression: string) => {
    const literal = /^"(.*)"$/.exec(expression.trim());
    if (literal !== null) return (literal[1] ?? "").replaceAll("\\n", "\n").replaceAll("\\t", "\t");
    return valuesAt(object, expression).map(textOf).join(" ");
  });
}

/** How kubectl prints a value: strings bare, the rest as JSON. */
export function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function parsePath(text: string): Step[] {
  if (text.length > MAX_LENGTH) throw new UsageError("the JSONPath is too long");
  let rest = text.trim().replace(/^\$/, "").replace(/^@/, "");
  if (rest === ".") return [];
  const steps: Step[] = [];
  while (rest !== "") {
    const [step, length] = nextStep(rest);
    if (step === undefined) throw new UsageError(`cannot read "${rest}" in the JSONPath "${text}"`);
    steps.push(step);
    rest = rest.slice(length);
  }
  return steps;
}

function nextStep(rest: string): [Step | undefined, number] {
  const all = ALL.exec(rest);
  if (all !== null) return [{ kind: "all" }, all[0].length];
  const index = INDEX.exec(rest);
  if (index !== null) return [{ kind: "index", index: Number(index[1]) }, index[0].length];
  const quoted = QUOTED.exec(rest);
  if (quoted !== null) return [{ kind: "field", name: quoted[1] ?? quoted[2] ?? "" }, quoted[0].length];
  const filter = FILTER.exec(rest);
  if (filter !== null) {
    const [whole, path = "", operator, ...values] = filter;
    const value = values.find((text) => text !== undefined) ?? "";
    return [
      { kind: "filter", path: parsePath(path), operator: operator === "!=" ? "!=" : "==", value },
      whole.length,
    ];
  }
  const field = FIELD.exec(rest);
  if (field !== null)
    return [{ kind: "field", name: (field[1] ?? "").replaceAll(/\\(.)/g, "$1") }, field[0].length];
  return [undefined, 0];
}

function take(value: unknown, step: Step): unknown[] {
  switch (step.kind) {
    case "field":
      return isJsonObject(value) && Object.hasOwn(value, step.name) ? [value[step.name]] : [];
    case "index": {
      const item: unknown = Array.isArray(value) ? value.at(step.index) : undefined;
      return item === undefined ? [] : [item];
    }
    case "all":
      if (Array.isArray(value)) return value;
      return isJsonObject(value) ? Object.values(value) : [];
    case "filter":
      return Array.isArray(value) ? value.filter((item) => passes(item, step)) : [];
  }
}

function passes(item: unknown, filter: Extract<Step, { kind: "filter" }>): boolean {
  const values = filter.path.reduce<unknown[]>(
    (list, step) => list.flatMap((value) => take(value, step)),
    [item],
  );
  const equal = values.some((value) => textOf(value) === filter.value);
  return filter.operator === "==" ? equal : !equal;
}
