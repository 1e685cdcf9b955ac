import { isAlias, isMap as isYamlMap, isScalar as isYamlScalar, isSeq, parseAllDocuments } from "yaml";
import type { Scalar } from "yaml";
import { resolveNumber, resolvePlain, resolvePlain11 } from "./plain-scalar.ts";
import { parsePlainYaml } from "./yaml-fast.ts";
import type { Value, ValueMap } from "./value.ts";
import { cloneValue, getIn, isMap, newMap } from "./value.ts";

/** No manifest is near this; reading it takes 6 s and 1 GB. */
const MAX_YAML_CHARACTERS = 32 * 1024 * 1024;
/** With anchors, tags and the like the library reads, which takes 12 s and 1 GB for this. */
export const MAX_FULL_YAML_CHARACTERS = 8 * 1024 * 1024;
/** Deeper than any manifest (a CRD's schema has about 60) and safe for recursion. */
export const MAX_YAML_DEPTH = 500;
/** Values that aliases may add to one file: an anchor bomb reaches it in an instant, a manifest never. */
const MAX_ALIASED_VALUES = 100_000;

/** The text is no YAML, or more of it than is read. */
export class YamlError extends Error {}

export interface ParseOptions {
  /** The last of two equal keys counts. */
  readonly allowDuplicateKeys?: boolean;
  /** `yes`, `on` and the like are booleans, as in YAML 1.1. */
  readonly booleans11?: boolean;
}

/**
 * The documents of a YAML (or JSON) text; empty ones (only comments) are left out. Aliases are expanded, merge keys
 * (`<<`) applied.
 * @throws Error with line and cause: malformed, too large, too deep, or aliases that explode
 */
export function parseYamlDocuments(text: string, options: ParseOptions = {}): Value[] {
  if (text.length > MAX_YAML_CHARACTERS) {
    throw new YamlError(`too large: ${text.length} characters, at most ${MAX_YAML_CHARACTERS} are read`);
  }
  const plain = parsePlainYaml(text, {
    resolve: options.booleans11 === true ? resolvePlain11 : resolvePlain,
    maxDepth: MAX_YAML_DEPTH,
  });
  // Numbers and the like in annotations are rare, and count as they are written: only the full reader knows how.
  if (plain !== undefined && !plain.some(hasTypedAnnotation))
    return plain.filter((document) => document !== null);
  return parseFullYaml(text, options);
}

/** Any YAML, through the library; see {@link parseYamlDocuments}. */
export function parseFullYaml(text: string, options: ParseOptions = {}): Value[] {
  if (text.length > MAX_FULL_YAML_CHARACTERS) {
    throw new YamlError(
      `too large: ${text.length} characters of YAML with anchors, tags or other rare syntax, at most ${MAX_FULL_YAML_CHARACTERS} are read`,
    );
  }
  checkNesting(text);
  const parsed = parseAllDocuments(text, {
    schema: "failsafe",
    customTags: [],
    merge: false,
    uniqueKeys: options.allowDuplicateKeys !== true,
    logLevel: "silent",
    prettyErrors: true,
    stringKeys: false,
    resolveKnownTags: false,
  });
  const documents: Value[] = [];
  if (!Array.isArray(parsed)) return documents;
  for (const document of parsed) {
    const [error] = document.errors;
    if (error?.message.includes("call stack"))
      throw new YamlError(`nested deeper than ${MAX_YAML_DEPTH} levels`);
    if (error !== undefined) throw new YamlError(describeSyntaxError(error, text));
    if (document.contents === null) continue;
    const value = new Composer(options.booleans11 === true).value(document.contents, 0);
    keepAnnotationText(value, document.getIn(["metadata", "annotations"], true));
    if (value !== null) documents.push(value);
  }
  return documents;
}

/** The text that {@link resolvePlain} makes of a timestamp. */
const TIMESTAMP_TEXT = /^\d{4}-\d\d?-\d\d?T[\d:.]+(?:Z|[-+][\d:]+)$/;

/** Whether a value of `metadata.annotations` was written as something else than text, null apart. */
function hasTypedAnnotation(document: Value): boolean {
  const annotations = getIn(document, "metadata", "annotations");
  if (!isMap(annotations)) return false;
  return Object.values(annotations).some(
    (value) =>
      value !== null && (typeof value === "string" ? TIMESTAMP_TEXT.test(value) : typeof value !== "object"),
  );
}

/** Annotations are text: `1.50` stays that, as kustomize prints it. Null stays null: in a patch it deletes. */
function keepAnnotationText(document: Value, written: unknown): void {
  const annotations = getIn(document, "metadata", "annotations");
  if (!isMap(annotations) || !isYamlMap(written)) return;
  for (const { key, value } of written.items) {
    if (!isYamlScalar(key) || !isYamlScalar(value) || value.tag !== undefined || value.type !== "PLAIN")
      continue;
    const name = String(key.value);
    const present = annotations[name];
    if (present !== undefined && present !== null) annotations[name] = String(value.value);
  }
}

function describeSyntaxError(
  error: { code: string; message: string; pos: [number, number] },
  text: string,
): string {
  const line = text.slice(0, error.pos[0]).split("\n").length;
  const key = error.message.startsWith("Map keys must be unique")
    ? `mapping key ${JSON.stringify(text.slice(error.pos[0]).match(/^[^:\n]*/)?.[0])} already defined`
    : (error.message.split(" at line ")[0] ?? error.message);
  return `yaml: line ${line}: ${key}`;
}

/** The library recurses; a cheap bound on brackets and indentation keeps it from exhausting the stack. */
function checkNesting(text: string): void {
  let depth = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === 91 || code === 123) {
      if (++depth > MAX_YAML_DEPTH * 4) throw new YamlError(`nested deeper than ${MAX_YAML_DEPTH} levels`);
    } else if ((code === 93 || code === 125) && depth > 0) depth--;
  }
  const lists = /^[ \t]*(?:- ){500}/m;
  if (lists.test(text)) throw new YamlError(`nested deeper than ${MAX_YAML_DEPTH} levels`);
}

class Composer {
  readonly #anchors = new Map<string, Value>();
  readonly #resolve: (text: string) => Value;
  readonly #stringKeys: boolean;
  #aliasedValues = 0;

  /** @param booleans11 also makes keys text, whatever they are */
  constructor(booleans11: boolean) {
    this.#resolve = booleans11 ? resolvePlain11 : resolvePlain;
    this.#stringKeys = booleans11;
  }

  value(node: unknown, depth: number): Value {
    if (depth > MAX_YAML_DEPTH) throw new YamlError(`nested deeper than ${MAX_YAML_DEPTH} levels`);
    if (node === null || node === undefined) return null;
    if (isAlias(node)) return this.#alias(node.source);
    if (isYamlScalar(node)) return this.#anchored(node.anchor, scalarValue(node, this.#resolve));
    if (isSeq(node)) {
      const list = node.items.map((item) => this.value(item, depth + 1));
      return this.#anchored(node.anchor, list);
    }
    if (isYamlMap(node)) return this.#anchored(node.anchor, this.#map(node.items, depth));
    throw new YamlError("unexpected YAML node");
  }

  #map(items: readonly { key: unknown; value: unknown }[], depth: number): ValueMap {
    const map = newMap();
    const merges: Value[] = [];
    for (const { key, value } of items) {
      if (isYamlScalar(key) && key.type === "PLAIN" && key.source === "<<") {
        merges.push(this.value(value, depth + 1));
        continue;
      }
      const name = this.value(key, depth + 1);
      if (typeof name === "object" && name !== null) throw new YamlError("a map's key must be a scalar");
      if ((typeof name === "boolean" || name === null) && !this.#stringKeys) {
        throw new YamlError(`map key ${String(name)} is not a string: put it in quotes`);
      }
      map[String(name)] = this.value(value, depth + 1);
    }
    for (const merge of merges.flat()) mergeKey(map, merge);
    return map;
  }

  #alias(name: string): Value {
    const target = this.#anchors.get(name);
    if (target === undefined) throw new YamlError(`yaml: unknown anchor '${name}' referenced`);
    this.#aliasedValues += countValues(target);
    if (this.#aliasedValues > MAX_ALIASED_VALUES) {
      throw new YamlError(
        `yaml: document contains excessive aliasing (*${name}): more than ${MAX_ALIASED_VALUES} values`,
      );
    }
    return cloneValue(target);
  }

  #anchored(anchor: string | undefined, value: Value): Value {
    if (anchor !== undefined) this.#anchors.set(anchor, value);
    return value;
  }
}

function mergeKey(map: ValueMap, source: Value): void {
  if (typeof source !== "object" || source === null || Array.isArray(source)) {
    throw new YamlError("yaml: map merge requires map or sequence of maps as the value");
  }
  for (const key of Object.keys(source)) if (!(key in map)) map[key] = source[key] ?? null;
}

function countValues(value: Value): number {
  if (typeof value !== "object" || value === null) return 1;
  let count = 1;
  for (const element of Array.isArray(value) ? value : Object.values(value)) count += countValues(element);
  return count;
}

function scalarValue(node: Scalar, resolve: (text: string) => Value): Value {
  const text = typeof node.value === "string" ? node.value : "";
  switch (node.tag) {
    case undefined:
    case "?":
      return node.type === "PLAIN" ? resolve(text) : text;
    case "tag:yaml.org,2002:str":
    case "!":
      return text;
    case "tag:yaml.org,2002:binary":
      return Buffer.from(text, "base64").toString("utf8");
    case "tag:yaml.org,2002:int":
    case "tag:yaml.org,2002:float":
      return resolveNumber(text) ?? text;
    default:
      return node.type === "PLAIN" ? resolve(text) : text;
  }
}
