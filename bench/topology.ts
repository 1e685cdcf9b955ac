/**
 * One core, two near edges, two models on both: seconds from `ai-edge demo` to the first right prediction at every edge,
 * join time, merge → serving time, and the resident memory of every process in steady state; against the bounds of the
 * product. `node bench/topology.ts [--output json]`; exit 1 when a bound does not hold.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("../packages/cli/bin/ai-edge.js", import.meta.url));
/** The product's bounds on two cores, and what it aims at (issue 2, "Done when"). */
const BOUNDS = {
  firstPredictionSeconds: { bound: 20, goal: 10 },
  residentMebibytes: { bound: 800, goal: 600 },
} as const;
/** After the last hop a topology needs this long to settle: old pods are gone, garbage is collected. */
const SETTLE_MS = 30_000;
/** The demo takes 30 s on idle machines. */
const DEMO_TIMEOUT_MS = 180_000;

interface DemoReport {
  ok: boolean;
  error?: string;
  hops: { name: string; seconds: number }[];
  secondsToFirstPredictions: number;
  secondsFromMergeToServing: number;
  edges: { failedRequests: number }[];
}

interface ProcessMemory {
  process: string;
  rssMiB: number;
  /** Private pages. The rest is shared: Node's own text, and libraries. */
  anonymousMiB: number;
}

/** A demo that has run its hops and stays up. */
interface RunningDemo {
  child: ChildProcess;
  report: DemoReport;
  joinSeconds: number;
}

async function startDemo(dataDir: string): Promise<RunningDemo> {
  const child = spawn(process.execPath, [PROGRAM, "demo", "--output", "json", "--data-dir", dataDir], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  const times = new Map<string, number>();
  const lines: string[] = [];
  const done = Promise.withResolvers<void>();
  createInterface({ input: child.stderr }).on("line", (line) => {
    lines.push(line);
    const name = /^\s+(\S+) is up:/.exec(line)?.[1] ?? (/✓\s+1 /.test(line) ? "joined" : undefined);
    if (name !== undefined) times.set(name, performance.now());
    if (line.startsWith("Everything is up")) done.resolve();
  });
  child.once("exit", (code) => done.reject(new Error(`the demo ended with ${code}:\n${lines.join("\n")}`)));
  const timer = setTimeout(
    () => done.reject(new Error(`no end after ${DEMO_TIMEOUT_MS / 1000} s:\n${lines.join("\n")}`)),
    DEMO_TIMEOUT_MS,
  );
  try {
    await done.promise;
  } catch (error) {
    await stop(child);
    throw error;
  } finally {
    clearTimeout(timer);
  }
  const joinSeconds = ((times.get("joined") ?? 0) - (times.get("core") ?? 0)) / 1000;
  return { child, report: JSON.parse(output) as DemoReport, joinSeconds };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGINT");
  await ended;
}

/** Every process of the demo, from /proc. */
function memoryOf(supervisor: number): ProcessMemory[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    const status = readStatus(Number(name));
    if (status !== undefined) parents.set(Number(name), Number(/^PPid:\s+(\d+)/m.exec(status)?.[1]));
  }
  const isOurs = (pid: number): boolean =>
    pid === supervisor || (parents.has(pid) && isOurs(parents.get(pid) ?? 0));
  return [...parents.keys()].filter(isOurs).flatMap((pid) => {
    const status = readStatus(pid) ?? "";
    const mebibytes = (field: string) =>
      Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0) / 1024;
    return { process: roleOf(pid), rssMiB: mebibytes("VmRSS"), anonymousMiB: mebibytes("RssAnon") };
  });
}

function readStatus(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/status`, "utf8");
  } catch {
    return undefined;
  }
}

function roleOf(pid: number): string {
  const argv = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  const script = argv.findIndex((argument) => argument.endsWith("ai-edge.js"));
  if (script >= 0)
    return argv[script + 1] === "edge"
      ? (argv[argv.indexOf("--name") + 1] ?? "edge")
      : (argv[script + 1] ?? "");
  if (!argv.some((argument) => argument.endsWith("model-server.js"))) return argv[0] ?? "";
  const model = /(?:^|\0)MODEL_NAME=([^\0]*)/.exec(readFileSync(`/proc/${pid}/environ`, "utf8"))?.[1];
  return `model server ${model ?? ""}`;
}

async function bench(): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), "ai-edge-bench-"));
  try {
    const demo = await startDemo(join(scratch, "demo"));
    let processes: ProcessMemory[];
    try {
      await delay(SETTLE_MS);
      processes = memoryOf(demo.child.pid ?? 0);
    } finally {
      await stop(demo.child);
    }
    print(demo, processes);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function print({ report, joinSeconds }: RunningDemo, processes: ProcessMemory[]): void {
  const residentMebibytes = processes.reduce((sum, { rssMiB }) => sum + rssMiB, 0);
  const measured = { firstPredictionSeconds: report.secondsToFirstPredictions, residentMebibytes };
  const ok =
    measured.firstPredictionSeconds <= BOUNDS.firstPredictionSeconds.bound &&
    measured.residentMebibytes <= BOUNDS.residentMebibytes.bound;
  const result = {
    ok,
    ...measured,
    joinSeconds,
    mergeToServingSeconds: report.secondsFromMergeToServing,
    failedRequests: report.edges.reduce((sum, { failedRequests }) => sum + failedRequests, 0),
    hops: report.hops.map(({ name, seconds }) => ({ name, seconds })),
    processes,
    bounds: BOUNDS,
  };
  if (process.argv.includes("json")) console.log(JSON.stringify(rounded(result), null, 2));
  else console.log(tableOf(result));
  process.exitCode = ok ? 0 : 1;
}

function tableOf(result: {
  firstPredictionSeconds: number;
  residentMebibytes: number;
  joinSeconds: number;
  mergeToServingSeconds: number;
  hops: { name: string; seconds: number }[];
  processes: ProcessMemory[];
}): string {
  const row = (name: string, value: number, unit: string, rest = "") =>
    `${name.padEnd(46)}${value.toFixed(1).padStart(8)} ${unit}${rest}`;
  const against = ({ bound, goal }: { bound: number; goal: number }) => `   (bound ${bound}, goal ${goal})`;
  return [
    row(
      "start to first prediction at every edge",
      result.firstPredictionSeconds,
      "s  ",
      against(BOUNDS.firstPredictionSeconds),
    ),
    row("core up to both edges joined", result.joinSeconds, "s"),
    row("merge to the new version serving", result.mergeToServingSeconds, "s"),
    row(
      "resident memory of all processes",
      result.residentMebibytes,
      "MiB",
      against(BOUNDS.residentMebibytes),
    ),
    "",
    ...result.hops.map(({ name, seconds }, index) => row(`hop ${index + 1}: ${name}`, seconds, "s")),
    "",
    ...result.processes.map(({ process: name, rssMiB, anonymousMiB }) =>
      row(name, rssMiB, "MiB", `   (private ${anonymousMiB.toFixed(1)})`),
    ),
  ].join("\n");
}

/** One decimal for memory and three for seconds are what these figures are good for. */
function rounded(value: object): unknown {
  return JSON.parse(
    JSON.stringify(value, (_key, item: unknown) =>
      typeof item === "number" ? Number(item.toFixed(3)) : item,
    ),
  );
}

await bench();
