import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { pino } from "pino";

import type { ProgramIO } from "../program-io.ts";
import { startIdleCollection } from "../role/idle-collection.ts";
import { demoReport } from "../demo/report.ts";
import { Progress } from "../demo/progress.ts";
import { type HopOutcome, runHops } from "../demo/run-hops.ts";
import { suggestions } from "../demo/suggestions.ts";
import { edgeName, startTopology, type Topology } from "../topology/topology.ts";
import { aborted } from "../topology/wait.ts";
import { messageOf, UserError } from "../user-error.ts";

export interface DemoOptions {
  once?: boolean;
  keep?: boolean;
  edges: number;
  dataDir?: string;
  output: "text" | "json";
}

/** `ai-edge demo`: the whole path, told hop by hop. Progress goes to standard error, the report to standard output. */
export async function demo(options: DemoOptions, io: ProgramIO): Promise<void> {
  if (options.edges < 1) throw new UserError("the demo needs at least one edge (--edges 1)");
  const dataDir =
    options.dataDir === undefined
      ? await mkdtemp(join(tmpdir(), "ai-edge-demo-"))
      : resolve(io.cwd, options.dataDir);
  // Only what this run made itself is removed: an existing directory is somebody's, and stays.
  const ours = (await readdir(dataDir).catch(() => [])).length === 0;
  const progress = new Progress(io.stderr);
  const outcome = emptyOutcome();
  const startedAt = performance.now();
  const edges = Array.from({ length: options.edges }, (_, index) => edgeName(index + 1));
  let topology: Topology | undefined;
  let failure: unknown;
  try {
    progress.say(`Starting one core and ${edges.length} edges in ${dataDir}`);
    startIdleCollection(io.signal);
    topology = await startTopology({
      dataDir,
      edges: options.edges,
      env: io.env,
      signal: io.signal,
      logger: pino({ name: "demo", level: "error" }, pino.destination(2)),
      report: (line) => progress.say(`    ${line}`),
    });
    const workDir = join(dataDir, "demo");
    await mkdir(workDir, { recursive: true });
    await runHops({ topology, edges, progress, workDir, env: io.env, signal: io.signal, startedAt }, outcome);
  } catch (error) {
    failure = error;
  }
  const report = await demoReport({ topology, progress, outcome, edges, failure });
  if (options.output === "json") io.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  if (failure === undefined && options.once !== true && topology !== undefined) {
    progress.say(suggestions(topology, outcome, { keepsData: !ours || options.keep === true }));
    await aborted(io.signal);
    progress.say("stopping");
  }
  await topology?.stop();
  // After a failure the logs in it are what there is to look at.
  if (ours && options.keep !== true && failure === undefined)
    await rm(dataDir, { recursive: true, force: true });
  else progress.say(`The data directory ${dataDir} was kept.`);
  if (failure !== undefined) throw new UserError(messageOf(failure), { cause: failure });
}

function emptyOutcome(): HopOutcome {
  return {
    images: [],
    pullRequests: [],
    predictions: new Map(),
    failedRequests: new Map(),
    sentRequests: 0,
    metrics: [],
    secondsToFirstPredictions: 0,
    secondsFromMergeToServing: 0,
  };
}
