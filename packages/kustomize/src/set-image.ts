import type { Document } from "yaml";
import { isMap, isScalar, isSeq, parseDocument, Scalar, YAMLMap, YAMLSeq } from "yaml";
import { MAX_FULL_YAML_CHARACTERS } from "./yaml-parse.ts";

/** What `images` shall say about one image. Absent fields are left as they are. */
export interface ImageEdit {
  readonly name: string;
  readonly newName?: string;
  readonly newTag?: string;
  /** With algorithm: `sha256:…`. */
  readonly digest?: string;
}

/**
 * Edits the `images` entry of that name in the text of a kustomization and leaves everything else as it is: comments,
 * order, quoting. A missing entry is appended. A digest replaces a tag and the other way round, unless both are given.
 * @returns the text; the same text when nothing changes
 * @throws Error when the text is no kustomization
 */
export function setImage(text: string, edit: ImageEdit): string {
  if (text.length > MAX_FULL_YAML_CHARACTERS) throw new Error("the kustomization is too large to edit");
  const document = parseDocument(text, { keepSourceTokens: true });
  const [error] = document.errors;
  if (error !== undefined) throw new Error(`invalid Kustomization: ${error.message}`);
  if (document.contents !== null && !isMap(document.contents)) {
    throw new Error("invalid Kustomization: expected a map of fields");
  }
  const changes = changesOf(edit);
  const entry = findEntry(document, edit.name);
  if (entry !== undefined && isSame(entry, changes)) return text;
  const edited =
    entry === undefined ? appendText(text, document, edit.name, changes) : editText(text, entry, changes);
  if (edited !== undefined) return edited;
  // Flow style and other rarities: the library prints anew, which keeps comments, but not every space.
  if (entry === undefined) appendEntry(document, edit.name, changes);
  else applyChanges(document, entry, changes);
  return document.toString({ lineWidth: 0, indentSeq: indentsLists(text) });
}

type Changes = ReadonlyMap<"newName" | "newTag" | "digest", string | undefined>;

function changesOf(edit: ImageEdit): Changes {
  const changes = new Map<"newName" | "newTag" | "digest", string | undefined>();
  if (edit.newName !== undefined) changes.set("newName", edit.newName);
  if (edit.newTag !== undefined || edit.digest !== undefined) {
    changes.set("newTag", edit.newTag);
    changes.set("digest", edit.digest);
  }
  return changes;
}

function findEntry(document: Document, name: string): YAMLMap | undefined {
  const images = document.get("images");
  if (images === undefined || images === null) return undefined;
  if (!isSeq(images)) throw new Error("invalid Kustomization: field 'images' must be a list");
  return images.items
    .filter((item): item is YAMLMap => isMap(item))
    .find((item) => item.get("name") === name);
}

function isSame(entry: YAMLMap, changes: Changes): boolean {
  for (const [field, value] of changes) if (entry.get(field) !== value) return false;
  return true;
}

interface TextEdit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Edits the lines of an entry in block style; undefined when it has another. */
function editText(text: string, entry: YAMLMap, changes: Changes): string | undefined {
  if (entry.flow === true) return undefined;
  const name = entry.get("name", true);
  if (!isScalar(name) || !name.range) return undefined;
  const indent = " ".repeat(columnOf(text, entry.range?.[0] ?? 0));
  const edits: TextEdit[] = [];
  let added = "";
  for (const [field, value] of changes) {
    const node = entry.get(field, true);
    if (node === undefined) {
      if (value !== undefined) added += `\n${indent}${field}: ${scalarSource(value, "PLAIN")}`;
      continue;
    }
    if (!isScalar(node) || !node.range || !isInline(node)) return undefined;
    const [start, end] = node.range;
    if (value !== undefined) edits.push({ start, end, text: scalarSource(value, node.type) });
    else edits.push(lineEdit(text, start, end));
  }
  if (edits.some((edit) => edit.text === "" && text.slice(edit.start, edit.end).includes("- ")))
    return undefined;
  const at = lineEnd(text, name.range[1]);
  edits.push({ start: at, end: at, text: added });
  return applyEdits(text, edits);
}

/** Appends an entry behind the last one in block style, or a list where there is none. */
function appendText(text: string, document: Document, name: string, changes: Changes): string | undefined {
  const images = document.get("images");
  const fields = [["name", name] as const, ...changes].filter(([, value]) => value !== undefined);
  const lines = fields.map(([field, value]) => `${field}: ${scalarSource(value ?? "", "PLAIN")}`);
  if (images === undefined && document.contents !== null) {
    const margin = indentsLists(text) ? "  " : "";
    const end = text.endsWith("\n") ? "" : "\n";
    return `${text}${end}images:\n${margin}- ${lines.join(`\n${margin}  `)}\n`;
  }
  if (!isSeq(images) || images.flow === true) return undefined;
  const last = images.items.at(-1);
  if (!isMap(last) || !last.range) return undefined;
  const margin = `\n${" ".repeat(columnOf(text, last.range[0]))}`;
  const at = lineEnd(text, last.range[1] - 1);
  const dash = margin.slice(0, -2);
  return applyEdits(text, [{ start: at, end: at, text: `${dash}- ${lines.join(margin)}` }]);
}

function isInline(node: Scalar): boolean {
  return node.type === "PLAIN" || node.type === "QUOTE_DOUBLE" || node.type === "QUOTE_SINGLE";
}

function columnOf(text: string, offset: number): number {
  return offset - (text.lastIndexOf("\n", offset - 1) + 1);
}

function lineEnd(text: string, offset: number): number {
  const end = text.indexOf("\n", offset);
  return end < 0 ? text.length : end;
}

/** Removes the whole line of a field. */
function lineEdit(text: string, start: number, end: number): TextEdit {
  return { start: text.lastIndexOf("\n", start - 1), end: lineEnd(text, end), text: "" };
}

function applyEdits(text: string, edits: readonly TextEdit[]): string {
  let result = text;
  for (const edit of edits.toSorted((left, right) => right.start - left.start)) {
    result = result.slice(0, edit.start) + edit.text + result.slice(edit.end);
  }
  return result;
}

function scalarSource(value: string, type: Scalar.Type | null | undefined): string {
  if (type === "QUOTE_SINGLE") return `'${value.replaceAll("'", "''")}'`;
  // A tag like 1.10 or 1e3 would turn into a number without quotes.
  const plain =
    type === "PLAIN" &&
    /^[A-Za-z][A-Za-z0-9./:_@-]*$/.test(value) &&
    !/^(?:true|false|null|y|n|yes|no|on|off)$/i.test(value);
  return plain ? value : JSON.stringify(value);
}

function applyChanges(document: Document, entry: YAMLMap, changes: Changes): void {
  for (const [field, value] of changes) {
    const node = entry.get(field, true);
    if (value === undefined) entry.delete(field);
    else if (isScalar(node)) node.value = value;
    else entry.set(document.createNode(field), document.createNode(value));
  }
}

function appendEntry(document: Document, name: string, changes: Changes): void {
  const entry = new YAMLMap();
  entry.set(new Scalar("name"), new Scalar(name));
  for (const [field, value] of changes)
    if (value !== undefined) entry.set(new Scalar(field), new Scalar(value));
  const images = document.get("images");
  if (isSeq(images)) images.add(entry);
  else {
    const list = new YAMLSeq();
    list.add(entry);
    document.set("images", list);
  }
}

/** Whether the author indents lists below their key. */
function indentsLists(text: string): boolean {
  return !/^[A-Za-z]\w*:[^\n]*\n(?:[ \t]*#[^\n]*\n|\n)*- /m.test(text);
}
