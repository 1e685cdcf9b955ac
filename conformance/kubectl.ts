/*
 * Runs a table of kubectl lines (kubectl-lines.ts) with every kubectl that is found, against the core and a site of a
 * running demo, and says which lines each minor version passes.
 * Run: npx node conformance/kubectl.ts [--write] [--data-dir D] [--only TEXT]
 *   --write     puts the table into docs/conformance.md
 *   --data-dir  of a demo that runs already (otherwise one is started, and stopped)
 * KUBECTLS names the programs, separated by colons; default: `kubectl` and `kubectl.*` beside the one on PATH.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { writeSection } from "./document-section.ts";
import { LINES } from "./kubectl-lines.ts";
import type { Line } from "./kubectl-lines.ts";

const PROGRAM = new URL("../packages/cli/bin/ai-edge.js", import.meta.url).pathname;
/** Lines wait for pods at most 90 s themselves; one that takes longer hangs. */
const LINE_TIMEOUT_MS = 120_000;
const DEMO_TIMEOUT_MS = 300_000;
/** kubectl is one process and little work for the server: more would only wait for the two cores of a small machine. */
const MINORS_AT_ONCE = 2;

interface Outcome {
  exit: number;
  stdout: string;
  stderr: string;
}

function execute(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  stdin = "",
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, timeout: LINE_TIMEOUT_MS });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.stdin.on("error", () => undefined).end(stdin);
    child.once("error", reject);
    child.once("close", (code) => resolve({ exit: code ?? -1, stdout, stderr }));
  });
}

/** The programs by minor version, one each, oldest first. */
async function findKubectls(): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const program of kubectlCandidates()) {
    const { exit, stdout } = await execute(program, ["version", "--client", "-o", "json"], process.env);
    const minor = exit === 0 ? /"gitVersion": "v(1\.\d+)/.exec(stdout)?.[1] : undefined;
    if (minor !== undefined && !found.has(minor)) found.set(minor, program);
  }
  return new Map([...found].toSorted(([a], [b]) => a.localeCompare(b, "en", { numeric: true })));
}

function kubectlCandidates(): string[] {
  const named = process.env.KUBECTLS?.split(delimiter);
  if (named !== undefined) return named;
  const folders = (process.env.PATH ?? "")
    .split(delimiter)
    .filter((folder) => existsSync(join(folder, "kubectl")));
  return [...new Set(folders.map((folder) => dirname(realpathSync(join(folder, "kubectl")))))].flatMap(
    (folder) =>
      readdirSync(folder)
        .filter((name) => /^kubectl(\.\d+\.\d+)?$/.test(name))
        .map((name) => join(folder, name)),
  );
}

/** What is wrong with an outcome, or undefined. */
function judge(line: Line, { exit, stdout, stderr }: Outcome): string | undefined {
  if (exit !== (line.exit ?? 0)) return `exit ${exit}: ${(stderr || stdout).trim().split("\n").at(-1) ?? ""}`;
  const columns = stdout
    .split("\n")[0]
    ?.trim()
    .split(/ {2,}|\t+/)
    .join("  ");
  if (line.columns !== undefined && columns !== line.columns) return `columns: ${columns ?? ""}`;
  for (const [name, text, pattern] of [
    ["stdout", stdout, line.stdout],
    ["stderr", stderr, line.stderr],
  ] as const) {
    if (pattern !== undefined && !pattern.test(text))
      return `${name} is not ${String(pattern)}: ${text.slice(0, 300)}`;
  }
  return undefined;
}

/** The failed lines of one kubectl, with what is wrong. */
async function runAll(
  program: string,
  minor: string,
  demo: Demo,
  lines: readonly Line[],
): Promise<Map<Line, string>> {
  const home = mkdtempSync(join(tmpdir(), "ai-edge-kubectl-"));
  const failures = new Map<Line, string>();
  const fill = (text: string): string =>
    text.replaceAll("$NS", `kubectl-${minor.replace(".", "-")}`).replaceAll("$IMAGE", demo.image);
  try {
    for (const line of lines) {
      const env = { PATH: process.env.PATH, HOME: home, KUBECONFIG: demo.kubeconfigs[line.at] };
      // A plus stands for a space inside one argument: the table needs no quotes then.
      const args = fill(line.line)
        .split(" ")
        .map((argument) => (line.line.includes("--schedule") ? argument.replaceAll("+", " ") : argument));
      const wrong = judge(line, await execute(program, args, env, fill(line.stdin ?? "")));
      if (wrong !== undefined) failures.set(line, wrong);
    }
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
  return failures;
}

interface Demo {
  kubeconfigs: Record<Line["at"], string>;
  image: string;
  stop(): Promise<void>;
}

/** A demo that stays up: every kind has objects in it. */
async function startDemo(dataDir: string | undefined, kubectl: string): Promise<Demo> {
  const directory = dataDir ?? mkdtempSync(join(tmpdir(), "ai-edge-conformance-"));
  const stop = dataDir === undefined ? await spawnDemo(directory) : async () => {};
  const kubeconfigs = {
    core: join(directory, "core", "kubeconfig"),
    edge: join(directory, "near-edge-1", "kubeconfig"),
  };
  const args = [
    "get",
    "deploy",
    "-n",
    "bike-rentals",
    "-o",
    "jsonpath={.items[0].spec.template.spec.containers[0].image}",
  ];
  const image = await execute(kubectl, args, { ...process.env, KUBECONFIG: kubeconfigs.edge });
  return { kubeconfigs, image: image.stdout, stop };
}

async function spawnDemo(directory: string): Promise<() => Promise<void>> {
  const child = spawn(process.execPath, [PROGRAM, "demo", "--edges", "1", "--data-dir", directory], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("the demo did not come up")), DEMO_TIMEOUT_MS);
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      if (said.includes("Everything is up")) resolve(clearTimeout(timer));
    });
    child.once("close", () => reject(new Error(`the demo ended: ${said.trim().split("\n").at(-1) ?? ""}`)));
  });
  return async () => {
    child.kill("SIGTERM");
    await ended;
    rmSync(directory, { recursive: true, force: true });
  };
}

/** The section of docs/conformance.md. */
function report(results: ReadonlyMap<string, ReadonlyMap<Line, string>>, lines: readonly Line[]): string {
  const rows = [...results].map(
    ([minor, failures]) =>
      `| ${minor} | ${lines.length - failures.size} of ${lines.length} | ${[...failures.keys()].map(({ line }) => `\`${line}\``).join(", ") || "–"} |`,
  );
  return [
    "## kubectl",
    "",
    "Lines that users type (`conformance/kubectl-lines.ts`), at the core and at a site of a running demo: exit code, column",
    "headings, values. Run again: `npx node conformance/kubectl.ts --write`.",
    "",
    "| kubectl | as expected | not |",
    "|---|---|---|",
    ...rows,
  ].join("\n");
}

const { values } = parseArgs({
  options: {
    write: { type: "boolean" },
    "data-dir": { type: "string" },
    only: { type: "string", default: "" },
  },
});
const kubectls = await findKubectls();
const [first] = kubectls.values();
if (first === undefined) {
  console.error("no kubectl on PATH; name some with KUBECTLS");
  process.exit(2);
}
const lines = LINES.filter(({ line }) => line.includes(values.only));
const demo = await startDemo(values["data-dir"], first);
const results = new Map<string, Map<Line, string>>([...kubectls.keys()].map((minor) => [minor, new Map()]));
try {
  const waiting = [...kubectls];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [minor, program] = next;
      const failures = await runAll(program, minor, demo, lines);
      results.set(minor, failures);
      console.log(`kubectl ${minor}: ${lines.length - failures.size} of ${lines.length} lines as expected`);
      for (const [{ at, line }, wrong] of failures) console.log(`  ${at}: ${line}\n    ${wrong}`);
    }
  };
  await Promise.all(Array.from({ length: MINORS_AT_ONCE }, worker));
} finally {
  await demo.stop();
}
if (values.write === true) writeSection("kubectl", report(results, lines));
process.exitCode = [...results.values()].every((failures) => failures.size === 0) ? 0 : 1;
