import { spawn } from "node:child_process";
import { withoutCredentials } from "./repository-url.ts";

export interface GitRun {
  /** Where git runs: a repository, bare or not. */
  readonly repository: string;
  readonly args: readonly string[];
  readonly input?: string;
  /** The environment; the process's own by default. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
}

/** What git may print for one command; a GitOps repository is a thousandth of it. */
export const MAX_GIT_OUTPUT_BYTES = 256 * 1024 * 1024;
/** Enough for the cause, which git prints last. */
const MAX_ERROR_LENGTH = 4_000;

/** Runs git. @returns its output @throws Error with its message, without credentials */
export function runGit({ repository, args, input = "", env, signal }: GitRun): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  if (signal?.aborted === true) return Promise.reject(new Error("git: given up"));
  const child = spawn("git", ["-C", repository, ...args], {
    stdio: ["pipe", "pipe", "pipe"],
    // A group of its own: helpers such as git-remote-https end with it, and ssh finds no terminal to prompt on.
    detached: true,
    ...(env === undefined ? {} : { env }),
  });
  const end = (): void => {
    if (child.pid === undefined || child.exitCode !== null) return;
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  };
  signal?.addEventListener("abort", end, { once: true });
  const chunks: Buffer[] = [];
  let size = 0;
  let errors = "";
  child.stdout.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size <= MAX_GIT_OUTPUT_BYTES) chunks.push(chunk);
    else end();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    errors = (errors + chunk.toString("utf8")).slice(-MAX_ERROR_LENGTH);
  });
  child.on("error", (error) => {
    reject(
      "code" in error && error.code === "ENOENT"
        ? new Error("git is not installed, or not on PATH", { cause: error })
        : error,
    );
  });
  child.on("close", (code) => {
    signal?.removeEventListener("abort", end);
    const command = `git ${args.find((arg) => !arg.startsWith("-") && !arg.includes("=")) ?? ""}`;
    if (code === 0 && size <= MAX_GIT_OUTPUT_BYTES) return resolve(Buffer.concat(chunks));
    const cause =
      size > MAX_GIT_OUTPUT_BYTES
        ? `the output has more than ${MAX_GIT_OUTPUT_BYTES} bytes`
        : signal?.aborted === true
          ? "given up"
          : withoutCredentials(errors.trim()) || `exit code ${String(code)}`;
    reject(new Error(`${command} in '${repository}' failed: ${cause}`));
  });
  child.stdin.on("error", () => {
    // git ended early; its exit code says why.
  });
  child.stdin.end(input);
  return promise;
}
