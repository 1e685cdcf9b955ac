import type { PipelineRun, PipelineSpec, PipelineTask, TaskSpec } from "@ai-edge/api";
import type { Client } from "@ai-edge/client";
import { ResolutionError, resolveTask } from "../resolution.ts";
import { resultsUsed } from "./graph.ts";
import { RunRefusedError } from "./validation.ts";

/**
 * Checks every task of a Pipeline against the Task that it names, before the first one runs: upstream finds a missing
 * Task, parameter or workspace only when that task's turn comes (opendatahub-io/ai-edge#190).
 * @throws RunRefusedError CouldntGetTask, ParameterMissing, RequiredWorkspaceMarkedOptional,
 *   InvalidWorkspaceBindings, InvalidTaskResultReference
 */
export async function checkTaskReferences(
  client: Client,
  run: PipelineRun,
  spec: PipelineSpec,
): Promise<void> {
  const tasks = [...(spec.tasks ?? []), ...(spec.finally ?? [])];
  const specs = new Map<string, TaskSpec>();
  for (const task of tasks) specs.set(task.name, await taskSpecOf(client, run, task));
  for (const task of tasks) {
    const taskSpec = specs.get(task.name) ?? {};
    requireParams(task, taskSpec);
    requireWorkspaces(run, spec, task, taskSpec);
    for (const { task: producer, result } of resultsUsed(task)) {
      const declared = specs.get(producer)?.results ?? [];
      if (!declared.some((entry) => entry.name === result)) {
        throw new RunRefusedError(
          "InvalidTaskResultReference",
          `task ${task.name} uses result ${result} of task ${producer}, which its Task does not declare`,
        );
      }
    }
  }
}

async function taskSpecOf(client: Client, run: PipelineRun, task: PipelineTask): Promise<TaskSpec> {
  if (task.taskRef === undefined) return task.taskSpec ?? {};
  try {
    return (await resolveTask(client, run.metadata.namespace ?? "", task.taskRef)).spec;
  } catch (error) {
    if (!(error instanceof ResolutionError)) throw error;
    throw new RunRefusedError(
      "CouldntGetTask",
      `task ${task.name} of PipelineRun ${run.metadata.name} cannot be found: ${error.message}`,
    );
  }
}

function requireParams(task: PipelineTask, taskSpec: TaskSpec): void {
  const given = new Set((task.params ?? []).map((param) => param.name));
  const missing = (taskSpec.params ?? []).filter(
    (param) => param.default === undefined && !given.has(param.name) && task.taskSpec === undefined,
  );
  if (missing.length === 0) return;
  throw new RunRefusedError(
    "ParameterMissing",
    `task ${task.name} gets no value for: [${missing.map((param) => param.name).join(" ")}]`,
  );
}

function requireWorkspaces(
  run: PipelineRun,
  spec: PipelineSpec,
  task: PipelineTask,
  taskSpec: TaskSpec,
): void {
  for (const workspace of taskSpec.workspaces ?? []) {
    if (workspace.optional === true) continue;
    const use = task.workspaces?.find((entry) => entry.name === workspace.name);
    if (use === undefined) {
      throw new RunRefusedError(
        "InvalidWorkspaceBindings",
        `task ${task.name} binds nothing to workspace "${workspace.name}", which its Task requires`,
      );
    }
    const source = use.workspace ?? use.name;
    const isOptional = spec.workspaces?.find((entry) => entry.name === source)?.optional === true;
    if (isOptional && run.spec.workspaces?.some((entry) => entry.name === source) !== true) {
      throw new RunRefusedError(
        "RequiredWorkspaceMarkedOptional",
        `task ${task.name} requires workspace "${workspace.name}", but the optional workspace "${source}" of the Pipeline is not bound`,
      );
    }
  }
}
