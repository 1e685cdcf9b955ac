/*
 * What an unquoted scalar means. Manifests are read as go-yaml v3 does (YAML 1.2, with octals of 1.1); output must be
 * safe for readers of YAML 1.1, so that there more words need quotes (`y`, `on`, `1:30`).
 */

const CONSTANTS = new Map<string, null | boolean | number>([
  ["", null],
  ["~", null],
  ["null", null],
  ["Null", null],
  ["NULL", null],
  ["true", true],
  ["True", true],
  ["TRUE", true],
  ["false", false],
  ["False", false],
  ["FALSE", false],
  ...[".nan", ".NaN", ".NAN"].map((word) => [word, Number.NaN] as const),
  ...[".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"].map((word) => [word, Infinity] as const),
  ...["-.inf", "-.Inf", "-.INF"].map((word) => [word, -Infinity] as const),
]);

const YAML_1_1_BOOLEANS = new Set("y Y yes Yes YES on On ON n N no No NO off Off OFF".split(" "));

const FLOAT = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/;
const INTEGER = /^([-+]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)$/;
const BASE_60 = /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/;
const TIMESTAMP =
  /^(\d{4})-(\d{1,2})-(\d{1,2})(?:(?:[Tt]|[ \t]+)(\d{1,2}):(\d{1,2}):(\d{1,2})(\.\d+)?[ \t]*(Z|[-+]\d{2}:\d{2})?)?$/;
const MAX_UINT64 = 18_446_744_073_709_551_615n;
const MIN_INT64 = -9_223_372_036_854_775_808n;

/** The meaning of a plain scalar in a manifest; a timestamp becomes its RFC 3339 text, as through JSON. */
export function resolvePlain(text: string): null | boolean | number | bigint | string {
  const first = text.charCodeAt(0);
  // Only these can start anything but a string: digits, + - . ~ and the first letters of the constants.
  if (first > 57 && !"~nNtTfF".includes(text.charAt(0))) return text;
  const constant = CONSTANTS.get(text);
  if (constant !== undefined) return constant;
  if (first > 57 || (first < 48 && !"+-.".includes(text.charAt(0)))) return text;
  return timestampText(text) ?? resolveNumber(text) ?? text;
}

/** As {@link resolvePlain}, with the booleans of YAML 1.1: how kustomize reads kustomization files and JSON patches. */
export function resolvePlain11(text: string): null | boolean | number | bigint | string {
  if (YAML_1_1_BOOLEANS.has(text)) return /^(?:y|on)/i.test(text);
  return resolvePlain(text);
}

/** True if a YAML 1.1 reader takes the plain text for something else than a string. */
export function needsQuotes(text: string): boolean {
  if (CONSTANTS.has(text) || YAML_1_1_BOOLEANS.has(text)) return true;
  const first = text.charCodeAt(0);
  if (first > 57 || (first < 48 && !"+-.".includes(text.charAt(0)))) return false;
  return BASE_60.test(text) || timestampText(text) !== undefined || resolveNumber(text) !== undefined;
}

/** A number in any of go-yaml's notations, or undefined. Underscores are allowed between digits. */
export function resolveNumber(text: string): number | bigint | undefined {
  const plain = text.includes("_") ? text.replaceAll("_", "") : text;
  const integer = INTEGER.exec(plain);
  if (integer !== null) {
    const value = parseInteger(integer[1] === "-", integer[2] ?? "0");
    if (value <= MAX_UINT64 && value >= MIN_INT64) {
      return Number.isSafeInteger(Number(value)) ? Number(value) : value;
    }
  }
  return FLOAT.test(plain) ? Number(plain) : undefined;
}

function parseInteger(negative: boolean, digits: string): bigint {
  const octal = /^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits.toLowerCase();
  return negative ? -BigInt(octal) : BigInt(octal);
}

function timestampText(text: string): string | undefined {
  if (text.charCodeAt(4) !== 45) return undefined;
  const match = TIMESTAMP.exec(text);
  if (match === null) return undefined;
  const [, year = "", month = "", day = "", hour = "0", minute = "0", second = "0", fraction, zone] = match;
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  if (date.getUTCMonth() !== Number(month) - 1 || date.getUTCDate() !== Number(day)) return undefined;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  const two = (digits: string) => digits.padStart(2, "0");
  const digits = fraction?.replace(/\.?0+$/, "") ?? "";
  return `${year}-${two(month)}-${two(day)}T${two(hour)}:${two(minute)}:${two(second)}${digits}${zone ?? "Z"}`;
}
