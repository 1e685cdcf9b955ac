import { ANNOTATION_TASK_EXECUTOR, LABEL_TEKTON_TASK, TaskRun } from "@ai-edge/api";
import type { TaskRunStatus, TaskSpec, TektonValue } from "@ai-edge/api";
import { formatKey, formatTime, isStatus, keyOf } from "@ai-edge/apimachinery";
import type { ObjectKey } from "@ai-edge/apimachinery";
import { patchStatus } from "@ai-edge/runtime";
import type { Result } from "@ai-edge/runtime";
import { parseDuration } from "../duration.ts";
import type { NativeTask } from "../native/native-task.ts";
import { ParamError, resolveParams } from "../params.ts";
import { ResolutionError, resolveTask } from "../resolution.ts";
import { isDone } from "../run-state.ts";
import type { Lookup } from "../substitution.ts";
import { Execution } from "./execution.ts";
import type { ExecutionOptions } from "./execution.ts";
import { endSteps, markFinished, markRunning, setTaskRunCondition } from "./status.ts";
import { removeTaskRunLog } from "./task-run-log.ts";

/** Native tasks at once: most of them wait for the network; more would only queue at the disk. */
const MAX_EXECUTIONS = 16;
const BUSY_RETRY_MS = 500;
const DEFAULT_TIMEOUT = "1h0m0s";
const FIELD_MANAGER = "ai-edge-tekton";

/** A TaskRun that cannot run; `reason` is the condition's. */
class TaskRunRefusedError extends Error {
  override readonly name = "TaskRunRefusedError";
  readonly reason: string;

  constructor(reason: string, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** Runs TaskRuns of well-known Tasks inside this process and reports them as Tekton would. */
export class TaskRunReconciler {
  readonly #options: ExecutionOptions;
  readonly #tasks: ReadonlyMap<string, NativeTask>;
  readonly #executions = new Map<string, Execution>();
  /** Makes a TaskRun due when its execution has ended. */
  wake: (key: ObjectKey) => void = () => undefined;

  constructor(tasks: readonly NativeTask[], options: ExecutionOptions) {
    this.#options = options;
    this.#tasks = new Map(tasks.map((task) => [task.name, task]));
  }

  /** Stops what is at work, for the end of the process; the next one starts it again. */
  async stop(): Promise<void> {
    for (const execution of this.#executions.values()) execution.abort();
    await Promise.allSettled([...this.#executions.values()].map((execution) => execution.finished));
  }

  async reconcile(key: ObjectKey): Promise<Result | void> {
    const run = await this.#read(key);
    if (run === undefined) {
      this.#forget(key);
      await removeTaskRunLog(this.#options.dataDir, key);
      return;
    }
    const uid = run.metadata.uid ?? "";
    if (isDone(run) || run.metadata.deletionTimestamp !== undefined) {
      this.#executions.get(uid)?.abort();
      this.#executions.delete(uid);
      return;
    }
    const status = structuredClone(run.status ?? {});
    const result = await this.#advance(run, status);
    await this.#write(run, status);
    if (isDone({ ...run, status })) this.#executions.delete(uid);
    return result;
  }

  /** Stops what still runs for a TaskRun that was deleted: with it went its uid, so its name has to do. */
  #forget(key: ObjectKey): void {
    for (const [uid, execution] of this.#executions) {
      if (formatKey(execution.key) !== formatKey(key)) continue;
      execution.abort();
      this.#executions.delete(uid);
    }
  }

  async #advance(run: TaskRun, status: TaskRunStatus): Promise<Result | void> {
    const execution = this.#executions.get(run.metadata.uid ?? "");
    const now = this.#options.now();
    const stopped = stopReason(run, status, now);
    if (stopped !== undefined) {
      execution?.abort();
      await execution?.finished;
      endSteps(status, status.taskSpec ?? {}, execution?.startedAt ?? now, now, 1);
      setTaskRunCondition(status, now, { status: "False", ...stopped });
      return;
    }
    if (execution?.outcome !== undefined) {
      this.#finish(run, status, execution);
      return isDone({ ...run, status }) ? undefined : { requeueAfter: 0 };
    }
    if (execution === undefined) {
      if (this.#executions.size >= MAX_EXECUTIONS) return { requeueAfter: BUSY_RETRY_MS };
      try {
        await this.#start(run, status);
      } catch (error) {
        if (!(error instanceof TaskRunRefusedError)) throw error;
        status.startTime ??= formatTime(now);
        setTaskRunCondition(status, now, { status: "False", reason: error.reason, message: error.message });
        return;
      }
    }
    return untilTimeout(run, status, now);
  }

  #finish(run: TaskRun, status: TaskRunStatus, execution: Execution): void {
    const { outcome, startedAt } = execution;
    if (outcome === undefined) return;
    markFinished(status, status.taskSpec ?? {}, startedAt, outcome);
    this.#executions.delete(run.metadata.uid ?? "");
    const attempts = status.retriesStatus ?? [];
    if (outcome.failure === undefined || attempts.length >= (run.spec.retries ?? 0)) return;
    const { retriesStatus: _earlier, taskSpec, ...attempt } = structuredClone(status);
    status.retriesStatus = [...attempts, attempt];
    delete status.completionTime;
    delete status.startTime;
    if (taskSpec !== undefined) status.taskSpec = taskSpec;
    setTaskRunCondition(status, outcome.finishedAt, {
      status: "Unknown",
      reason: "ToBeRetried",
      message: outcome.failure,
    });
  }

  async #start(run: TaskRun, status: TaskRunStatus): Promise<void> {
    const { name, taskSpec } = await this.#taskOf(run);
    const task = this.#tasks.get(name);
    if (task === undefined) {
      const message = `Task "${name}" has no native executor, and ai-edge does not run steps in containers yet: use one of ${[...this.#tasks.keys()].join(", ")}, or run it on a cluster with Tekton`;
      throw new TaskRunRefusedError("TaskRunExecutorMissing", message);
    }
    const params = this.#params(run, name, taskSpec);
    await this.#mark(run, name);
    markRunning(status, taskSpec, this.#options.now());
    // Running is on record before anything has effects.
    const written = await this.#write(run, status);
    const execution = new Execution(task, { taskRun: written, taskSpec, params }, this.#options);
    this.#executions.set(run.metadata.uid ?? "", execution);
    void execution.finished.then(() => this.wake(keyOf(run)));
  }

  async #taskOf(run: TaskRun): Promise<{ name: string; taskSpec: TaskSpec }> {
    const { taskRef, taskSpec } = run.spec;
    if (taskSpec !== undefined) return { name: "(inline taskSpec)", taskSpec };
    try {
      const { name, spec } = await resolveTask(
        this.#options.client,
        run.metadata.namespace ?? "",
        taskRef ?? {},
      );
      return { name, taskSpec: spec };
    } catch (error) {
      if (!(error instanceof ResolutionError)) throw error;
      throw new TaskRunRefusedError("TaskRunResolutionFailed", error.message);
    }
  }

  #params(run: TaskRun, task: string, taskSpec: TaskSpec): Map<string, TektonValue> {
    const context: Record<string, string> = {
      "context.taskRun.name": run.metadata.name,
      "context.taskRun.namespace": run.metadata.namespace ?? "",
      "context.taskRun.uid": run.metadata.uid ?? "",
      "context.task.name": task,
    };
    const lookup: Lookup = (name) => (Object.hasOwn(context, name) ? context[name] : undefined);
    try {
      return resolveParams(taskSpec.params ?? [], run.spec.params ?? [], lookup);
    } catch (error) {
      if (error instanceof ParamError)
        throw new TaskRunRefusedError("TaskRunValidationFailed", `Task "${task}": ${error.message}`);
      throw error;
    }
  }

  /** Says on the TaskRun which Task it is of and that it ran natively: that choice is never silent. */
  async #mark(run: TaskRun, task: string): Promise<void> {
    if (
      run.metadata.annotations?.[ANNOTATION_TASK_EXECUTOR] === "native" &&
      run.metadata.labels?.[LABEL_TEKTON_TASK] === task
    )
      return;
    const body = {
      metadata: {
        annotations: { [ANNOTATION_TASK_EXECUTOR]: "native" },
        labels: { [LABEL_TEKTON_TASK]: task },
      },
    };
    await this.#options.client.patch(
      TaskRun,
      keyOf(run),
      { type: "merge", body },
      { fieldManager: FIELD_MANAGER },
    );
  }

  async #write(run: TaskRun, status: TaskRunStatus): Promise<TaskRun> {
    const before = this.#written.get(run) ?? run;
    const after = { ...run, status: structuredClone(status) };
    await patchStatus(this.#options.client, TaskRun, before, after, { fieldManager: FIELD_MANAGER });
    this.#written.set(run, after);
    return after;
  }

  /** The last version written in one reconcile, so that a second write sends only what is new. */
  readonly #written = new WeakMap<TaskRun, TaskRun>();

  async #read(key: ObjectKey): Promise<TaskRun | undefined> {
    try {
      return await this.#options.client.get(TaskRun, key);
    } catch (error) {
      if (isStatus(error, "NotFound")) return undefined;
      throw error;
    }
  }
}

/** Why a TaskRun has to stop now: the user said so, or its time is up. */
function stopReason(
  run: TaskRun,
  status: TaskRunStatus,
  now: Date,
): { reason: string; message: string } | undefined {
  const { name } = run.metadata;
  if (run.spec.status === "TaskRunCancelled") {
    const detail = run.spec.statusMessage === undefined ? "" : ` ${run.spec.statusMessage}`;
    return { reason: "TaskRunCancelled", message: `TaskRun "${name}" was cancelled.${detail}` };
  }
  const timeout = run.spec.timeout ?? DEFAULT_TIMEOUT;
  const left = timeLeft(timeout, status, now);
  if (left === undefined || left > 0) return undefined;
  return { reason: "TaskRunTimeout", message: `TaskRun "${name}" failed to finish within "${timeout}"` };
}

function untilTimeout(run: TaskRun, status: TaskRunStatus, now: Date): Result | void {
  const left = timeLeft(run.spec.timeout ?? DEFAULT_TIMEOUT, status, now);
  return left === undefined ? undefined : { requeueAfter: Math.max(left, 1) };
}

/** Milliseconds; undefined when there is no limit. A timeout that cannot be read counts as the default. */
function timeLeft(timeout: string, status: TaskRunStatus, now: Date): number | undefined {
  let limit: number;
  try {
    limit = parseDuration(timeout);
  } catch {
    limit = parseDuration(DEFAULT_TIMEOUT);
  }
  if (limit === 0) return undefined;
  return limit - (now.getTime() - Date.parse(status.startTime ?? formatTime(now)));
}
