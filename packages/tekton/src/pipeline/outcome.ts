import type {
  ChildReference,
  PipelineRun,
  PipelineRunStatus,
  PipelineSpec,
  PipelineTask,
  WhenExpression,
} from "@ai-edge/api";
import { TEKTON_SUCCEEDED } from "@ai-edge/api";
import { formatTime, withCondition } from "@ai-edge/apimachinery";
import type { Condition } from "@ai-edge/apimachinery";
import { succeededCondition } from "../run-state.ts";
import { referencesIn, substituteDeep, substituteValue } from "../substitution.ts";
import type { Lookup } from "../substitution.ts";
import type { Progress, TaskProgress } from "./progress.ts";
import { progressLookup } from "./progress.ts";

/** Of a failed task's message, what the run's own message repeats. */
const MAX_CAUSE_CHARS = 1_000;

/** Sets the run's condition; with an outcome also its completion time. */
export function setCondition(
  status: PipelineRunStatus,
  now: Date,
  condition: Pick<Condition, "status" | "reason" | "message">,
): void {
  status.conditions = withCondition(status.conditions, { type: TEKTON_SUCCEEDED, ...condition }, now);
  if (condition.status !== "Unknown") status.completionTime ??= formatTime(now);
}

/** Condition, children, skipped tasks and results of a run, in upstream's words, from its progress. */
export function describeProgress(
  status: PipelineRunStatus,
  spec: PipelineSpec,
  progress: Progress,
  now: Date,
  stopped: StopCause | undefined,
): void {
  const lookup = progressLookup(progress.tasks);
  status.childReferences = progress.tasks.flatMap((entry) => childReference(entry, lookup));
  const skipped = progress.tasks.flatMap(({ state, skipReason, task }) =>
    state === "skipped" && skipReason !== undefined
      ? [
          {
            name: task.name,
            reason: skipReason,
            ...whenExpressions(task, lookup),
          },
        ]
      : [],
  );
  if (skipped.length > 0) status.skippedTasks = skipped;
  if (!progress.done) {
    const stopping = progress.tasks.some((entry) => entry.state === "failed");
    const reason = stopped?.runningReason ?? (stopping ? "PipelineRunStopping" : "Running");
    setCondition(status, now, { status: "Unknown", reason, message: countTasks(progress, true) });
    return;
  }
  const { results, missing } = pipelineResults(spec, progress);
  if (results.length > 0) status.results = results;
  setCondition(status, now, stopped?.final ?? finalCondition(progress, missing));
}

/** Why a run ends before its tasks are through. */
export interface StopCause {
  runningReason: string;
  final: Pick<Condition, "status" | "reason" | "message">;
}

function finalCondition(
  progress: Progress,
  missing: string[],
): Pick<Condition, "status" | "reason" | "message"> {
  const failed = progress.tasks.filter((entry) => entry.state === "failed");
  const message = countTasks(progress, false);
  if (failed.length > 0)
    return {
      status: "False",
      reason: "Failed",
      message: [message, ...failed.map((entry) => cause(entry))].join(". "),
    };
  if (progress.tasks.some((entry) => entry.state === "cancelled"))
    return { status: "False", reason: "Cancelled", message };
  if (missing.length > 0) {
    return {
      status: "False",
      reason: "CouldntGetPipelineResult",
      message: `${message}. Results that no task wrote: ${missing.join(", ")}`,
    };
  }
  const skipped = progress.tasks.some((entry) => entry.state === "skipped");
  return { status: "True", reason: skipped ? "Completed" : "Succeeded", message };
}

/** Our addition to upstream's message: people look at the run first, and there is why it failed. */
function cause({ task, taskRun }: TaskProgress): string {
  const message = taskRun === undefined ? undefined : succeededCondition(taskRun)?.message;
  return `${task.name}: ${(message ?? "it gave no reason").slice(0, MAX_CAUSE_CHARS)}`;
}

function countTasks(progress: Progress, running: boolean): string {
  const count = (...states: TaskProgress["state"][]): number =>
    progress.tasks.filter((entry) => states.includes(entry.state)).length;
  const completed = `Tasks Completed: ${count("succeeded", "failed", "cancelled")} (Failed: ${count("failed")}, Cancelled ${count("cancelled")})`;
  const incomplete = running ? `, Incomplete: ${count("waiting", "ready", "running")}` : "";
  return `${completed}${incomplete}, Skipped: ${count("skipped")}`;
}

/** With their variables filled in, so that one sees why. */
function whenExpressions(task: PipelineTask, lookup: Lookup): { whenExpressions?: WhenExpression[] } {
  return task.when === undefined ? {} : { whenExpressions: substituteDeep(task.when, lookup) };
}

function childReference({ task, taskRun }: TaskProgress, lookup: Lookup): ChildReference[] {
  if (taskRun === undefined) return [];
  return [
    {
      apiVersion: "tekton.dev/v1",
      kind: "TaskRun",
      name: taskRun.metadata.name,
      pipelineTaskName: task.name,
      ...whenExpressions(task, lookup),
    },
  ];
}

/** Results whose tasks failed or were skipped are left out; a task that succeeded without writing one is a fault. */
function pipelineResults(
  spec: PipelineSpec,
  progress: Progress,
): { results: NonNullable<PipelineRunStatus["results"]>; missing: string[] } {
  const lookup = progressLookup(progress.tasks);
  const succeeded = new Set(
    progress.tasks.filter((entry) => entry.state === "succeeded").map((entry) => entry.task.name),
  );
  const results: NonNullable<PipelineRunStatus["results"]> = [];
  const missing: string[] = [];
  for (const { name, value } of spec.results ?? []) {
    const lacking = referencesIn(value).filter(
      (reference) =>
        /^(tasks|finally)\./.test(reference.name) &&
        lookup(reference.name) === undefined &&
        lookup(reference.name.replace(/\.[^.]+$/, "")) === undefined,
    );
    if (lacking.length === 0) results.push({ name, value: substituteValue(value, lookup) });
    else if (lacking.some((reference) => succeeded.has(reference.name.split(".")[1] ?? "")))
      missing.push(name);
  }
  return { results, missing };
}

/** The name by which a run's Pipeline is known: in labels, and as `context.pipeline.name`. */
export function pipelineNameOf(run: PipelineRun): string {
  const { pipelineRef } = run.spec;
  const resolved = pipelineRef?.params?.find((param) => param.name === "name")?.value;
  return pipelineRef?.name ?? (typeof resolved === "string" ? resolved : run.metadata.name);
}
