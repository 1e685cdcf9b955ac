/** The Prometheus text exposition format, version 0.0.4. */
import { METRIC_NAME, type Labels } from "../series.ts";

export interface ParsedSample {
  labels: Labels;
  value: number;
  /** Milliseconds, when the line has one. */
  timestamp?: number;
}

/** Text that is not the exposition format; names the line. */
export class ExpositionError extends Error {
  override readonly name = "ExpositionError";
}

const METRIC = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const LABEL = /[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"((?:[^"\\]|\\.)*)"[ \t]*/y;
const TAIL = /^[ \t]*(\S+)(?:[ \t]+(-?\d+))?[ \t]*$/;

/** `\\`, `\"` and `\n` are escapes; a backslash before anything else stands for itself. */
function unescape(text: string): string {
  return text.includes("\\")
    ? text.replace(/\\([\\n"])/g, (_, char: string) => (char === "n" ? "\n" : char))
    : text;
}

const SPECIAL: ReadonlyMap<string, number> = new Map([
  ["+inf", Number.POSITIVE_INFINITY],
  ["-inf", Number.NEGATIVE_INFINITY],
  ["inf", Number.POSITIVE_INFINITY],
  ["nan", Number.NaN],
]);
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

function parseValue(text: string): number | undefined {
  return NUMBER.test(text) ? Number(text) : SPECIAL.get(text.toLowerCase());
}

/** Reads `{…}` from `start`; @returns the offset after it */
function parseLabels(line: string, start: number, labels: Map<string, string>, where: string): number {
  let at = start + 1;
  const fail = (problem: string): never => {
    throw new ExpositionError(`${where}: ${problem}`);
  };
  for (;;) {
    LABEL.lastIndex = at;
    const match = LABEL.exec(line);
    if (match === null) break;
    const [, name = "", value = ""] = match;
    if (labels.has(name)) fail(`label ${name} appears twice`);
    // An empty label is the same as none, but may still not appear twice.
    labels.set(name, unescape(value));
    at = LABEL.lastIndex;
    if (line[at] !== ",") break;
    at++;
  }
  while (line[at] === " " || line[at] === "\t") at++;
  if (line[at] !== "}") fail(`labels are broken at column ${at + 1}`);
  return at + 1;
}

function parseLine(line: string, where: string): ParsedSample {
  METRIC.lastIndex = 0;
  const name = METRIC.exec(line)?.[0];
  if (name === undefined) throw new ExpositionError(`${where}: no metric name`);
  const labels = new Map([[METRIC_NAME, name]]);
  let at = name.length;
  while (line[at] === " " || line[at] === "\t") at++;
  if (line[at] === "{") at = parseLabels(line, at, labels, where);
  const [, valueText = "", timeText] = TAIL.exec(line.slice(at)) ?? [];
  const value = parseValue(valueText);
  if (value === undefined) throw new ExpositionError(`${where}: no number after ${name}`);
  const present = Object.fromEntries([...labels].filter(([, text]) => text !== ""));
  return { labels: present, value, ...(timeText === undefined ? {} : { timestamp: Number(timeText) }) };
}

/** More series from one target are a runaway label, which would fill the spool of the whole site. */
const MAX_SAMPLES_PER_SCRAPE = 50_000;

/**
 * Parses a whole exposition.
 *
 * @param keep which metric names to keep; others are skipped unparsed
 * @throws ExpositionError for the first broken line that is kept, or too many samples
 */
export function parseExposition(text: string, keep: (name: string) => boolean = () => true): ParsedSample[] {
  const samples: ParsedSample[] = [];
  let number = 0;
  for (const raw of text.split("\n")) {
    number++;
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    METRIC.lastIndex = 0;
    const name = METRIC.exec(line)?.[0];
    if (name !== undefined && !keep(name)) continue;
    if (samples.length === MAX_SAMPLES_PER_SCRAPE) {
      throw new ExpositionError(`more than ${MAX_SAMPLES_PER_SCRAPE} samples`);
    }
    samples.push(parseLine(line, `metrics line ${number}`));
  }
  return samples;
}
