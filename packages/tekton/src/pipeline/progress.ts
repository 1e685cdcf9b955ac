import type { PipelineSpec, PipelineTask, TaskRun, TektonValue } from "@ai-edge/api";
import { isDone, succeededCondition } from "../run-state.ts";
import { substituteDeep } from "../substitution.ts";
import type { Lookup } from "../substitution.ts";
import { dependencies, GraphError, resultsUsed } from "./graph.ts";
import { SKIP } from "./skip-reason.ts";
import type { SkipReason } from "./skip-reason.ts";
import { whenHolds } from "./when.ts";

type TaskState = "waiting" | "ready" | "running" | "succeeded" | "failed" | "cancelled" | "skipped";

/** Where one pipeline task stands. */
export interface TaskProgress {
  task: PipelineTask;
  finally: boolean;
  state: TaskState;
  skipReason?: SkipReason;
  taskRun?: TaskRun;
}

/** Where a whole run stands: the tasks in the order of the Pipeline, then the finally tasks. */
export interface Progress {
  tasks: TaskProgress[];
  /** Nothing of `tasks` runs or will run any more. */
  tasksDone: boolean;
  /** Nothing at all runs or will run any more. */
  done: boolean;
}

/**
 * Derives from the TaskRuns what is to do next. Pure: the same Pipeline and TaskRuns always give the same answer, so a
 * controller that was restarted goes on where the run stands.
 * @param taskRuns by pipeline task name
 * @param stop why no further tasks may start, apart from failures of tasks themselves
 * @throws GraphError InvalidTaskResultReference when a task did not write a result that another one uses
 */
export function progressOf(
  spec: PipelineSpec,
  taskRuns: ReadonlyMap<string, TaskRun>,
  stop: { tasks?: SkipReason; finally?: SkipReason } = {},
): Progress {
  const specTasks = spec.tasks ?? [];
  const byName = new Map<string, TaskProgress>();
  const started = specTasks.map((task) => stateOfRun(task, false, taskRuns.get(task.name)));
  const failed = started.some((entry) => entry?.state === "failed" || entry?.state === "cancelled");
  const halt = stop.tasks ?? (failed ? SKIP.stopping : undefined);
  const edges = dependencies(specTasks);
  const tasksByName = new Map(specTasks.map((task) => [task.name, task]));
  const visit = (task: PipelineTask): TaskProgress => {
    const known = byName.get(task.name);
    if (known !== undefined) return known;
    const before = [...(edges.get(task.name) ?? [])].flatMap((name) => {
      const predecessor = tasksByName.get(name);
      return predecessor === undefined ? [] : [visit(predecessor)];
    });
    const run = stateOfRun(task, false, taskRuns.get(task.name));
    const entry = run ?? { task, finally: false, ...unstarted(task, before, halt, taskRuns) };
    byName.set(task.name, entry);
    return entry;
  };
  const tasks = specTasks.map((task) => visit(task));
  const tasksDone = tasks.every((entry) => isFinal(entry.state));
  const finallyTasks = (spec.finally ?? []).map((task) =>
    finallyState(task, tasks, tasksDone, taskRuns, stop.finally),
  );
  const all = [...tasks, ...finallyTasks];
  return { tasks: all, tasksDone, done: all.every((entry) => isFinal(entry.state)) };
}

/** Looks up `tasks.<t>.results.<r>`, `tasks.<t>.status` and `tasks.status`. */
export function progressLookup(tasks: readonly TaskProgress[]): Lookup {
  const byName = new Map(tasks.map((entry) => [entry.task.name, entry]));
  return (name) => {
    if (name === "tasks.status") return aggregateStatus(tasks.filter((entry) => !entry.finally));
    const match = /^(?:tasks|finally)\.([^.]+)\.(results\.([^.]+)|status|reason)$/.exec(name);
    const entry = byName.get(match?.[1] ?? "");
    if (match === null || entry === undefined) return undefined;
    if (match[3] !== undefined) return resultOf(entry.taskRun, match[3]);
    if (match[2] === "reason")
      return entry.taskRun === undefined ? "" : (succeededCondition(entry.taskRun)?.reason ?? "");
    return { succeeded: "Succeeded", failed: "Failed", cancelled: "Failed" }[String(entry.state)] ?? "None";
  };
}

function aggregateStatus(tasks: readonly TaskProgress[]): string {
  if (tasks.some((entry) => entry.state === "failed" || entry.state === "cancelled")) return "Failed";
  if (!tasks.every((entry) => isFinal(entry.state))) return "None";
  return tasks.some((entry) => entry.state === "skipped") ? "Completed" : "Succeeded";
}

function resultOf(taskRun: TaskRun | undefined, name: string): TektonValue | undefined {
  return taskRun?.status?.results?.find((result) => result.name === name)?.value;
}

function stateOfRun(
  task: PipelineTask,
  isFinally: boolean,
  taskRun: TaskRun | undefined,
): TaskProgress | undefined {
  if (taskRun === undefined) return undefined;
  const condition = succeededCondition(taskRun);
  const entry = { task, finally: isFinally, taskRun };
  if (!isDone(taskRun)) return { ...entry, state: "running" };
  if (condition?.status === "True") return { ...entry, state: "succeeded" };
  return { ...entry, state: condition?.reason === "TaskRunCancelled" ? "cancelled" : "failed" };
}

function unstarted(
  task: PipelineTask,
  before: readonly TaskProgress[],
  halt: SkipReason | undefined,
  taskRuns: ReadonlyMap<string, TaskRun>,
): { state: TaskState; skipReason?: SkipReason } {
  if (halt !== undefined) return { state: "skipped", skipReason: halt };
  if (before.some((entry) => !isFinal(entry.state))) return { state: "waiting" };
  const skipReason = reasonToSkip(task, before, taskRuns);
  return skipReason === undefined ? { state: "ready" } : { state: "skipped", skipReason };
}

/** A skipped producer takes the users of its results with it; one skipped by `when` lets mere successors run. */
function reasonToSkip(
  task: PipelineTask,
  before: readonly TaskProgress[],
  taskRuns: ReadonlyMap<string, TaskRun>,
): SkipReason | undefined {
  const skipped = before.filter((entry) => entry.state === "skipped");
  if (skipped.some((entry) => entry.skipReason !== SKIP.when)) return SKIP.parent;
  const uses = resultsUsed(task);
  if (uses.some((use) => skipped.some((entry) => entry.task.name === use.task))) return SKIP.results;
  for (const use of uses) {
    const producer = taskRuns.get(use.task);
    if (producer !== undefined && resultOf(producer, use.result) === undefined) {
      throw new GraphError(
        "InvalidTaskResultReference",
        `task ${task.name} uses result ${use.result} of task ${use.task}, which did not write it`,
      );
    }
  }
  const when = substituteDeep(task.when ?? [], progressLookup(before));
  return when.every((expression) => whenHolds(expression)) ? undefined : SKIP.when;
}

function finallyState(
  task: PipelineTask,
  tasks: readonly TaskProgress[],
  tasksDone: boolean,
  taskRuns: ReadonlyMap<string, TaskRun>,
  halt: SkipReason | undefined,
): TaskProgress {
  const run = stateOfRun(task, true, taskRuns.get(task.name));
  if (run !== undefined) return run;
  const entry = { task, finally: true };
  if (halt !== undefined) return { ...entry, state: "skipped", skipReason: halt };
  if (!tasksDone) return { ...entry, state: "waiting" };
  const lookup = progressLookup(tasks);
  const lacking = resultsUsed(task).some(
    (use) => lookup(`tasks.${use.task}.results.${use.result}`) === undefined,
  );
  if (lacking) return { ...entry, state: "skipped", skipReason: SKIP.results };
  const when = substituteDeep(task.when ?? [], lookup);
  return when.every((expression) => whenHolds(expression))
    ? { ...entry, state: "ready" }
    : { ...entry, state: "skipped", skipReason: SKIP.when };
}

function isFinal(state: TaskState): boolean {
  return state !== "waiting" && state !== "ready" && state !== "running";
}
