import type { PipelineRun, PipelineSpec, PipelineTask, TektonValue } from "@ai-edge/api";
import { formatKey, keyOf } from "@ai-edge/apimachinery";
import { ParamError, paramLookup, resolveParams } from "../params.ts";
import { substituteDeep, SubstitutionError } from "../substitution.ts";
import type { Lookup } from "../substitution.ts";
import { GraphError, validateGraph } from "./graph.ts";

/** Why a run cannot start; `reason` is Tekton's condition reason and `message` is for the user. */
export class RunRefusedError extends Error {
  override readonly name = "RunRefusedError";
  readonly reason: string;

  constructor(reason: string, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** What upstream's fetch pipelines do with the candidate in the end; upstream finds a wrong word only there. */
const UPON_END: readonly string[] = ["delete", "keep", "stop"];

/**
 * Checks a run against its Pipeline before anything runs, and returns the Pipeline with parameters, context and
 * workspace variables filled in.
 * @throws RunRefusedError with upstream's reason: ParameterMissing, ParameterTypeMismatch, InvalidParamValue,
 *   InvalidWorkspaceBindings, PipelineInvalidGraph, PipelineValidationFailed, InvalidTaskResultReference
 */
export function preparePipeline(run: PipelineRun, name: string, spec: PipelineSpec): PipelineSpec {
  const where = `PipelineRun ${formatKey(keyOf(run))}`;
  const pipeline = `Pipeline ${name}`;
  try {
    validateGraph(spec);
    requireWorkspaces(run, spec, where, pipeline);
    const context = runLookup(run, name, spec);
    const params = resolveParams(spec.params ?? [], run.spec.params ?? [], context);
    requireUponEnd(params);
    return fillIn(spec, params, context);
  } catch (error) {
    if (error instanceof GraphError)
      throw new RunRefusedError(error.reason, `${where}'s ${pipeline} is invalid: ${error.message}`);
    if (error instanceof SubstitutionError)
      throw new RunRefusedError("PipelineValidationFailed", `${where}: ${error.message}`);
    if (!(error instanceof ParamError)) throw error;
    const text =
      error.reason === "ParameterMissing"
        ? `is missing some parameters required by ${pipeline}`
        : `has parameters that do not fit ${pipeline}`;
    throw new RunRefusedError(error.reason, `${where} ${text}: ${error.message}`);
  }
}

function requireWorkspaces(run: PipelineRun, spec: PipelineSpec, where: string, pipeline: string): void {
  const bound = new Set((run.spec.workspaces ?? []).map((workspace) => workspace.name));
  const fail = (reason: string, problem: string): never => {
    throw new RunRefusedError(reason, `${where} doesn't bind ${pipeline}'s Workspaces correctly: ${problem}`);
  };
  for (const workspace of spec.workspaces ?? []) {
    if (workspace.optional !== true && !bound.has(workspace.name)) {
      fail(
        "InvalidWorkspaceBindings",
        `pipeline requires workspace with name "${workspace.name}" be provided by pipelinerun`,
      );
    }
  }
  const declared = new Set((spec.workspaces ?? []).map((workspace) => workspace.name));
  for (const task of [...(spec.tasks ?? []), ...(spec.finally ?? [])]) {
    for (const { name, workspace = name } of task.workspaces ?? []) {
      if (!declared.has(workspace))
        fail(
          "PipelineValidationFailed",
          `task ${task.name} uses workspace "${workspace}", which the Pipeline does not declare`,
        );
    }
  }
}

function requireUponEnd(params: ReadonlyMap<string, TektonValue>): void {
  const value = params.get("upon-end");
  if (value === undefined || (typeof value === "string" && UPON_END.includes(value))) return;
  throw new ParamError(
    "InvalidParamValue",
    `parameter upon-end is ${JSON.stringify(value)}: it must be one of ${UPON_END.join(", ")}`,
  );
}

/** `context.*` and `workspaces.*.bound` of a run. */
function runLookup(run: PipelineRun, pipeline: string, spec: PipelineSpec): Lookup {
  const bound = new Set((run.spec.workspaces ?? []).map((workspace) => workspace.name));
  const declared = new Set((spec.workspaces ?? []).map((workspace) => workspace.name));
  const context: Record<string, string> = {
    "context.pipelineRun.name": run.metadata.name,
    "context.pipelineRun.namespace": run.metadata.namespace ?? "",
    "context.pipelineRun.uid": run.metadata.uid ?? "",
    "context.pipeline.name": pipeline,
  };
  return (name) => {
    const workspace = /^workspaces\.(.+)\.bound$/.exec(name)?.[1];
    if (workspace !== undefined && declared.has(workspace)) return String(bound.has(workspace));
    return Object.hasOwn(context, name) ? context[name] : undefined;
  };
}

function fillIn(spec: PipelineSpec, params: ReadonlyMap<string, TektonValue>, context: Lookup): PipelineSpec {
  const values = paramLookup(params);
  const lookup: Lookup = (name) => values(name) ?? context(name);
  const next: PipelineSpec = { ...spec };
  if (spec.tasks !== undefined) next.tasks = spec.tasks.map((task) => fillInTask(task, lookup));
  if (spec.finally !== undefined) next.finally = spec.finally.map((task) => fillInTask(task, lookup));
  if (spec.results !== undefined) next.results = substituteDeep(spec.results, lookup);
  return next;
}

/** Inline Tasks see the Pipeline's parameters too, except those that they declare themselves. */
function fillInTask(task: PipelineTask, lookup: Lookup): PipelineTask {
  const { taskSpec, ...rest } = task;
  const retries = String(task.retries ?? 0);
  const outer: Lookup = (name) => (name === "context.pipelineTask.retries" ? retries : lookup(name));
  const filled = substituteDeep(rest, outer);
  if (taskSpec === undefined) return filled;
  const own = new Set((taskSpec.params ?? []).map((param) => `params.${param.name}`));
  return {
    ...filled,
    taskSpec: substituteDeep(taskSpec, (name) => (own.has(name) ? undefined : outer(name))),
  };
}
