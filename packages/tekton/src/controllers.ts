import { randomUUID } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { PipelineRun, TaskRun } from "@ai-edge/api";
import type { Manager } from "@ai-edge/runtime";
import type { NativeTask } from "./native/native-task.ts";
import { PipelineRunReconciler } from "./pipeline/reconciler.ts";
import { TaskRunReconciler } from "./task/reconciler.ts";
import type { VolumeDirectory } from "./task/workspace-directories.ts";

export interface TektonOptions {
  /** Logs and scratch files of native tasks. */
  dataDir: string;
  /** The Tasks that run inside this process; see `nativeTasks()`. */
  nativeTasks: readonly NativeTask[];
  /** Where the data of a PersistentVolumeClaim is on this machine. */
  volumes: VolumeDirectory;
}

/** Runs advance by TaskRun events; this many at once keep a busy core busy and a small one alive. */
const CONCURRENT_RUNS = 4;

/** Adds the PipelineRun and TaskRun controllers to a manager. */
export function addTektonControllers(manager: Manager, options: TektonOptions): void {
  const { client, now } = manager;
  const logger = manager.logger.child({ component: "tekton" });
  const pipelineRuns = new PipelineRunReconciler({ client, now });
  manager.addController({
    name: "pipelinerun",
    for: PipelineRun,
    owns: [TaskRun],
    concurrency: CONCURRENT_RUNS,
    reconcile: (key) => pipelineRuns.reconcile(key),
  });
  const { dataDir } = options;
  const scratch = { parent: join(dataDir, "scratch"), own: randomUUID() };
  const scratchDir = join(scratch.parent, scratch.own);
  const taskRuns = new TaskRunReconciler(options.nativeTasks, {
    dataDir,
    scratchDir,
    client,
    volumes: options.volumes,
    now,
    logger,
  });
  const handle = manager.addController({
    name: "taskrun",
    for: TaskRun,
    concurrency: CONCURRENT_RUNS,
    reconcile: (key) => taskRuns.reconcile(key),
  });
  taskRuns.wake = (key) => handle.enqueue(key);
  manager.addRunnable("tekton-executions", async (signal) => {
    // What a killed process left there may hold credentials.
    for (const entry of await readdir(scratch.parent).catch(() => [])) {
      if (entry !== scratch.own) await rm(join(scratch.parent, entry), { recursive: true, force: true });
    }
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve(), { once: true });
    });
    await taskRuns.stop();
  });
}
