import type { TaskRun, TektonValue } from "@ai-edge/api";
import type { Client } from "@ai-edge/client";
import { isAbsolute, normalize, relative, resolve, sep } from "node:path";
import { realpath } from "node:fs/promises";

/** A failure that the user can act on: its message goes to the TaskRun's condition and log. */
export class TaskError extends Error {
  override readonly name = "TaskError";
}

/** A well-known Task that runs inside this process, with the parameters, results and errors of upstream's Task. */
export interface NativeTask {
  /** Upstream's name of the Task. */
  readonly name: string;
  /** Does the work; may be called again for the same TaskRun after a restart, so it must not mind its own traces. */
  run(call: NativeTaskCall): Promise<void>;
}

export interface NativeTaskCallOptions {
  taskRun: TaskRun;
  params: ReadonlyMap<string, TektonValue>;
  /** Directories by workspace name; optional ones that are not bound are missing. */
  workspaces: ReadonlyMap<string, string>;
  /** A directory of this call alone; removed afterwards. */
  scratch: string;
  client: Client;
  now: () => Date;
  signal: AbortSignal;
  log: (line: string) => void;
}

/** What a native Task is given, and where it leaves its results. */
export class NativeTaskCall {
  readonly taskRun: TaskRun;
  readonly namespace: string;
  readonly scratch: string;
  readonly client: Client;
  readonly now: () => Date;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
  readonly results = new Map<string, TektonValue>();
  readonly #params: ReadonlyMap<string, TektonValue>;
  readonly #workspaces: ReadonlyMap<string, string>;

  constructor(options: NativeTaskCallOptions) {
    this.taskRun = options.taskRun;
    this.namespace = options.taskRun.metadata.namespace ?? "";
    this.scratch = options.scratch;
    this.client = options.client;
    this.now = options.now;
    this.signal = options.signal;
    this.log = options.log;
    this.#params = options.params;
    this.#workspaces = options.workspaces;
  }

  /** The first of these parameters that has a value; "" when none has. Upper and lower-case names are different. */
  text(...names: string[]): string {
    for (const name of names) {
      const value = this.#params.get(name);
      if (typeof value === "string" && value !== "") return value;
    }
    return "";
  }

  /** Like {@link text}, for parameters without which the Task has no meaning. @throws TaskError */
  required(...names: string[]): string {
    const value = this.text(...names);
    if (value === "") throw new TaskError(`parameter ${names.join(" or ")} is empty`);
    return value;
  }

  /** An array parameter; a text counts as a list of one. */
  list(name: string): string[] {
    const value = this.#params.get(name);
    if (Array.isArray(value)) return value;
    return typeof value === "string" && value !== "" ? [value] : [];
  }

  /** The directory of a workspace, or undefined when it is optional and not bound. */
  workspace(name: string): string | undefined {
    return this.#workspaces.get(name);
  }

  /** The directory of a workspace that must be bound. @throws TaskError */
  requiredWorkspace(name: string): string {
    const directory = this.workspace(name);
    if (directory === undefined) throw new TaskError(`workspace "${name}" is not bound`);
    return directory;
  }

  setResult(name: string, value: TektonValue): void {
    this.results.set(name, value);
  }
}

/**
 * The path of a parameter below a directory, whether it exists or not; links on the way may not lead out of it.
 * @throws TaskError for a path that leaves the directory
 */
export async function pathInside(directory: string, path: string): Promise<string> {
  const root = await realpath(directory);
  const target = resolve(root, normalize(`./${path}`));
  const outside = new TaskError(`path ${JSON.stringify(path)} leads out of its workspace`);
  if (!isBelow(root, target)) throw outside;
  let existing = target;
  for (;;) {
    try {
      if (!isBelow(root, await realpath(existing))) throw outside;
      return target;
    } catch (error) {
      if (error instanceof TaskError) throw error;
      if (existing === root) throw error;
      existing = resolve(existing, "..");
    }
  }
}

function isBelow(root: string, path: string): boolean {
  const way = relative(root, path);
  return way === "" || (way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way));
}
