import { isMap, isScalar, isSeq, parse, parseAllDocuments } from "yaml";
import type { Node, Pair, Scalar, YAMLMap } from "yaml";
import { TaskError } from "./native-task.ts";
import type { YqAssignment, YqStep } from "./yq-script.ts";

/** Aliases could make a small file an endless tree. */
const MAX_ALIASES = 100;

/**
 * Assigns a text at every place that a path leads to, in YAML source: only the bytes of the values change, so comments,
 * order and layout stay. A field that is missing is added below the last one of its map.
 * @returns the new source; the same as the old one when every place had the value already
 * @throws TaskError when the source is not YAML or the path leads nowhere
 */
export function assignInYaml(
  source: string,
  assignment: Pick<YqAssignment, "path" | "value" | "file">,
): string {
  const documents = parseAllDocuments(source, { logLevel: "silent" });
  const edits: Edit[] = [];
  for (const document of Array.isArray(documents) ? documents : []) {
    const problem = document.errors[0];
    if (problem !== undefined) throw new TaskError(`${assignment.file} is not YAML: ${problem.message}`);
    document.toJS({ maxAliasCount: MAX_ALIASES });
    if (document.contents !== null)
      collect(document.contents, assignment.path, assignment.value, source, edits);
  }
  if (edits.length === 0)
    throw new TaskError(`${assignment.file}: nothing there is ${describePath(assignment.path)}`);
  let result = source;
  for (const edit of edits.toSorted((a, b) => b.start - a.start))
    result = result.slice(0, edit.start) + edit.text + result.slice(edit.end);
  return result;
}

/** The same for JSON, which is written anew with an indent, as `yq -o=json -I=N` does. */
export function assignInJson(source: string, assignment: YqAssignment): string {
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch (error) {
    throw new TaskError(
      `${assignment.file} is not JSON: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
  if (assignInValue(value, assignment.path, assignment.value) === 0)
    throw new TaskError(`${assignment.file}: nothing there is ${describePath(assignment.path)}`);
  return `${JSON.stringify(value, undefined, assignment.json?.indent ?? 2)}\n`;
}

interface Edit {
  start: number;
  end: number;
  text: string;
}

function collect(node: unknown, path: readonly YqStep[], value: string, source: string, edits: Edit[]): void {
  const [step, ...rest] = path;
  if (step === undefined) return;
  if (step.kind === "each") {
    if (isSeq(node)) for (const item of node.items) collect(item, rest, value, source, edits);
  } else if (step.kind === "select") {
    if (isMap(node) && textAt(node, step.path) === step.equals) collect(node, rest, value, source, edits);
  } else if (isMap(node)) {
    const pair = node.items.find((item) => isScalar(item.key) && item.key.value === step.name);
    if (rest.length > 0) collect(pair?.value, rest, value, source, edits);
    else
      edits.push(
        pair === undefined ? insertion(node, step.name, value, source) : replacement(pair, value, source),
      );
  }
}

function textAt(node: unknown, path: readonly string[]): unknown {
  let current = node;
  for (const name of path) current = isMap(current) ? current.get(name, true) : undefined;
  return isScalar(current) ? current.value : undefined;
}

function replacement(pair: Pair, value: string, source: string): Edit {
  const { key, value: node } = pair;
  const isEmpty =
    node === null || node === undefined || (isScalar(node) && node.range?.[0] === node.range?.[1]);
  if (isEmpty && isScalar(key) && key.range) {
    // `newName:` without a value has nothing to replace.
    const colon = source.indexOf(":", key.range[1]) + 1;
    return { start: colon, end: colon, text: ` ${spell(value, undefined)}` };
  }
  if (!isScalar(node) || !node.range)
    throw new TaskError(`the value of ${isScalar(key) ? String(key.value) : "a field"} is not a text`);
  const [start, end] = node.range;
  return { start, end, text: node.value === value ? source.slice(start, end) : spell(value, node) };
}

function insertion(map: YAMLMap, name: string, value: string, source: string): Edit {
  const last = map.items.at(-1);
  const first = map.items[0];
  if (
    map.flow === true ||
    last === undefined ||
    first === undefined ||
    !isScalar(first.key) ||
    !first.key.range
  ) {
    throw new TaskError(`field ${name} is missing in a map of one line: add it to the file first`);
  }
  const end = endOf(last);
  const lineEnd = source.indexOf("\n", Math.max(end - 1, 0));
  const at = lineEnd < 0 ? source.length : lineEnd;
  const keyStart = first.key.range[0];
  const column = keyStart - (source.lastIndexOf("\n", keyStart - 1) + 1);
  return { start: at, end: at, text: `\n${" ".repeat(column)}${name}: ${spell(value, undefined)}` };
}

function endOf(pair: Pair): number {
  const node: unknown = pair.value ?? pair.key;
  return hasRange(node) ? node.range[1] : 0;
}

function hasRange(node: unknown): node is Node & { range: [number, number, number] } {
  return typeof node === "object" && node !== null && "range" in node && Array.isArray(node.range);
}

/** In the quotes that the old value had; plain where YAML reads it back as the same text. */
function spell(value: string, old: Scalar | undefined): string {
  if (old?.type === "QUOTE_SINGLE") return `'${value.replaceAll("'", "''")}'`;
  if (old?.type === "QUOTE_DOUBLE") return JSON.stringify(value);
  return isPlain(value) ? value : JSON.stringify(value);
}

/** Safe without quotes in YAML 1.2 and 1.1, in blocks and in one-line lists: image names, digests, versions with letters. */
function isPlain(value: string): boolean {
  if (!/^[A-Za-z0-9][A-Za-z0-9_./@:-]*[A-Za-z0-9]$/.test(value) || !/[A-Za-z/]/.test(value)) return false;
  return !/^(?:true|false|null|yes|no|on|off)$/i.test(value) && parse(value) === value;
}

function assignInValue(node: unknown, path: readonly YqStep[], value: string): number {
  const [step, ...rest] = path;
  if (step === undefined || typeof node !== "object" || node === null) return 0;
  if (step.kind === "each")
    return Array.isArray(node)
      ? node.reduce<number>((sum, item: unknown) => sum + assignInValue(item, rest, value), 0)
      : 0;
  if (step.kind === "select") {
    const found = step.path.reduce<unknown>(
      (current, name) =>
        typeof current === "object" && current !== null && Object.hasOwn(current, name)
          ? Reflect.get(current, name)
          : undefined,
      node,
    );
    return found === step.equals ? assignInValue(node, rest, value) : 0;
  }
  if (step.name === "__proto__") return 0;
  if (rest.length > 0)
    return Object.hasOwn(node, step.name) ? assignInValue(Reflect.get(node, step.name), rest, value) : 0;
  Reflect.set(node, step.name, value);
  return 1;
}

function describePath(path: readonly YqStep[]): string {
  return path
    .map((step) =>
      step.kind === "field"
        ? `.${step.name}`
        : step.kind === "each"
          ? "[]"
          : ` | select(.${step.path.join(".")} == ${JSON.stringify(step.equals)})`,
    )
    .join("");
}
