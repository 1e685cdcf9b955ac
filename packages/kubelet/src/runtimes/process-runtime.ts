import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { constants } from "node:os";
import { isAbsolute, join, normalize } from "node:path";

import { LABEL_IMAGE_RUNTIME } from "@ai-edge/api";

import type {
  ContainerExit,
  ContainerRuntime,
  ContainerSpec,
  LocalImage,
  RunningContainer,
} from "./runtime.ts";

/** Remembers the process over the agent's death. */
const RECORD = "process.json";
/** Output of probes and hooks that is kept for the message of a failure. */
const MAX_EXEC_OUTPUT = 4 * 1024;
/** Variables of the agent that a container may see: where programs and temporary files are, nothing else. */
const INHERITED = ["PATH", "TMPDIR", "LANG"] as const;
/** Shell convention: a process ended by signal N has the exit code 128 + N. */
const SIGNAL_EXIT_BASE = 128;

export interface ProcessRuntimeOptions {
  env: NodeJS.ProcessEnv;
  /** What `node` means in an image: the agent's own. */
  nodePath: string;
  /** Arguments before the image's own when `node` is started, for example V8 limits. */
  nodeArguments: readonly string[];
}

/**
 * Runs a container as a child process, without any isolation: only for images that declare the contract of
 * docs/runtimes.md by the label `aiedge.dev/runtime=process`.
 */
export function createProcessRuntime(options: ProcessRuntimeOptions): ContainerRuntime {
  return {
    name: "process",
    refuses: async (image) =>
      declaresProcess(image)
        ? undefined
        : `image ${image.reference} does not declare the process runtime (label ${LABEL_IMAGE_RUNTIME}=process); install runc (as root) or run this site on a Kubernetes cluster`,
    start: (spec) => startProcess(spec, options),
    cleanUp: endRecorded,
  };
}

/** Whether the image says that it keeps the process runtime's contract. */
function declaresProcess(image: LocalImage): boolean {
  return image.config.config?.Labels?.[LABEL_IMAGE_RUNTIME] === "process";
}

async function startProcess(spec: ContainerSpec, options: ProcessRuntimeOptions): Promise<RunningContainer> {
  await mkdir(spec.directory, { recursive: true, mode: 0o700 });
  const [command, ...args] = spec.argv.map((value) => toHostPath(value, spec));
  if (command === undefined)
    throw new Error(`image ${spec.image.reference} has neither entrypoint nor command`);
  const env = processEnvironment(spec, options.env);
  const cwd = spec.workingDir === undefined ? spec.image.rootfs : toHostPath(spec.workingDir, spec);
  const programOf = (name: string): string[] =>
    name === "node" ? [options.nodePath, ...options.nodeArguments] : [name];
  const program = programOf(command);
  const child = spawn(program[0] ?? command, [...program.slice(1), ...args], {
    cwd,
    env,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = exitOf(child);
  child.stdout.on("data", (chunk: Buffer) => spec.output("stdout", chunk));
  child.stderr.on("data", (chunk: Buffer) => spec.output("stderr", chunk));
  const { pid } = child;
  if (pid === undefined)
    throw new Error(`${command} cannot be started: ${(await exited).message ?? "no such program"}`);
  await writeFile(join(spec.directory, RECORD), JSON.stringify({ pid, startTime: await startTimeOf(pid) }), {
    mode: 0o600,
  });
  return {
    pid,
    exited,
    kill: (signal) => killGroup(pid, signal),
    exec: (argv, timeoutMs) => {
      const [name = "", ...rest] = argv.map((value) => toHostPath(value, spec));
      return execute([...programOf(name), ...rest], { cwd, env, timeoutMs });
    },
  };
}

/** The image's and the pod's variables, with paths of the image replaced by where they really are. */
function processEnvironment(spec: ContainerSpec, own: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const inherited = INHERITED.flatMap((name) => (own[name] === undefined ? [] : [[name, own[name]]]));
  const given = Object.entries(spec.env).filter(([name]) => name !== "PATH");
  return {
    ...Object.fromEntries(inherited),
    ...Object.fromEntries(given.map(([name, value]) => [name, toHostPath(value, spec)])),
    HOST: spec.podIP,
    HOSTNAME: spec.podName,
  };
}

/** A value that as a whole is an absolute path existing below a mount or in the image becomes its real path. */
export function toHostPath(value: string, spec: Pick<ContainerSpec, "mounts" | "image">): string {
  if (!isAbsolute(value)) return value;
  const path = normalize(value);
  // The innermost mount wins, as in a mount namespace.
  const mounts = [...spec.mounts].sort((a, b) => b.target.length - a.target.length);
  for (const { source, target } of mounts) {
    if (path === target) return source;
    if (path.startsWith(`${target}/`)) return join(source, path.slice(target.length));
  }
  const inImage = join(spec.image.rootfs, path);
  return existsSync(inImage) ? inImage : value;
}

function exitOf(child: ChildProcess): Promise<ContainerExit> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve({ exitCode: 127, signal: undefined, message: error.message }));
    child.once("close", (code, signal) => {
      const number = signal === null ? undefined : constants.signals[signal];
      resolve({ exitCode: code ?? SIGNAL_EXIT_BASE + (number ?? 0), signal: number });
    });
  });
}

function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is gone: that is what the signal was for.
  }
}

async function execute(
  argv: readonly string[],
  options: { cwd: string; env: NodeJS.ProcessEnv; timeoutMs: number },
): Promise<{ exitCode: number; output: string }> {
  const [command = "", ...args] = argv;
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: options.timeoutMs,
    killSignal: "SIGKILL",
  });
  let output = "";
  const keep = (chunk: Buffer) => {
    if (output.length < MAX_EXEC_OUTPUT)
      output += chunk.toString("utf8").slice(0, MAX_EXEC_OUTPUT - output.length);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  const { exitCode, message } = await exitOf(child);
  return { exitCode, output: message ?? output };
}

/** Ends the process that a record names, if it is still the same process. */
async function endRecorded(directory: string): Promise<void> {
  const text = await readFile(join(directory, RECORD), "utf8").catch(() => undefined);
  if (text === undefined) return;
  const record: unknown = JSON.parse(text);
  if (
    typeof record === "object" &&
    record !== null &&
    "pid" in record &&
    typeof record.pid === "number" &&
    "startTime" in record
  ) {
    // A recycled pid has another start time: not ours to kill.
    if ((await startTimeOf(record.pid)) === record.startTime && record.startTime !== null)
      killGroup(record.pid, "SIGKILL");
  }
  await rm(join(directory, RECORD), { force: true });
}

/** Start time of a process in clock ticks since boot (field 22 of /proc/PID/stat); null if it is gone or there is no /proc. */
async function startTimeOf(pid: number): Promise<string | null> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null;
}
