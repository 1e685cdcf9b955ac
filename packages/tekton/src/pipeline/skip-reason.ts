/** Why a task did not run: Tekton's fixed strings (pkg/apis/pipeline/v1, SkippingReason). */
export const SKIP = {
  when: "When Expressions evaluated to false",
  parent: "Parent Tasks were skipped",
  results: "Results were missing",
  stopping: "PipelineRun was stopping",
  gracefullyCancelled: "PipelineRun was gracefully cancelled",
  gracefullyStopped: "PipelineRun was gracefully stopped",
  pipelineTimeout: "PipelineRun timeout has been reached",
  tasksTimeout: "PipelineRun Tasks timeout has been reached",
  finallyTimeout: "PipelineRun Finally timeout has been reached",
} as const;

export type SkipReason = (typeof SKIP)[keyof typeof SKIP];
