import type { StepState, TaskRunStatus, TaskSpec } from "@ai-edge/api";
import { TEKTON_SUCCEEDED } from "@ai-edge/api";
import { formatTime, withCondition } from "@ai-edge/apimachinery";
import type { Condition } from "@ai-edge/apimachinery";
import type { ExecutionOutcome } from "./execution.ts";

/** A condition is read by people and repeated on the PipelineRun; the log has the rest. */
const MAX_MESSAGE_CHARS = 2_000;

/** Sets the TaskRun's condition; with an outcome also its completion time. */
export function setTaskRunCondition(
  status: TaskRunStatus,
  now: Date,
  condition: Pick<Condition, "status" | "reason" | "message">,
): void {
  const message = (condition.message ?? "").slice(0, MAX_MESSAGE_CHARS);
  status.conditions = withCondition(
    status.conditions,
    { type: TEKTON_SUCCEEDED, ...condition, message },
    now,
  );
  if (condition.status !== "Unknown") status.completionTime = formatTime(now);
}

/** Marks a TaskRun as running since a time. */
export function markRunning(status: TaskRunStatus, taskSpec: TaskSpec, startedAt: Date): void {
  status.podName = "";
  status.startTime ??= formatTime(startedAt);
  status.taskSpec = taskSpec;
  status.steps = stepNames(taskSpec).map((name) => ({
    ...step(name),
    running: { startedAt: formatTime(startedAt) },
  }));
  setTaskRunCondition(status, startedAt, {
    status: "Unknown",
    reason: "Running",
    message: "Not all Steps in the Task have finished executing",
  });
}

/** Records how an execution ended. */
export function markFinished(
  status: TaskRunStatus,
  taskSpec: TaskSpec,
  startedAt: Date,
  outcome: ExecutionOutcome,
): void {
  const { failure, finishedAt } = outcome;
  endSteps(status, taskSpec, startedAt, finishedAt, failure === undefined ? 0 : 1);
  if (failure === undefined) {
    if (outcome.results.size > 0) {
      status.results = [...outcome.results].map(([name, value]) => ({
        name,
        type: Array.isArray(value) ? "array" : typeof value === "string" ? "string" : "object",
        value,
      }));
    }
    setTaskRunCondition(status, finishedAt, {
      status: "True",
      reason: "Succeeded",
      message: "All Steps have completed executing",
    });
  } else {
    setTaskRunCondition(status, finishedAt, { status: "False", reason: "Failed", message: failure });
  }
}

/** Ends every step with one exit code: a native Task is one piece of work, whatever steps upstream's Task lists. */
export function endSteps(
  status: TaskRunStatus,
  taskSpec: TaskSpec,
  startedAt: Date,
  finishedAt: Date,
  exitCode: number,
): void {
  const terminated = {
    exitCode,
    reason: exitCode === 0 ? "Completed" : "Error",
    startedAt: formatTime(startedAt),
    finishedAt: formatTime(finishedAt),
  };
  status.steps = stepNames(taskSpec).map((name) => ({
    ...step(name),
    terminated,
    terminationReason: terminated.reason,
  }));
}

function step(name: string): StepState {
  return { name, container: `step-${name}` };
}

function stepNames(taskSpec: TaskSpec): string[] {
  return (taskSpec.steps ?? []).map((entry, index) => entry.name ?? `unnamed-${index}`);
}
