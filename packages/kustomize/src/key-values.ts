import { posix } from "node:path";
import type { ConfigMapArgs } from "./kustomization.ts";
import type { Loader } from "./loader.ts";

export interface KeyValue {
  readonly key: string;
  readonly value: Uint8Array;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text of a value, or undefined when it is not UTF-8. */
export function decodeText(value: Uint8Array): string | undefined {
  try {
    return decoder.decode(value);
  } catch {
    return undefined;
  }
}

/**
 * The pairs of a generator: env files, then literals, then files.
 * @param what names the generated object, for messages: `configmap app`
 * @throws Error for bad syntax or a key twice
 */
export function loadKeyValues(loader: Loader, args: ConfigMapArgs, what: string): KeyValue[] {
  const { envs = [], literals = [], files = [] } = args;
  const pairs = within("loading KV pairs", () => [
    ...within(`env source files: [${envs.join(" ")}]`, () =>
      envs.flatMap((path) => readEnvFile(loader, path)),
    ),
    ...within(`literal sources [${literals.join(" ")}]`, () => literals.map(parseLiteral)),
    ...within(`file sources: [${files.join(" ")}]`, () =>
      files.map((source) => readFileSource(loader, source)),
    ),
  ]);
  const seen = new Set<string>();
  for (const { key } of pairs) {
    if (seen.has(key)) throw new Error(`${what} illegally repeats the key \`${key}\``);
    seen.add(key);
  }
  return pairs;
}

function within<T>(what: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw new Error(`${what}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/** `KEY=VALUE` or a bare `KEY` per line; comments and empty lines are skipped. */
function readEnvFile(loader: Loader, path: string): KeyValue[] {
  const bytes = loader.readBytes(path);
  const text = decodeText(bytes);
  if (text === undefined) throw new Error(`env file ${path} contains invalid utf-8`);
  const pairs: KeyValue[] = [];
  const lines = (text.startsWith("\ufeff") ? text.slice(1) : text).split("\n");
  for (const [index, raw] of lines.entries()) {
    const line = raw.replace(/\r$/, "").trimStart();
    if (line === "" || line.startsWith("#")) continue;
    const equals = line.indexOf("=");
    const key = equals < 0 ? line : line.slice(0, equals);
    if (key === "") throw new Error(`line ${index + 1} of ${path} has no key before '='`);
    pairs.push({ key, value: Buffer.from(equals < 0 ? "" : line.slice(equals + 1)) });
  }
  return pairs;
}

function parseLiteral(literal: string): KeyValue {
  const equals = literal.indexOf("=");
  if (equals <= 0) throw new Error(`invalid literal source ${literal}, expected key=value`);
  return { key: literal.slice(0, equals), value: Buffer.from(stripQuotes(literal.slice(equals + 1))) };
}

function stripQuotes(text: string): string {
  const first = text.charAt(0);
  const quoted = text.length >= 2 && (first === '"' || first === "'") && text.endsWith(first);
  return quoted ? text.slice(1, -1) : text;
}

function readFileSource(loader: Loader, source: string): KeyValue {
  const { key, path } = parseFileSource(source);
  return { key, value: loader.readBytes(path) };
}

/** `path` or `key=path`. */
function parseFileSource(source: string): { key: string; path: string } {
  const parts = source.split("=");
  const [first = "", second = ""] = parts;
  if (parts.length === 1) return { key: posix.basename(source), path: source };
  if (parts.length > 2) throw new Error("key names or file paths cannot contain '='");
  if (first === "") throw new Error(`key name for file path ${second} missing`);
  if (second === "") throw new Error(`file path for key name ${first} missing`);
  return { key: first, path: second };
}
