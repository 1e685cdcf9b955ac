import type { Value, ValueMap } from "./value.ts";
import { newMap } from "./value.ts";
import type { FastOptions } from "./yaml-fast-flow.ts";
import { FlowReader, NotPlain } from "./yaml-fast-flow.ts";

/*
 * A reader for the plain part of YAML that nearly all manifests keep to: block maps and lists, scalars and flow
 * collections on one line, literal blocks. It is some five times as fast as the full parser. Whatever it is not sure of
 * (anchors, tags, scalars of several lines, errors) it leaves to that one; so it never has to report an error.
 */

/** Characters that YAML treats in ways of their own; the full parser knows them. */
// oxlint-disable-next-line no-control-regex -- they are what this is about
const UNUSUAL = /[\0-\x08\x0b-\x1f\x7f\x85\u2028\u2029\ufeff]|^%/m;
const LITERAL_HEADER = /^\|([-+]?)(?: +#.*)?$/;
const SPACE = 32;
const DASH = 45;
const HASH = 35;

/** The documents of a text, or undefined when the text has more than the plain part. Empty documents are null. */
export function parsePlainYaml(text: string, options: FastOptions): Value[] | undefined {
  if (UNUSUAL.test(text)) return undefined;
  try {
    return new PlainReader(text.split("\n"), options).documents();
  } catch (error) {
    if (error instanceof NotPlain) return undefined;
    throw error;
  }
}

class PlainReader {
  readonly #lines: string[];
  /** Columns at which the content of a line starts; moved behind a dash when a list element starts on its line. */
  readonly #starts: number[];
  readonly #options: FastOptions;
  readonly #flow: FlowReader;
  #at = 0;

  constructor(lines: string[], options: FastOptions) {
    this.#lines = lines;
    this.#starts = lines.map(startOf);
    this.#options = options;
    this.#flow = new FlowReader(options);
  }

  documents(): Value[] {
    const documents: Value[] = [];
    while (this.#at < this.#lines.length) {
      if (!this.#skipBlank()) break;
      if (this.#isSeparator()) {
        this.#at++;
        continue;
      }
      documents.push(this.#block(this.#start(), 0));
      if (this.#skipBlank() && !this.#isSeparator()) throw new NotPlain();
    }
    return documents;
  }

  #start(): number {
    return this.#starts[this.#at] ?? 0;
  }

  #line(): string {
    return this.#lines[this.#at] ?? "";
  }

  /** Moves to the next line with content. */
  #skipBlank(): boolean {
    for (; this.#at < this.#lines.length; this.#at++) {
      const line = this.#line();
      const start = this.#start();
      if (start < line.length && line.charCodeAt(start) !== HASH) return true;
    }
    return false;
  }

  #isSeparator(): boolean {
    const line = this.#line();
    if (this.#start() !== 0 || (!line.startsWith("---") && !line.startsWith("..."))) return false;
    if (!/^---(?: *$| +#)/.test(line)) throw new NotPlain();
    return true;
  }

  #isDash(): boolean {
    const line = this.#line();
    const start = this.#start();
    return (
      line.charCodeAt(start) === DASH && (start + 1 === line.length || line.charCodeAt(start + 1) === SPACE)
    );
  }

  #block(indent: number, depth: number): Value {
    if (depth > this.#options.maxDepth) throw new NotPlain();
    return this.#isDash() ? this.#list(indent, depth) : this.#map(indent, depth);
  }

  #list(indent: number, depth: number): Value[] {
    const list: Value[] = [];
    while (this.#skipBlank() && this.#start() === indent && this.#isDash()) {
      const line = this.#line();
      let inner = indent + 1;
      while (line.charCodeAt(inner) === SPACE) inner++;
      if (inner >= line.length || line.charCodeAt(inner) === HASH) {
        this.#at++;
        list.push(this.#nested(indent, depth, false));
        continue;
      }
      this.#starts[this.#at] = inner;
      if (this.#isDash() || this.#keyEnd(inner) !== undefined) list.push(this.#block(inner, depth + 1));
      else list.push(this.#scalar(inner, indent, depth));
    }
    this.#checkEnd(indent);
    return list;
  }

  #map(indent: number, depth: number): ValueMap {
    const map = newMap();
    while (this.#skipBlank() && this.#start() === indent && !this.#isDash()) {
      if (this.#isSeparator()) break;
      const key = this.#keyEnd(indent);
      if (key === undefined || key.name in map) throw new NotPlain();
      const line = this.#line();
      let at = key.end;
      while (line.charCodeAt(at) === SPACE) at++;
      if (at >= line.length || line.charCodeAt(at) === HASH) {
        this.#at++;
        map[key.name] = this.#nested(indent, depth, true);
      } else map[key.name] = this.#scalar(at, indent, depth);
    }
    this.#checkEnd(indent);
    return map;
  }

  /** A collection ends at a line further left, or where a list at the column of its key ends. */
  #checkEnd(indent: number): void {
    if (this.#skipBlank() && this.#start() > indent) throw new NotPlain();
  }

  /** The value below a key or dash. A list may stand at the column of its key. */
  #nested(indent: number, depth: number, underKey: boolean): Value {
    if (!this.#skipBlank()) return null;
    const start = this.#start();
    if (start > indent) {
      if (!this.#isDash() && this.#keyEnd(start) === undefined) return this.#scalar(start, indent, depth);
      return this.#block(start, depth + 1);
    }
    return underKey && start === indent && this.#isDash() ? this.#list(indent, depth + 1) : null;
  }

  /** The key at a column of the present line and the column behind its colon. */
  #keyEnd(start: number): { readonly name: string; readonly end: number } | undefined {
    const line = this.#line();
    const first = line.charAt(start);
    if (first === '"' || first === "'") {
      const quoted = this.#flow.quoted(line, start);
      if (line.charAt(quoted.end) !== ":") return undefined;
      if (quoted.end + 1 < line.length && line.charAt(quoted.end + 1) !== " ") throw new NotPlain();
      return { name: quoted.text, end: quoted.end + 1 };
    }
    if ("[{".includes(first)) return undefined;
    let colon = line.indexOf(":", start);
    while (colon >= 0 && colon + 1 < line.length && line.charCodeAt(colon + 1) !== SPACE) {
      colon = line.indexOf(":", colon + 1);
    }
    if (colon < 0) return undefined;
    const name = line.slice(start, colon);
    const comment = name.indexOf(" #");
    if (comment >= 0) return undefined;
    if (
      !isPlainStart(name) ||
      name.endsWith(" ") ||
      name.includes("\t") ||
      name === "<<" ||
      this.#options.resolve(name) !== name
    ) {
      throw new NotPlain();
    }
    return { name, end: colon + 1 };
  }

  /** The scalar or flow collection at a column of the present line; moves behind it. */
  #scalar(start: number, indent: number, depth: number): Value {
    const line = this.#line();
    const first = line.charAt(start);
    if (first === "|") return this.#literal(start, indent);
    let value: Value;
    if (first === '"' || first === "'") {
      const quoted = this.#flow.quoted(line, start);
      demandEnd(line, quoted.end);
      value = quoted.text;
    } else if (first === "[" || first === "{") {
      const flow = this.#flow.collection(line, start, depth + 1);
      demandEnd(line, flow.end);
      value = flow.value;
    } else value = this.#plain(line, start);
    this.#at++;
    // A deeper line would carry the scalar on.
    if (this.#skipBlank() && this.#start() > indent) throw new NotPlain();
    return value;
  }

  #plain(line: string, start: number): Value {
    const comment = line.indexOf(" #", start);
    const text = (comment < 0 ? line.slice(start) : line.slice(start, comment)).trimEnd();
    if (!isPlainStart(text) || text.includes(": ") || text.endsWith(":") || text.includes("\t"))
      throw new NotPlain();
    return this.#options.resolve(text);
  }

  #literal(start: number, indent: number): string {
    const header = LITERAL_HEADER.exec(this.#line().slice(start).trimEnd());
    if (header === null) throw new NotPlain();
    this.#at++;
    const lines: string[] = [];
    let block = -1;
    for (; this.#at < this.#lines.length; this.#at++) {
      const line = this.#line();
      const own = this.#start();
      if (own >= line.length) {
        if (block < 0 && line.length > 0) throw new NotPlain();
        lines.push(block >= 0 ? line.slice(block) : "");
        continue;
      }
      if (line.charAt(own) === "\t" && own <= Math.max(block, indent)) throw new NotPlain();
      if (block < 0) {
        if (own <= indent) throw new NotPlain();
        block = own;
      }
      if (own < block) break;
      lines.push(line.slice(block));
    }
    if (block < 0) throw new NotPlain();
    return chomp(lines, header[1] ?? "", this.#at >= this.#lines.length);
  }
}

/** @param atEnd the last piece is what follows the text's last line break */
function chomp(lines: string[], chomping: string, atEnd: boolean): string {
  if (chomping === "+" || (atEnd && lines.at(-1) !== "")) throw new NotPlain();
  let count = lines.length;
  while (count > 0 && lines[count - 1] === "") count--;
  return lines.slice(0, count).join("\n") + (chomping === "-" ? "" : "\n");
}

function startOf(line: string): number {
  let start = 0;
  while (line.charCodeAt(start) === SPACE) start++;
  return start;
}

/** What follows a quoted scalar or flow collection may only be a comment. */
function demandEnd(line: string, end: number): void {
  let at = end;
  while (line.charCodeAt(at) === SPACE) at++;
  if (at < line.length && !(line.charCodeAt(at) === HASH && at > end)) throw new NotPlain();
}

/** Whether a text can start a plain scalar, for sure. */
function isPlainStart(text: string): boolean {
  return /^(?:[A-Za-z0-9_/$.+~(<=;^\\]|-(?=[^ ]))/.test(text) || text.charCodeAt(0) > 0xa0;
}
