import type { Document } from "yaml";
import { isCollection, parseDocument, visit } from "yaml";
import { toGoJson } from "./content-hash.ts";
import type { Value } from "./value.ts";
import { isMap, valuesEqual } from "./value.ts";
import { parseYamlDocuments } from "./yaml-parse.ts";

/** JSON or YAML inside of a text field, which replacements may descend into. */
export interface StructuredText {
  readonly value: Value;
  /** The text with the changes made to `value`; JSON with sorted keys, YAML with its comments. */
  print(): string;
}

/** Reads a text as JSON or YAML; undefined when it holds neither a map nor a list. */
export function parseStructuredText(text: string): StructuredText | undefined {
  let value: Value | undefined;
  try {
    [value] = parseYamlDocuments(text);
  } catch {
    return undefined;
  }
  if (value === undefined || (!isMap(value) && !Array.isArray(value))) return undefined;
  const parsed = value;
  const isJson = /^\s*[[{]/.test(text);
  if (isJson)
    return { value: parsed, print: () => (text.includes("\n") ? indentedJson(parsed) : toGoJson(parsed)) };
  return { value: parsed, print: () => printYaml(text, parsed) };
}

function indentedJson(value: Value): string {
  const sorted: unknown = JSON.parse(toGoJson(value));
  return JSON.stringify(sorted, undefined, 2).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function printYaml(text: string, value: Value): string {
  const document = parseDocument(text, { keepSourceTokens: false });
  visit(document, { Node: (_, node) => void (node.spaceBefore = false) });
  update(document, [], document.toJS() as Value, value);
  return document
    .toString({ lineWidth: 0, indentSeq: false, flowCollectionPadding: false })
    .replace(/\n+$/, "");
}

/** Carries the changes over, so that what did not change keeps its comments and quoting. */
function update(
  document: Document,
  path: readonly (string | number)[],
  before: Value | undefined,
  after: Value,
): void {
  if (isMap(before) && isMap(after)) {
    for (const key of Object.keys(after)) update(document, [...path, key], before[key], after[key] ?? null);
    return;
  }
  if (Array.isArray(before) && Array.isArray(after)) {
    for (const [index, element] of after.entries())
      update(document, [...path, index], before[index], element);
    return;
  }
  if (before !== undefined && valuesEqual(before, after)) return;
  const node = document.getIn(path, true);
  const plain: unknown = JSON.parse(toGoJson(after));
  if (path.length > 0 && (node === undefined || isCollection(node) || isMap(after) || Array.isArray(after))) {
    document.setIn(path, document.createNode(plain));
  } else document.setIn(path, plain);
}
