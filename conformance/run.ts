/**
 * Runs the outside suites and corpora, one after the other, and writes their scores into docs/conformance.md:
 * `npm run conformance`. A suite whose input is not on this machine is said to be absent, and its old score stays.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

import { writeSection } from "./document-section.ts";

/** A suite exits with this when its corpus or tool is not there. */
const ABSENT = 2;
/** The last lines of these suites are their scores; kubectl.ts writes its own table. */
const SCORED = [
  {
    suite: "kustomize",
    title: "kustomize",
    about: "upstream's own test cases and the rendered trees of the proof of concept, byte for byte",
  },
  {
    suite: "protobuf",
    title: "Kubernetes protobuf",
    about: "request bodies of every kind, decoded to the JSON beside them",
  },
];

function run(suite: string, args: readonly string[]): { status: number | null; stdout: string } {
  console.log(`\n== ${suite}`);
  const script = join(import.meta.dirname, `${suite}.ts`);
  const { status, stdout } = spawnSync(process.execPath, [script, ...args], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  process.stdout.write(stdout);
  return { status, stdout };
}

const failed: string[] = [];
const absent: string[] = [];
for (const { suite, title, about } of SCORED) {
  const { status, stdout } = run(suite, []);
  if (status === ABSENT) {
    absent.push(suite);
    continue;
  }
  if (status !== 0) failed.push(suite);
  const scores = stdout.split("\n").filter((line) => line.startsWith(`${suite}: `));
  const again = `Run again: \`npx node conformance/${suite}.ts\`.`;
  writeSection(
    suite,
    [`## ${title}`, "", `${about}. ${again}`, "", ...scores.map((line) => `- ${line}`)].join("\n"),
  );
}
const kubectl = run("kubectl", ["--write"]);
if (kubectl.status === ABSENT) absent.push("kubectl");
else if (kubectl.status !== 0) failed.push("kubectl");
if (absent.length > 0) console.error(`\nnot on this machine, so not run: ${absent.join(", ")}`);
if (failed.length > 0) console.error(`\nnot all as expected: ${failed.join(", ")}`);
process.exitCode = failed.length > 0 ? 1 : 0;
