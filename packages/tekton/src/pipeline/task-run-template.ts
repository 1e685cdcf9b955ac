import {
  LABEL_TEKTON_MEMBER_OF,
  LABEL_TEKTON_PIPELINE,
  LABEL_TEKTON_PIPELINE_RUN,
  LABEL_TEKTON_PIPELINE_RUN_UID,
  LABEL_TEKTON_PIPELINE_TASK,
} from "@ai-edge/api";
import type { PipelineRun, PipelineTask, TaskRun, WorkspaceBinding } from "@ai-edge/api";
import { controllerReference } from "@ai-edge/apimachinery";
import { childName, claimName } from "../child-name.ts";
import { substituteDeep } from "../substitution.ts";
import type { Lookup } from "../substitution.ts";

export interface TaskRunTemplateOptions {
  run: PipelineRun;
  pipeline: string;
  task: PipelineTask;
  finally: boolean;
  /** Results and states of the tasks before it. */
  results: Lookup;
}

/** kubectl's copy of the run's own manifest would be wrong on its children. */
const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

/** The TaskRun of a pipeline task: named, labelled and owned as upstream's. */
export function taskRunFor(options: TaskRunTemplateOptions): TaskRun {
  const { run, pipeline, task, results } = options;
  const annotations = Object.fromEntries(
    Object.entries(run.metadata.annotations ?? {}).filter(([name]) => name !== LAST_APPLIED),
  );
  const serviceAccountName = run.spec.taskRunTemplate?.serviceAccountName;
  const { namespace } = run.metadata;
  return {
    apiVersion: "tekton.dev/v1",
    kind: "TaskRun",
    metadata: {
      name: taskRunName(run, task),
      ...(namespace === undefined ? {} : { namespace }),
      labels: {
        ...run.metadata.labels,
        "app.kubernetes.io/managed-by": "tekton-pipelines",
        [LABEL_TEKTON_PIPELINE]: pipeline,
        [LABEL_TEKTON_PIPELINE_RUN]: run.metadata.name,
        [LABEL_TEKTON_PIPELINE_RUN_UID]: run.metadata.uid ?? "",
        [LABEL_TEKTON_PIPELINE_TASK]: task.name,
        [LABEL_TEKTON_MEMBER_OF]: options.finally ? "finally" : "tasks",
      },
      annotations,
      ownerReferences: [controllerReference(run)],
    },
    spec: {
      ...(task.taskRef === undefined ? {} : { taskRef: substituteDeep(task.taskRef, results) }),
      ...(task.taskSpec === undefined ? {} : { taskSpec: substituteDeep(task.taskSpec, results) }),
      params: substituteDeep(task.params ?? [], results),
      workspaces: workspacesOf(run, task),
      ...(serviceAccountName === undefined ? {} : { serviceAccountName }),
      ...(task.timeout === undefined ? {} : { timeout: task.timeout }),
      ...(task.retries === undefined ? {} : { retries: task.retries }),
    },
  };
}

/** `<run>-<task>`, shortened as upstream does. */
function taskRunName(run: PipelineRun, task: PipelineTask): string {
  return childName(run.metadata.name, `-${task.name}`);
}

/** The run's workspace as the task sees it; optional ones that are not bound are left out. */
function workspacesOf(run: PipelineRun, task: PipelineTask): WorkspaceBinding[] {
  return (task.workspaces ?? []).flatMap(({ name, workspace = name, subPath }) => {
    const bound = run.spec.workspaces?.find((entry) => entry.name === workspace);
    if (bound === undefined) return [];
    const { volumeClaimTemplate, subPath: runPath, ...source } = bound;
    const path = [runPath, subPath].filter((part) => part !== undefined && part !== "").join("/");
    const claim =
      volumeClaimTemplate === undefined
        ? {}
        : {
            persistentVolumeClaim: {
              claimName: claimName(volumeClaimTemplate.metadata?.name, workspace, run.metadata.uid ?? ""),
            },
          };
    return [{ ...source, ...claim, name, ...(path === "" ? {} : { subPath: path }) }];
  });
}
