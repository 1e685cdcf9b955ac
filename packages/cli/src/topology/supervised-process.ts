import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, watch, type FSWatcher } from "node:fs";
import { mkdir, open, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { UserError } from "../user-error.ts";

const PROGRAM = fileURLToPath(new URL("../../bin/ai-edge.js", import.meta.url));

/** First and longest pause before a process that ended by itself is started again. */
const FIRST_RESTART_DELAY_MS = 500;
const LONGEST_RESTART_DELAY_MS = 30_000;
/** A process that lived this long has recovered: its next restart starts with the first pause again. */
const STABLE_AFTER_MS = 60_000;
/** Model pods get up to 30 s to finish their requests; a process that outlives this is killed. */
const STOP_TIMEOUT_MS = 40_000;
/**
 * V8's young generation grows to 3 × 16 MiB by default, which a mostly idle controller process never needs; 3 × 4 MiB
 * saves tens of MiB of RSS per process and costs nothing measurable at these allocation rates.
 */
const NODE_OPTIONS = ["--max-semi-space-size=2", "--max-old-space-size=512"];
/**
 * glibc raises its bounds when large buffers are freed, and then keeps what image layers and Git packs needed for a moment:
 * 50 MB in a core. Fixed bounds give it back. Other C libraries ignore these (mallopt(3)).
 */
const MALLOC_SETTINGS = {
  MALLOC_ARENA_MAX: "2",
  MALLOC_MMAP_THRESHOLD_: "65536",
  MALLOC_TRIM_THRESHOLD_: "131072",
};
/** While this file is in a process's data directory the supervisor leaves the process stopped. */
export const STOPPED_MARKER = "stopped";

const LOG_FILE = "process.log";
/** A log that grew beyond this is put aside at the next start; one older file is kept. */
const MAX_LOG_BYTES = 16 * 1024 * 1024;

export interface ProcessSpec {
  /** "core" or the edge's name. */
  name: string;
  dataDir: string;
  /** Arguments after the program's name, asked for at every start. */
  args: () => readonly string[];
  env: NodeJS.ProcessEnv;
}

/** What a ready process tells its supervisor. */
export interface ReadyMessage {
  type: "ready";
  endpoints: Record<string, string>;
}

/** One supervised role process: restarted when it dies, left alone while its stopped marker exists. */
export interface SupervisedProcess {
  readonly name: string;
  readonly pid: number | undefined;
  /** Resolves at the first readiness; rejects if the process ends before it with an error of the user's. */
  readonly ready: Promise<Record<string, string>>;
  /** Sends one line to the process's standard input, for what must not stand in its arguments. */
  writeLine(line: string): void;
  stop(): Promise<void>;
}

export interface SupervisionOptions {
  onReady: (endpoints: Record<string, string>) => void;
  onExit: (description: string) => void;
  /** Once aborted nothing is started again: Ctrl-C reaches the whole process group, so children end before we stop them. */
  signal: AbortSignal;
}

/** Starts a process and keeps it running. Its output goes to `process.log` in its data directory. */
export async function superviseProcess(
  spec: ProcessSpec,
  options: SupervisionOptions,
): Promise<SupervisedProcess> {
  await mkdir(spec.dataDir, { recursive: true, mode: 0o700 });
  await rm(join(spec.dataDir, STOPPED_MARKER), { force: true });
  await rotateLog(join(spec.dataDir, LOG_FILE));
  const log = await open(join(spec.dataDir, LOG_FILE), "a", 0o600);
  const supervised = new Supervision(spec, log.fd, options);
  supervised.start();
  return {
    name: spec.name,
    get pid() {
      return supervised.child?.pid;
    },
    ready: supervised.ready.promise,
    writeLine: (line) => supervised.child?.stdin?.write(`${line}\n`),
    stop: async () => {
      await supervised.stop();
      await log.close();
    },
  };
}

async function rotateLog(path: string): Promise<void> {
  const size = (await stat(path).catch(() => undefined))?.size ?? 0;
  if (size > MAX_LOG_BYTES) await rename(path, `${path}.1`);
}

class Supervision {
  child: ChildProcess | undefined;
  readonly ready = Promise.withResolvers<Record<string, string>>();
  readonly #spec: ProcessSpec;
  readonly #logFd: number;
  readonly #options: SupervisionOptions;
  #stopping = false;
  #delay = FIRST_RESTART_DELAY_MS;
  #timer: NodeJS.Timeout | undefined;
  #marker: FSWatcher | undefined;
  #wasReady = false;

  constructor(spec: ProcessSpec, logFd: number, options: SupervisionOptions) {
    this.#spec = spec;
    this.#logFd = logFd;
    this.#options = options;
    // Nobody may be waiting yet when the first start fails.
    this.ready.promise.catch(() => undefined);
  }

  start(): void {
    const startedAt = performance.now();
    const child = spawn(process.execPath, [...NODE_OPTIONS, PROGRAM, ...this.#spec.args()], {
      env: { ...MALLOC_SETTINGS, ...this.#spec.env },
      stdio: ["pipe", this.#logFd, "pipe", "ipc"],
    });
    this.child = child;
    child.stdin?.on("error", () => undefined);
    const lastLines: string[] = [];
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      // Its log lines are JSON and for the log; what it says to its user is not.
      const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("{"));
      lastLines.push(...lines.map((line) => line.replace(/^ai-edge: /, "")));
      lastLines.splice(0, Math.max(0, lastLines.length - 5));
      void writeFile(join(this.#spec.dataDir, LOG_FILE), text, { flag: "a" }).catch(() => undefined);
    });
    child.on("message", (message: ReadyMessage) => {
      if (message.type !== "ready") return;
      this.#wasReady = true;
      this.ready.resolve(message.endpoints);
      this.#options.onReady(message.endpoints);
    });
    child.once("close", (code, signal) =>
      this.#ended(code, signal, lastLines.at(-1), performance.now() - startedAt),
    );
  }

  #ended(
    code: number | null,
    signal: NodeJS.Signals | null,
    lastLine: string | undefined,
    lifetime: number,
  ): void {
    this.child = undefined;
    if (this.#stopping || this.#options.signal.aborted) {
      this.ready.reject(new UserError(`${this.#spec.name} was stopped before it was ready`));
      return;
    }
    const how = signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;
    const description = `${this.#spec.name} ${how}${lastLine === undefined ? "" : `: ${lastLine}`}`;
    if (!this.#wasReady) {
      // It never worked: what it says is for the user, and starting it again would say it again.
      this.ready.reject(new UserError(lastLine === undefined ? description : lastLine));
      return;
    }
    this.#options.onExit(description);
    this.#scheduleRestart(lifetime);
  }

  #scheduleRestart(lifetime: number): void {
    const marker = join(this.#spec.dataDir, STOPPED_MARKER);
    if (existsSync(marker)) {
      this.#marker = watch(this.#spec.dataDir, () => {
        if (existsSync(marker) || this.#stopping) return;
        this.#marker?.close();
        this.start();
      });
      return;
    }
    this.#delay = lifetime > STABLE_AFTER_MS ? FIRST_RESTART_DELAY_MS : this.#delay;
    this.#timer = setTimeout(() => this.start(), this.#delay);
    this.#delay = Math.min(this.#delay * 2, LONGEST_RESTART_DELAY_MS);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    this.#marker?.close();
    const child = this.child;
    if (child === undefined || child.exitCode !== null) return;
    const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
    await closed;
    clearTimeout(timer);
  }
}
