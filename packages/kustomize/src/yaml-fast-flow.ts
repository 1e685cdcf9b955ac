import type { Value } from "./value.ts";
import { newMap } from "./value.ts";

/** Thrown where the full parser has to decide. */
export class NotPlain extends Error {}

export interface FastOptions {
  resolve(text: string): Value;
  readonly maxDepth: number;
}

interface Read<T> {
  readonly value: T;
  /** Index behind it. */
  readonly end: number;
}

const PLAIN_START = /[A-Za-z0-9_/$.+~(-]/;

/** Reads quoted scalars and flow collections that end on their line. */
export class FlowReader {
  readonly #options: FastOptions;

  constructor(options: FastOptions) {
    this.#options = options;
  }

  /** A quoted scalar at an index of the line. */
  quoted(line: string, start: number): { readonly text: string; readonly end: number } {
    return line.charAt(start) === "'" ? this.#singleQuoted(line, start) : this.#doubleQuoted(line, start);
  }

  #singleQuoted(line: string, start: number): { text: string; end: number } {
    let end = line.indexOf("'", start + 1);
    while (end >= 0 && line.charAt(end + 1) === "'") end = line.indexOf("'", end + 2);
    if (end < 0) throw new NotPlain();
    return { text: line.slice(start + 1, end).replaceAll("''", "'"), end: end + 1 };
  }

  #doubleQuoted(line: string, start: number): { text: string; end: number } {
    let end = start + 1;
    while (end < line.length && line.charAt(end) !== '"') end += line.charAt(end) === "\\" ? 2 : 1;
    if (end >= line.length) throw new NotPlain();
    const source = line.slice(start, end + 1);
    if (!source.includes("\\")) return { text: source.slice(1, -1), end: end + 1 };
    try {
      const text: unknown = JSON.parse(source);
      if (typeof text === "string") return { text, end: end + 1 };
    } catch {
      // An escape that JSON does not have.
    }
    throw new NotPlain();
  }

  /** A list or map in brackets at an index of the line. */
  collection(line: string, start: number, depth: number): Read<Value> {
    if (depth > this.#options.maxDepth) throw new NotPlain();
    return line.charAt(start) === "[" ? this.#list(line, start, depth) : this.#map(line, start, depth);
  }

  #list(line: string, start: number, depth: number): Read<Value> {
    const list: Value[] = [];
    let at = this.#skip(line, start + 1);
    while (line.charAt(at) !== "]") {
      const item = this.#value(line, at, depth);
      list.push(item.value);
      at = this.#separator(line, item.end, "]");
    }
    return { value: list, end: at + 1 };
  }

  #map(line: string, start: number, depth: number): Read<Value> {
    const map = newMap();
    let at = this.#skip(line, start + 1);
    while (line.charAt(at) !== "}") {
      const key = this.#key(line, at);
      if (key.value in map) throw new NotPlain();
      const value = this.#value(line, this.#skip(line, key.end), depth);
      map[key.value] = value.value;
      at = this.#separator(line, value.end, "}");
    }
    return { value: map, end: at + 1 };
  }

  #key(line: string, start: number): Read<string> {
    const first = line.charAt(start);
    if (first === '"' || first === "'") {
      const quoted = this.quoted(line, start);
      if (line.charAt(quoted.end) !== ":") throw new NotPlain();
      return { value: quoted.text, end: quoted.end + 1 };
    }
    const plain = this.#plainText(line, start);
    const colon = line.charAt(plain.end) === ":" && line.charAt(plain.end + 1) === " ";
    if (!colon || plain.value === "<<" || this.#options.resolve(plain.value) !== plain.value)
      throw new NotPlain();
    return { value: plain.value, end: plain.end + 1 };
  }

  #value(line: string, start: number, depth: number): Read<Value> {
    const first = line.charAt(start);
    if (first === "[" || first === "{") return this.collection(line, start, depth + 1);
    if (first === '"' || first === "'") {
      const quoted = this.quoted(line, start);
      return { value: quoted.text, end: quoted.end };
    }
    const plain = this.#plainText(line, start);
    return { value: this.#options.resolve(plain.value), end: plain.end };
  }

  /** A plain scalar: up to a comma, a bracket, or a colon with a space. */
  #plainText(line: string, start: number): Read<string> {
    if (!PLAIN_START.test(line.charAt(start))) throw new NotPlain();
    if (line.charAt(start) === "-" && !/[A-Za-z0-9.]/.test(line.charAt(start + 1))) throw new NotPlain();
    let end = start;
    for (; end < line.length; end++) {
      const character = line.charAt(end);
      if (",[]{}".includes(character)) break;
      if (character === ":" && /[ ,[\]{}]|^$/.test(line.charAt(end + 1))) break;
      if (character === "\t" || (character === "#" && line.charAt(end - 1) === " ")) throw new NotPlain();
    }
    const value = line.slice(start, end).trimEnd();
    if (line.charAt(end) === ":" && value.length < end - start) throw new NotPlain();
    return { value, end };
  }

  #skip(line: string, start: number): number {
    let at = start;
    while (line.charAt(at) === " ") at++;
    if (at >= line.length) throw new NotPlain();
    return at;
  }

  /** The index of the next element, or of the closing bracket. */
  #separator(line: string, end: number, closing: string): number {
    const at = this.#skip(line, end);
    if (line.charAt(at) === closing) return at;
    if (line.charAt(at) !== ",") throw new NotPlain();
    return this.#skip(line, at + 1);
  }
}
