import { type Condition, type KubernetesObject, resourceType } from "@ai-edge/apimachinery";
import type { EnvVar, Volume } from "./pod.ts";
import type { PersistentVolumeClaim } from "./core.ts";

/** The value of a parameter or result: Tekton's `string`, `array` or `object`. */
export type TektonValue = string | string[] | Record<string, string>;
export type TektonValueType = "string" | "array" | "object";

export interface TektonParam {
  name: string;
  value: TektonValue;
}

export interface TektonParamSpec {
  name: string;
  type?: TektonValueType;
  description?: string;
  default?: TektonValue;
  /** The values that a string parameter may have. */
  enum?: string[];
  properties?: Record<string, { type?: "string" }>;
}

/** Names a Task or Pipeline: in the run's namespace by `name`, or by a resolver (`cluster`, `git`, …). */
export interface TektonRef {
  name?: string;
  kind?: string;
  apiVersion?: string;
  resolver?: string;
  params?: TektonParam[];
}

export interface TektonResultSpec {
  name: string;
  type?: TektonValueType;
  description?: string;
  properties?: Record<string, { type?: "string" }>;
}

export interface TektonResult {
  name: string;
  type?: TektonValueType;
  value: TektonValue;
}

export interface TektonStep {
  name?: string;
  image?: string;
  command?: string[];
  args?: string[];
  script?: string;
  workingDir?: string;
  env?: EnvVar[];
  [field: string]: unknown;
}

export interface TaskSpec {
  displayName?: string;
  description?: string;
  params?: TektonParamSpec[];
  steps?: TektonStep[];
  results?: TektonResultSpec[];
  workspaces?: TaskWorkspace[];
  volumes?: Volume[];
  sidecars?: TektonStep[];
  stepTemplate?: TektonStep;
}

export interface TaskWorkspace {
  name: string;
  description?: string;
  mountPath?: string;
  readOnly?: boolean;
  optional?: boolean;
}

export interface Task extends KubernetesObject {
  spec: TaskSpec;
}
export const Task = resourceType<Task>("tekton.dev/v1", "Task", "tasks", { namespaced: true });

export interface WhenExpression {
  input?: string;
  operator?: "in" | "notin";
  values?: string[];
  cel?: string;
}

export interface PipelineTask {
  name: string;
  displayName?: string;
  description?: string;
  taskRef?: TektonRef;
  taskSpec?: TaskSpec & {
    metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> };
  };
  runAfter?: string[];
  params?: TektonParam[];
  workspaces?: { name: string; workspace?: string; subPath?: string }[];
  when?: WhenExpression[];
  retries?: number;
  timeout?: string;
  matrix?: Record<string, unknown>;
  onError?: string;
}

export interface PipelineSpec {
  displayName?: string;
  description?: string;
  params?: TektonParamSpec[];
  tasks?: PipelineTask[];
  finally?: PipelineTask[];
  workspaces?: { name: string; description?: string; optional?: boolean }[];
  results?: { name: string; type?: TektonValueType; description?: string; value: TektonValue }[];
}

export interface Pipeline extends KubernetesObject {
  spec: PipelineSpec;
}
export const Pipeline = resourceType<Pipeline>("tekton.dev/v1", "Pipeline", "pipelines", {
  namespaced: true,
});

/** What a workspace of a run is: at most one source is set. */
export interface WorkspaceBinding {
  name: string;
  subPath?: string;
  emptyDir?: Record<string, unknown>;
  persistentVolumeClaim?: { claimName: string; readOnly?: boolean };
  volumeClaimTemplate?: Pick<PersistentVolumeClaim, "spec"> & {
    metadata?: Partial<PersistentVolumeClaim["metadata"]>;
  };
  configMap?: { name: string; items?: { key: string; path: string }[]; optional?: boolean };
  secret?: { secretName: string; items?: { key: string; path: string }[]; optional?: boolean };
  projected?: Record<string, unknown>;
  csi?: Record<string, unknown>;
}

export interface PipelineRunSpec {
  pipelineRef?: TektonRef;
  pipelineSpec?: PipelineSpec;
  params?: TektonParam[];
  /** `Cancelled`, `CancelledRunFinally`, `StoppedRunFinally` or `PipelineRunPending`. */
  status?: string;
  /** Go durations; "0" means none. */
  timeouts?: { pipeline?: string; tasks?: string; finally?: string };
  taskRunTemplate?: { serviceAccountName?: string; podTemplate?: Record<string, unknown> };
  workspaces?: WorkspaceBinding[];
  taskRunSpecs?: Record<string, unknown>[];
}

export interface ChildReference {
  apiVersion?: string;
  kind?: string;
  name: string;
  pipelineTaskName: string;
  whenExpressions?: WhenExpression[];
}

export interface PipelineRunStatus {
  observedGeneration?: number;
  conditions?: Condition[];
  startTime?: string;
  completionTime?: string;
  finallyStartTime?: string;
  results?: { name: string; value: TektonValue }[];
  pipelineSpec?: PipelineSpec;
  childReferences?: ChildReference[];
  skippedTasks?: { name: string; reason: string; whenExpressions?: WhenExpression[] }[];
  annotations?: Record<string, string>;
}

export interface PipelineRun extends KubernetesObject {
  spec: PipelineRunSpec;
  status?: PipelineRunStatus;
}
export const PipelineRun = resourceType<PipelineRun>("tekton.dev/v1", "PipelineRun", "pipelineruns", {
  namespaced: true,
});

export interface TaskRunSpec {
  taskRef?: TektonRef;
  taskSpec?: TaskSpec;
  params?: TektonParam[];
  serviceAccountName?: string;
  /** `TaskRunCancelled`. */
  status?: string;
  statusMessage?: string;
  /** A Go duration. */
  timeout?: string;
  retries?: number;
  workspaces?: WorkspaceBinding[];
  podTemplate?: Record<string, unknown>;
}

export interface StepState {
  name: string;
  container?: string;
  imageID?: string;
  waiting?: { reason?: string; message?: string };
  running?: { startedAt?: string };
  terminated?: {
    exitCode: number;
    reason?: string;
    message?: string;
    startedAt?: string;
    finishedAt?: string;
  };
  terminationReason?: string;
}

export interface TaskRunStatus {
  observedGeneration?: number;
  conditions?: Condition[];
  podName?: string;
  startTime?: string;
  completionTime?: string;
  steps?: StepState[];
  results?: TektonResult[];
  taskSpec?: TaskSpec;
  retriesStatus?: TaskRunStatus[];
  annotations?: Record<string, string>;
}

export interface TaskRun extends KubernetesObject {
  spec: TaskRunSpec;
  status?: TaskRunStatus;
}
export const TaskRun = resourceType<TaskRun>("tekton.dev/v1", "TaskRun", "taskruns", { namespaced: true });

/** The condition type of runs. */
export const TEKTON_SUCCEEDED = "Succeeded";
export const LABEL_TEKTON_PIPELINE = "tekton.dev/pipeline";
export const LABEL_TEKTON_PIPELINE_RUN = "tekton.dev/pipelineRun";
export const LABEL_TEKTON_PIPELINE_RUN_UID = "tekton.dev/pipelineRunUID";
export const LABEL_TEKTON_PIPELINE_TASK = "tekton.dev/pipelineTask";
export const LABEL_TEKTON_MEMBER_OF = "tekton.dev/memberOf";
export const LABEL_TEKTON_TASK = "tekton.dev/task";
/** Our own: "native" says that the Task's steps ran as an executor of ours instead of in containers. */
export const ANNOTATION_TASK_EXECUTOR = "aiedge.dev/executor";
