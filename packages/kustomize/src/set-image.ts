import type { Document } from "yaml";
import { isMap, isScalar, isSeq, parseDocument, Scalar, YAMLMap, YAMLSeq } from "yaml";
import { MAX_YAML_CHARACTERS } from "./yaml-parse.ts";

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
  if (text.length > MAX_YAML_CHARACTERS) throw new Error("the kustomization is too large to edit");
  const document = parseDocument(text, { keepSourceTokens: true });
  const [error] = document.errors;
  if (error !== undefined) throw new Error(`invalid Kustomization: ${error.message}`);
  if (document.contents !== null && !isMap(document.contents)) {
    throw new Error("invalid Kustomization: expected a map of fields");
  }
  const changes = changesOf(edit);
  const entry = findEntry(document, edit.name);
  if (entry !== undefined && isSame(entry, changes)) return text;
  const edited = entry === undefined ? undefined : editInPlace(text, entry, changes);
  if (edited !== undefined) return edited;
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

/** Replaces the text of the scalars alone, when no field comes or goes. */
function editInPlace(text: string, entry: YAMLMap, changes: Changes): string | undefined {
  const edits: { readonly start: number; readonly end: number; readonly value: string }[] = [];
  for (const [field, value] of changes) {
    const node = entry.get(field, true);
    if (node === undefined && value === undefined) continue;
    if (!isScalar(node) || value === undefined || !node.range) return undefined;
    if (node.type !== "PLAIN" && node.type !== "QUOTE_DOUBLE" && node.type !== "QUOTE_SINGLE")
      return undefined;
    edits.push({ start: node.range[0], end: node.range[1], value: scalarSource(value, node.type) });
  }
  let result = text;
  for (const { start, end, value } of edits.toSorted((left, right) => right.start - left.start)) {
    result = result.slice(0, start) + value + result.slice(end);
  }
  return result;
}

function scalarSource(value: string, type: Scalar.Type): string {
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
