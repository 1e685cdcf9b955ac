import { type ParseArgsConfig, parseArgs } from "node:util";
import { UsageError } from "../user-error.ts";

/** Flags of every command. */
export const CONNECTION_FLAGS = {
  kubeconfig: { type: "string" },
  context: { type: "string" },
  namespace: { type: "string", short: "n" },
} as const satisfies ParseArgsConfig["options"];

/** Flags that name manifests. */
export const FILE_FLAGS = {
  filename: { type: "string", short: "f", multiple: true },
  kustomize: { type: "string", short: "k" },
} as const satisfies ParseArgsConfig["options"];

/**
 * Parses flags and positional arguments in any order.
 * @throws UsageError for unknown flags and missing values
 */
export function parseFlags<const O extends NonNullable<ParseArgsConfig["options"]>>(
  argv: string[],
  options: O,
) {
  try {
    return parseArgs({ args: argv, options, allowPositionals: true, strict: true });
  } catch (error) {
    // Node's second sentence explains how to escape positionals, which nobody here means.
    const message = error instanceof Error ? (error.message.split(". ")[0] ?? error.message) : String(error);
    throw new UsageError(message);
  }
}

const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Go's duration format: `90s`, `1m30s`, `500ms`. @returns milliseconds */
export function parseDuration(text: string, flag: string): number {
  if (text === "0") return 0;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join("") !== text) {
    throw new UsageError(`${flag}: "${text}" is not a duration such as 30s or 2m`);
  }
  return parts.reduce((sum, [, value, unit]) => sum + Number(value) * (UNITS[unit ?? ""] ?? 0), 0);
}

/** A non-negative whole number. */
export function parseInteger(text: string, flag: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`${flag}: "${text}" is not a number`);
  return Number(text);
}
