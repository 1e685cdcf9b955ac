/**
 * The JSONPath of feedback rules: Kubernetes' template syntax without braces, as far as one value can be meant:
 * `.status.conditions[?(@.type=="Ready")].status`, `.metadata.annotations['a.b/c']`, `.status.list[0]`.
 */

/** A path is written by hand; this bounds hostile ones. */
const MAX_PATH_LENGTH = 1024;

type Step =
  | { type: "field"; name: string }
  | { type: "index"; index: number }
  | { type: "match"; path: string[]; value: string };

const STEP =
  /\.([A-Za-z0-9_$/-]+)|\[(-?\d+)\]|\[['"]([^'"]+)['"]\]|\[\?\(\s*@((?:\.[A-Za-z0-9_-]+)+)\s*==\s*(?:"([^"]*)"|'([^']*)'|([^'")\s]+))\s*\)\]/y;

/**
 * The value at a path, or undefined when there is none.
 * @throws SyntaxError for a path that cannot be read, naming where
 */
export function valueAtPath(object: unknown, path: string): unknown {
  let value = object;
  for (const step of parsePath(path)) value = follow(value, step);
  return value;
}

/** The path as a list of names and indexes, if it has no filters. */
export function plainPath(path: string): (string | number)[] | undefined {
  const plain: (string | number)[] = [];
  for (const step of parsePath(path)) {
    if (step.type === "match") return undefined;
    plain.push(step.type === "field" ? step.name : step.index);
  }
  return plain;
}

function parsePath(path: string): Step[] {
  const braced = /^\{(.*)\}$/s.exec(path.trim())?.[1] ?? path.trim();
  const withoutRoot = braced.startsWith("$") ? braced.slice(1) : braced;
  const text = /^[.[]/.test(withoutRoot) ? withoutRoot : `.${withoutRoot}`;
  if (text.length > MAX_PATH_LENGTH)
    throw new SyntaxError(`JSONPath is longer than ${MAX_PATH_LENGTH} characters`);
  const steps: Step[] = [];
  const pattern = new RegExp(STEP);
  let at = 0;
  while (at < text.length) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match === null)
      throw new SyntaxError(`JSONPath "${path}": cannot read it from "${text.slice(at, at + 20)}" on`);
    const [, field, index, quoted, filter, ...values] = match;
    const value = values.find((one) => one !== undefined);
    if (filter !== undefined)
      steps.push({ type: "match", path: filter.slice(1).split("."), value: value ?? "" });
    else if (index !== undefined) steps.push({ type: "index", index: Number(index) });
    else steps.push({ type: "field", name: field ?? quoted ?? "" });
    at = pattern.lastIndex;
  }
  return steps;
}

function follow(value: unknown, step: Step): unknown {
  if (step.type === "field") return fieldOf(value, step.name);
  if (!Array.isArray(value)) return undefined;
  const items: readonly unknown[] = value;
  if (step.type === "index") return items.at(step.index);
  return items.find((item) => {
    const found = step.path.reduce(fieldOf, item);
    const text = typeof found === "string" ? found : JSON.stringify(found);
    return text === step.value;
  });
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : undefined;
}
