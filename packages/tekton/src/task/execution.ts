import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { TaskRun, TaskSpec, TektonValue } from "@ai-edge/api";
import { formatKey, keyOf } from "@ai-edge/apimachinery";
import type { ObjectKey } from "@ai-edge/apimachinery";
import type { Client } from "@ai-edge/client";
import type { Logger } from "pino";
import { NativeTaskCall, TaskError } from "../native/native-task.ts";
import type { NativeTask } from "../native/native-task.ts";
import { TaskRunLog } from "./task-run-log.ts";
import { workspaceDirectories } from "./workspace-directories.ts";
import type { VolumeDirectory } from "./workspace-directories.ts";

export interface ExecutionOptions {
  dataDir: string;
  /** Directories of calls are made here, and removed after them. */
  scratchDir: string;
  client: Client;
  volumes: VolumeDirectory;
  now: () => Date;
  logger: Logger;
}

/** How an execution ended. */
export interface ExecutionOutcome {
  finishedAt: Date;
  results: Map<string, TektonValue>;
  /** Absent after success. */
  failure?: string;
}

/** One native Task at work for one TaskRun. */
export class Execution {
  readonly key: ObjectKey;
  readonly startedAt: Date;
  readonly finished: Promise<void>;
  outcome: ExecutionOutcome | undefined;
  readonly #abort = new AbortController();

  constructor(
    task: NativeTask,
    input: { taskRun: TaskRun; taskSpec: TaskSpec; params: ReadonlyMap<string, TektonValue> },
    options: ExecutionOptions,
  ) {
    this.key = keyOf(input.taskRun);
    this.startedAt = options.now();
    this.finished = this.#run(task, input, options).then((outcome) => {
      this.outcome = outcome;
    });
  }

  /** Asks the Task to stop; {@link finished} tells when it has. */
  abort(): void {
    this.#abort.abort(new TaskError("it was stopped"));
  }

  async #run(
    task: NativeTask,
    {
      taskRun,
      taskSpec,
      params,
    }: { taskRun: TaskRun; taskSpec: TaskSpec; params: ReadonlyMap<string, TektonValue> },
    options: ExecutionOptions,
  ): Promise<ExecutionOutcome> {
    const key = keyOf(taskRun);
    const log = new TaskRunLog(options.dataDir, key);
    const scratch = join(options.scratchDir, taskRun.metadata.uid ?? "unknown");
    try {
      await mkdir(scratch, { recursive: true, mode: 0o700 });
      const workspaces = await workspaceDirectories({
        client: options.client,
        taskRun,
        taskSpec,
        scratch,
        volumes: options.volumes,
      });
      const call = new NativeTaskCall({
        taskRun,
        params,
        workspaces,
        scratch,
        client: options.client,
        now: options.now,
        signal: this.#abort.signal,
        log: (line) => log.line(line),
      });
      await task.run(call);
      return { finishedAt: options.now(), results: declaredResults(call.results, taskSpec) };
    } catch (error) {
      const failure = error instanceof Error ? error.message : String(error);
      log.line(`error: ${failure}`);
      // A TaskError tells the user what to do; anything else is worth a stack for us.
      if (!(error instanceof TaskError))
        options.logger.warn(
          { err: error, taskRun: formatKey(key), task: task.name },
          "a native task failed unexpectedly",
        );
      return { finishedAt: options.now(), results: new Map(), failure };
    } finally {
      await rm(scratch, { recursive: true, force: true }).catch(() => undefined);
      await log.flush();
    }
  }
}

/** Executors know results under every spelling that upstream has had; a TaskRun reports those that its Task declares. */
function declaredResults(results: Map<string, TektonValue>, taskSpec: TaskSpec): Map<string, TektonValue> {
  const declared = new Set((taskSpec.results ?? []).map((result) => result.name));
  return new Map([...results].filter(([name]) => declared.has(name)));
}
