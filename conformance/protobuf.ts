/*
 * Scores the API server's protobuf decoder against pairs of NAME.pb and NAME.json: every body must decode to exactly the
 * JSON beside it. Run: npx node conformance/protobuf.ts [name part]
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { decodeProtobufObject } from "../packages/apiserver/src/protobuf/object.ts";

const CASES = process.env.PROTOBUF_CASES ?? "../shared/corpus/protobuf";
/** Enough to see what differs; a failing case can have hundreds. */
const MOST_DIFFERENCES = 5;

/** What differs, or undefined when the body decodes to the JSON beside it. */
function run(name: string): string | undefined {
  const expected: unknown = JSON.parse(readFileSync(join(CASES, `${name}.json`), "utf8"));
  try {
    const actual = decodeProtobufObject(readFileSync(join(CASES, `${name}.pb`)), kindOf(name));
    const differences = compare(actual, expected, "");
    if (differences.length === 0) return undefined;
    const shown = differences.slice(0, MOST_DIFFERENCES).join("; ");
    return `${differences.length} differences: ${shown}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** `core.v1.WatchEvent`: the kind of the few bodies that do not say it themselves. */
function kindOf(name: string): { apiVersion: string; kind: string } {
  const [kind = "", version = "", ...group] = name.split(".").toReversed();
  const groupName = group.toReversed().join(".");
  return { apiVersion: groupName === "core" ? version : `${groupName}/${version}`, kind };
}

function compare(actual: unknown, expected: unknown, path: string): string[] {
  if (isDeepStrictEqual(actual, expected)) return [];
  if (!isObject(actual) || !isObject(expected) || Array.isArray(actual) !== Array.isArray(expected))
    return [`${path}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`];
  const names = new Set([...Object.keys(actual), ...Object.keys(expected)]);
  return [...names].flatMap((name) => compare(actual[name], expected[name], `${path}.${name}`));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

if (!existsSync(CASES)) {
  console.error(`no cases at ${CASES}: set PROTOBUF_CASES`);
  process.exit(2);
}
const filter = process.argv[2] ?? "";
const names = readdirSync(CASES)
  .filter((file) => file.endsWith(".pb") && file.includes(filter))
  .map((file) => file.slice(0, -".pb".length));
const failures = names.flatMap((name) => {
  const difference = run(name);
  return difference === undefined ? [] : [{ name, difference }];
});
for (const { name, difference } of failures) console.log(`FAIL ${name}: ${difference}`);
console.log(`protobuf: ${names.length - failures.length} of ${names.length} bodies decode to their JSON`);
process.exitCode = failures.length === 0 ? 0 : 1;
