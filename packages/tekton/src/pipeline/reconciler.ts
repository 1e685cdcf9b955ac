import {
  LABEL_TEKTON_PIPELINE_RUN,
  LABEL_TEKTON_PIPELINE_TASK,
  PersistentVolumeClaim,
  PipelineRun,
  TaskRun,
} from "@ai-edge/api";
import type { PipelineRunStatus, PipelineSpec } from "@ai-edge/api";
import { controllerOf, controllerReference, formatTime, isStatus, keyOf } from "@ai-edge/apimachinery";
import type { ObjectKey, StatusReason } from "@ai-edge/apimachinery";
import type { Client } from "@ai-edge/client";
import { patchStatus } from "@ai-edge/runtime";
import type { Result } from "@ai-edge/runtime";
import { claimName } from "../child-name.ts";
import { parseDuration } from "../duration.ts";
import { ResolutionError, resolvePipeline } from "../resolution.ts";
import { isDone } from "../run-state.ts";
import { GraphError } from "./graph.ts";
import { describeProgress, pipelineNameOf, setCondition } from "./outcome.ts";
import type { StopCause } from "./outcome.ts";
import { progressLookup, progressOf } from "./progress.ts";
import type { Progress } from "./progress.ts";
import { SKIP } from "./skip-reason.ts";
import type { SkipReason } from "./skip-reason.ts";
import { checkTaskReferences } from "./task-references.ts";
import { taskRunFor } from "./task-run-template.ts";
import { preparePipeline, RunRefusedError } from "./validation.ts";

/** Tekton's default for a run that sets no timeout. */
const DEFAULT_TIMEOUT = "1h0m0s";
/** Answers of the API server that only a change of the run can alter. */
const REFUSALS: StatusReason[] = ["Invalid", "BadRequest", "RequestEntityTooLarge"];
const FIELD_MANAGER = "ai-edge-tekton";

interface Stop {
  tasks?: SkipReason;
  finally?: SkipReason;
  /** TaskRuns that run are cancelled. */
  cancelRunning: boolean;
  cause?: StopCause;
}

/** Takes PipelineRuns from one TaskRun to the next. Every step follows from the API objects alone. */
export class PipelineRunReconciler {
  readonly #client: Client;
  readonly #now: () => Date;

  constructor(options: { client: Client; now: () => Date }) {
    this.#client = options.client;
    this.#now = options.now;
  }

  async reconcile(key: ObjectKey): Promise<Result | void> {
    const run = await this.#read(key);
    if (run === undefined || run.metadata.deletionTimestamp !== undefined || isDone(run)) return;
    const status: PipelineRunStatus = structuredClone(run.status ?? {});
    let result: Result | void = undefined;
    try {
      result = await this.#advance(run, status);
    } catch (error) {
      if (!(error instanceof RunRefusedError) && !(error instanceof GraphError)) throw error;
      await this.#cancelTaskRuns(await this.#taskRuns(run));
      setCondition(status, this.#now(), { status: "False", reason: error.reason, message: error.message });
    }
    await patchStatus(this.#client, PipelineRun, run, { ...run, status }, { fieldManager: FIELD_MANAGER });
    return result;
  }

  async #advance(run: PipelineRun, status: PipelineRunStatus): Promise<Result | void> {
    const now = this.#now();
    if (run.spec.status === "PipelineRunPending") {
      setCondition(status, now, {
        status: "Unknown",
        reason: "PipelineRunPending",
        message: `PipelineRun "${run.metadata.name}" is pending`,
      });
      return;
    }
    status.startTime ??= formatTime(now);
    status.pipelineSpec ??= await this.#prepare(run);
    const spec = status.pipelineSpec;
    await this.#createClaims(run);
    const taskRuns = await this.#taskRuns(run);
    const stop = stopOf(run, status, now);
    let progress = progressOf(spec, taskRuns, stop);
    if (stop.cancelRunning) await this.#cancelTaskRuns(taskRuns);
    if (progress.tasks.some((entry) => entry.state === "ready")) {
      await this.#startReady(run, progress, taskRuns);
      progress = progressOf(spec, taskRuns, stop);
    }
    if (progress.tasksDone && spec.finally !== undefined) status.finallyStartTime ??= formatTime(now);
    describeProgress(status, spec, progress, now, stop.cause);
    return progress.done ? undefined : untilTimeout(run, status, now);
  }

  /** Everything that can be wrong with a run is found here, before anything of it exists. */
  async #prepare(run: PipelineRun): Promise<PipelineSpec> {
    const namespace = run.metadata.namespace ?? "";
    const name = pipelineNameOf(run);
    for (const timeout of Object.values(run.spec.timeouts ?? {})) requireDuration(timeout);
    let spec = run.spec.pipelineSpec;
    if (spec === undefined) {
      try {
        spec = (await resolvePipeline(this.#client, namespace, run.spec.pipelineRef ?? {})).spec;
      } catch (error) {
        if (!(error instanceof ResolutionError)) throw error;
        throw new RunRefusedError(
          "CouldntGetPipeline",
          `Error retrieving pipeline for pipelinerun ${namespace}/${run.metadata.name}: ${error.message}`,
        );
      }
    }
    const prepared = preparePipeline(run, name, spec);
    await checkTaskReferences(this.#client, run, prepared);
    return prepared;
  }

  async #startReady(run: PipelineRun, progress: Progress, taskRuns: Map<string, TaskRun>): Promise<void> {
    const results = progressLookup(progress.tasks);
    for (const entry of progress.tasks) {
      if (entry.state !== "ready") continue;
      const taskRun = taskRunFor({
        run,
        pipeline: pipelineNameOf(run),
        task: entry.task,
        finally: entry.finally,
        results,
      });
      taskRuns.set(entry.task.name, await this.#create(run, taskRun));
    }
  }

  /** The name is a function of run and task: a create that was repeated finds what the first one made. */
  async #create(run: PipelineRun, taskRun: TaskRun): Promise<TaskRun> {
    try {
      return await this.#client.create(TaskRun, taskRun, { fieldManager: FIELD_MANAGER });
    } catch (error) {
      if (isStatus(error, ...REFUSALS)) {
        throw new RunRefusedError(
          "CreateRunFailed",
          `TaskRun ${taskRun.metadata.name} was refused: ${error.message}`,
        );
      }
      if (!isStatus(error, "AlreadyExists")) throw error;
      const present = await this.#client.get(TaskRun, keyOf(taskRun));
      if (controllerOf(present)?.uid === run.metadata.uid) return present;
      throw new RunRefusedError(
        "CreateRunFailed",
        `TaskRun ${taskRun.metadata.name} exists and belongs to something else: delete it, or give the run another name`,
      );
    }
  }

  async #createClaims(run: PipelineRun): Promise<void> {
    const { namespace } = run.metadata;
    for (const { name: workspace, volumeClaimTemplate: template } of run.spec.workspaces ?? []) {
      if (template === undefined) continue;
      const name = claimName(template.metadata?.name, workspace, run.metadata.uid ?? "");
      const metadata = {
        name,
        ...(namespace === undefined ? {} : { namespace }),
        ...(template.metadata?.labels === undefined ? {} : { labels: template.metadata.labels }),
        ownerReferences: [controllerReference(run)],
      };
      try {
        await this.#client.create(
          PersistentVolumeClaim,
          { metadata, spec: template.spec },
          { fieldManager: FIELD_MANAGER },
        );
      } catch (error) {
        if (isStatus(error, "AlreadyExists")) continue;
        // What the API server refuses now it refuses for ever: the run cannot start.
        if (!isStatus(error, ...REFUSALS)) throw error;
        const message = `PipelineRun ${run.metadata.name} cannot get a volume for workspace "${workspace}": ${error.message}`;
        throw new RunRefusedError("CouldntCreateWorkspacePVC", message);
      }
    }
  }

  async #cancelTaskRuns(taskRuns: ReadonlyMap<string, TaskRun>): Promise<void> {
    for (const taskRun of taskRuns.values()) {
      if (isDone(taskRun) || taskRun.spec.status === "TaskRunCancelled") continue;
      const body = {
        spec: {
          status: "TaskRunCancelled",
          statusMessage: "TaskRun cancelled as the PipelineRun it belongs to has been cancelled.",
        },
      };
      await this.#client.patch(
        TaskRun,
        keyOf(taskRun),
        { type: "merge", body },
        { fieldManager: FIELD_MANAGER },
      );
    }
  }

  async #taskRuns(run: PipelineRun): Promise<Map<string, TaskRun>> {
    const labelSelector = `${LABEL_TEKTON_PIPELINE_RUN}=${run.metadata.name}`;
    const { items } = await this.#client.list(TaskRun, { namespace: run.metadata.namespace, labelSelector });
    const own = items.filter((item) => controllerOf(item)?.uid === run.metadata.uid);
    return new Map(own.map((item) => [item.metadata.labels?.[LABEL_TEKTON_PIPELINE_TASK] ?? "", item]));
  }

  async #read(key: ObjectKey): Promise<PipelineRun | undefined> {
    try {
      return await this.#client.get(PipelineRun, key);
    } catch (error) {
      if (isStatus(error, "NotFound")) return undefined;
      throw error;
    }
  }
}

/** What the user's `spec.status` and the clock say about going on. */
function stopOf(run: PipelineRun, status: PipelineRunStatus, now: Date): Stop {
  const { name } = run.metadata;
  const cancelled = {
    status: "False" as const,
    reason: "Cancelled",
    message: `PipelineRun "${name}" was cancelled`,
  };
  switch (run.spec.status) {
    case "Cancelled":
      return {
        tasks: SKIP.gracefullyCancelled,
        finally: SKIP.gracefullyCancelled,
        cancelRunning: true,
        cause: { runningReason: "Cancelled", final: cancelled },
      };
    case "CancelledRunFinally":
      return {
        tasks: SKIP.gracefullyCancelled,
        cancelRunning: true,
        cause: { runningReason: "CancelledRunningFinally", final: cancelled },
      };
    case "StoppedRunFinally":
      return {
        tasks: SKIP.gracefullyStopped,
        cancelRunning: false,
        cause: { runningReason: "StoppedRunningFinally", final: cancelled },
      };
  }
  const elapsed = now.getTime() - Date.parse(status.startTime ?? formatTime(now));
  const total = run.spec.timeouts?.pipeline ?? DEFAULT_TIMEOUT;
  const limit = parseDuration(total);
  if (limit > 0 && elapsed >= limit) {
    const final = {
      status: "False" as const,
      reason: "PipelineRunTimeout",
      message: `PipelineRun "${name}" failed to finish within "${total}"`,
    };
    return {
      tasks: SKIP.pipelineTimeout,
      finally: SKIP.pipelineTimeout,
      cancelRunning: true,
      cause: { runningReason: "PipelineRunStopping", final },
    };
  }
  const tasksLimit = parseDuration(run.spec.timeouts?.tasks ?? "0");
  if (tasksLimit > 0 && elapsed >= tasksLimit && status.finallyStartTime === undefined)
    return { tasks: SKIP.tasksTimeout, cancelRunning: true };
  return { cancelRunning: false };
}

/** Wakes the run when its time is up; its TaskRuns wake it before. */
function untilTimeout(run: PipelineRun, status: PipelineRunStatus, now: Date): Result | void {
  const limits = [run.spec.timeouts?.pipeline ?? DEFAULT_TIMEOUT, run.spec.timeouts?.tasks ?? "0"].map(
    (text) => parseDuration(text),
  );
  const elapsed = now.getTime() - Date.parse(status.startTime ?? formatTime(now));
  const left = limits.map((limit) => limit - elapsed).filter((rest) => rest > 0);
  if (left.length > 0) return { requeueAfter: Math.min(...left) };
}

function requireDuration(text: string | undefined): void {
  try {
    if (text !== undefined) parseDuration(text);
  } catch (error) {
    throw new RunRefusedError(
      "PipelineValidationFailed",
      `spec.timeouts: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
