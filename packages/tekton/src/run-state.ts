import type { PipelineRun, TaskRun } from "@ai-edge/api";
import { TEKTON_SUCCEEDED } from "@ai-edge/api";
import { findCondition } from "@ai-edge/apimachinery";
import type { Condition } from "@ai-edge/apimachinery";

/** The one condition of a run. */
export function succeededCondition(run: PipelineRun | TaskRun): Condition | undefined {
  return findCondition(run.status?.conditions, TEKTON_SUCCEEDED);
}

/** True once a run has its outcome, good or bad. */
export function isDone(run: PipelineRun | TaskRun): boolean {
  const status = succeededCondition(run)?.status;
  return status === "True" || status === "False";
}
