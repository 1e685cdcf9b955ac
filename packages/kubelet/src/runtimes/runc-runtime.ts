import { execFile, spawn } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";

import type { Logger } from "pino";

import { PodNetwork } from "./pod-network.ts";
import { writeBundle } from "./runc-bundle.ts";
import type { ContainerExit, ContainerRuntime, ContainerSpec, RunningContainer } from "./runtime.ts";

const run = promisify(execFile);

/** Remembers the container over the agent's death. */
const RECORD = "runc.json";
/** runc writes the container's pid within milliseconds; a machine under load takes longer, a broken one for ever. */
const START_TIMEOUT_MS = 20_000;
const START_POLL_MS = 10;
const MAX_EXEC_OUTPUT = 4 * 1024;
/** Shell convention, also runc's: a process ended by signal N has the exit code 128 + N. */
const SIGNAL_EXIT_BASE = 128;

export interface RuncRuntimeOptions {
  /** `runc` or `crun`, looked up in PATH. */
  binary?: string;
  /** Directory of runc's own state. */
  stateDir: string;
  nodePath: string;
  logger: Logger;
}

/**
 * Runs containers with runc: own file system, processes and network. Needs root. The pod's address is served by a relay
 * into its network namespace; from inside, only the pod itself can be reached.
 */
export async function createRuncRuntime(options: RuncRuntimeOptions): Promise<ContainerRuntime> {
  const unusable = await whyUnusable(options);
  const runtime = new RuncRuntime(options);
  return {
    name: "runc",
    refuses: async () => unusable,
    start: async (spec) => await runtime.start(spec),
    cleanUp: async (directory) => await runtime.cleanUp(directory),
  };
}

async function whyUnusable({ binary = "runc" }: RuncRuntimeOptions): Promise<string | undefined> {
  try {
    await run(binary, ["--version"]);
  } catch {
    return `${binary} is not installed: install the package ${binary}`;
  }
  return process.getuid?.() === 0 ? undefined : `${binary} needs root: run this site's agent as root`;
}

/** One network per pod address, held as long as a container of the pod runs. */
interface SharedNetwork {
  network: Promise<PodNetwork>;
  users: number;
}

class RuncRuntime {
  readonly #options: RuncRuntimeOptions;
  readonly #networks = new Map<string, SharedNetwork>();

  constructor(options: RuncRuntimeOptions) {
    this.#options = options;
  }

  async start(spec: ContainerSpec): Promise<RunningContainer> {
    await this.cleanUp(spec.directory);
    await mkdir(spec.directory, { recursive: true, mode: 0o700 });
    const rootfs = await mountRootfs(spec);
    await writeFile(join(spec.directory, RECORD), JSON.stringify({ id: spec.id }), { mode: 0o600 });
    const joined = this.#networks.get(spec.podIP);
    await writeBundle(spec, rootfs, joined === undefined ? undefined : (await joined.network).namespacePath);
    const pidFile = join(spec.directory, "pid");
    await rm(pidFile, { force: true });
    const { root, binary } = this.#runc();
    const child = spawn(
      binary,
      [...root, "run", "--bundle", spec.directory, "--pid-file", pidFile, spec.id],
      {
        detached: true,
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    let complaint = "";
    child.stdout.on("data", (chunk: Buffer) => spec.output("stdout", chunk));
    child.stderr.on("data", (chunk: Buffer) => {
      complaint = `${complaint}${chunk.toString()}`.slice(-MAX_EXEC_OUTPUT);
      spec.output("stderr", chunk);
    });
    const ended = new Promise<ContainerExit>((resolve) => {
      child.once("error", (error) => resolve({ exitCode: 127, signal: undefined, message: error.message }));
      child.once("close", (code) => resolve(exitOf(code)));
    });
    const pid = await waitForPid(pidFile, ended);
    if (pid === undefined) {
      await ended;
      await this.cleanUp(spec.directory);
      throw new Error(`runc could not start the container: ${complaint.trim() || "no reason given"}`);
    }
    await this.#openNetwork(spec, pid);
    return this.#handle(spec, pid, ended);
  }

  #handle(spec: ContainerSpec, pid: number, ended: Promise<ContainerExit>): RunningContainer {
    let alive = true;
    const exited = ended.then(async (exit) => {
      alive = false;
      await this.#leaveNetwork(spec.podIP);
      await this.cleanUp(spec.directory);
      return exit;
    });
    const { root, binary } = this.#runc();
    return {
      pid,
      exited,
      kill: (signal) => {
        if (alive) killInit(pid, signal);
      },
      exec: async (command, timeoutMs) => {
        try {
          const { stdout, stderr } = await run(binary, [...root, "exec", spec.id, ...command], {
            timeout: timeoutMs,
            killSignal: "SIGKILL",
            maxBuffer: 16 * 1024 * 1024,
          });
          return { exitCode: 0, output: `${stdout}${stderr}`.slice(0, MAX_EXEC_OUTPUT) };
        } catch (error) {
          return execFailure(error);
        }
      },
    };
  }

  async #openNetwork(spec: ContainerSpec, pid: number): Promise<void> {
    const shared = this.#networks.get(spec.podIP) ?? {
      users: 0,
      network: PodNetwork.open({
        pid,
        podIP: spec.podIP,
        socketPath: join(spec.directory, "net"),
        nodePath: this.#options.nodePath,
        logger: this.#options.logger,
      }),
    };
    shared.users += 1;
    this.#networks.set(spec.podIP, shared);
    try {
      await shared.network;
    } catch (error) {
      // A container that is over before the relay is up needs none; any other would be unreachable.
      await this.#leaveNetwork(spec.podIP);
      if (killInit(pid, "SIGKILL")) throw error;
    }
  }

  async #leaveNetwork(podIP: string): Promise<void> {
    const shared = this.#networks.get(podIP);
    if (shared === undefined) return;
    shared.users -= 1;
    if (shared.users > 0) return;
    this.#networks.delete(podIP);
    await shared.network.then((network) => network.close()).catch(() => undefined);
  }

  /** Ends the container of a directory, if there is one, and takes its file system down. */
  async cleanUp(directory: string): Promise<void> {
    const text = await readFile(join(directory, RECORD), "utf8").catch(() => undefined);
    if (text === undefined) return;
    const record: unknown = JSON.parse(text);
    const id = typeof record === "object" && record !== null && "id" in record ? record.id : undefined;
    const { root, binary } = this.#runc();
    if (typeof id === "string") await run(binary, [...root, "delete", "--force", id]).catch(() => undefined);
    await run("umount", [join(directory, "rootfs")]).catch(() => undefined);
    for (const name of ["rootfs", "upper", "work", "config.json", "hosts", "pid", RECORD]) {
      await rm(join(directory, name), { recursive: true, force: true });
    }
  }

  #runc(): { binary: string; root: string[] } {
    const { binary = "runc", stateDir } = this.#options;
    return { binary, root: ["--root", stateDir] };
  }
}

/** The image under a writable layer of the container's own; a copy where the kernel cannot stack file systems here. */
async function mountRootfs({ directory, image }: ContainerSpec): Promise<string> {
  const [rootfs, upper, work] = [
    join(directory, "rootfs"),
    join(directory, "upper"),
    join(directory, "work"),
  ];
  for (const name of [rootfs, upper, work]) await mkdir(name, { recursive: true });
  const options = `lowerdir=${image.rootfs},upperdir=${upper},workdir=${work}`;
  // Commas and colons are separators in mount options.
  const separable = ![image.rootfs, upper].some((name) => /[,:\\]/.test(name));
  if (separable && (await succeeds(run("mount", ["-t", "overlay", "overlay", "-o", options, rootfs]))))
    return rootfs;
  await run("cp", ["-a", "--reflink=auto", `${image.rootfs}/.`, rootfs]);
  return rootfs;
}

async function succeeds(task: Promise<unknown>): Promise<boolean> {
  return await task.then(
    () => true,
    () => false,
  );
}

async function waitForPid(file: string, ended: Promise<ContainerExit>): Promise<number | undefined> {
  let over = false;
  void ended.then(() => {
    over = true;
  });
  for (let waited = 0; waited < START_TIMEOUT_MS; waited += START_POLL_MS) {
    const pid = Number(await readFile(file, "utf8").catch(() => ""));
    if (pid > 0) return pid;
    if (over) return undefined;
    await delay(START_POLL_MS);
  }
  return undefined;
}

function exitOf(code: number | null): ContainerExit {
  const exitCode = code ?? SIGNAL_EXIT_BASE + 9;
  return { exitCode, signal: exitCode > SIGNAL_EXIT_BASE ? exitCode - SIGNAL_EXIT_BASE : undefined };
}

/** Signals the container's first process; its end is the end of all others. @returns false if it is gone */
function killInit(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}

function execFailure(error: unknown): { exitCode: number; output: string } {
  const field = (name: string): unknown =>
    typeof error === "object" && error !== null ? Reflect.get(error, name) : undefined;
  const code = field("code");
  const output = [field("stdout"), field("stderr")].filter((text) => typeof text === "string").join("");
  if (field("killed") === true) return { exitCode: SIGNAL_EXIT_BASE + 9, output: "command timed out" };
  return { exitCode: typeof code === "number" ? code : 127, output: output.slice(0, MAX_EXEC_OUTPUT) };
}
