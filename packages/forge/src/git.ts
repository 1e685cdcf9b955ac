import { spawn } from "node:child_process";
import type { ChildProcessWithoutNullStreams } from "node:child_process";

/** A plumbing command on a repository of ours answers in milliseconds; past this something is stuck. */
const GIT_TIMEOUT_MS = 60_000;
/** Plumbing output we read into memory: ref lists, trees, one file, one diff. */
const MAX_OUTPUT_BYTES = 32 * 1024 * 1024;
/** Of git's standard error, what an error message may carry. */
const MAX_ERROR_TEXT = 2_000;

/** A git command that ended with another exit code than 0. */
export class GitError extends Error {
  override readonly name = "GitError";
  readonly exitCode: number;
  readonly stdout: Buffer;

  constructor(message: string, exitCode: number, stdout: Buffer) {
    super(message);
    this.exitCode = exitCode;
    this.stdout = stdout;
  }
}

export interface GitOptions {
  /** Written to standard input, which is closed afterwards. */
  input?: string | Uint8Array | undefined;
  /** Added to the environment. */
  env?: Record<string, string> | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * Starts git on a bare repository with nothing of the user's configuration: the server's behaviour must not depend on
 * who started it, and a `safe.directory` refusal must not depend on who owns the data directory.
 */
export function spawnGit(
  repository: string | undefined,
  args: readonly string[],
  env: Record<string, string> = {},
): ChildProcessWithoutNullStreams {
  const scope =
    repository === undefined ? [] : ["-c", `safe.directory=${repository}`, "--git-dir", repository];
  return spawn("git", [...scope, ...args], {
    env: {
      PATH: process.env["PATH"] ?? "/usr/bin:/bin",
      HOME: "/nonexistent",
      LC_ALL: "C",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_TERMINAL_PROMPT: "0",
      ...env,
    },
    stdio: ["pipe", "pipe", "pipe"],
  });
}

/**
 * Runs git to its end.
 * @param repository path of a bare repository; undefined for commands without one
 * @returns standard output
 * @throws GitError with git's own words for an exit code other than 0; MissingGitError when there is no git
 */
export function runGit(
  repository: string | undefined,
  args: readonly string[],
  options: GitOptions = {},
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = spawnGit(repository, args, options.env);
    const stop = (): void => void child.kill("SIGKILL");
    const timer = setTimeout(stop, GIT_TIMEOUT_MS);
    options.signal?.addEventListener("abort", stop, { once: true });
    const output: Buffer[] = [];
    let size = 0;
    let errorText = "";
    child.stdout.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_OUTPUT_BYTES) stop();
      else output.push(chunk);
    });
    child.stderr.on("data", (chunk: Buffer) => {
      if (errorText.length < MAX_ERROR_TEXT) errorText += chunk.toString("utf8");
    });
    const settle = (): void => {
      clearTimeout(timer);
      options.signal?.removeEventListener("abort", stop);
    };
    child.on("error", (error: NodeJS.ErrnoException) => {
      settle();
      reject(error.code === "ENOENT" ? new MissingGitError({ cause: error }) : error);
    });
    child.on("close", (code) => {
      settle();
      const stdout = Buffer.concat(output);
      if (code === 0 && size <= MAX_OUTPUT_BYTES) resolve(stdout);
      else reject(new GitError(describeFailure(args, code, size, errorText), code ?? -1, stdout));
    });
    // git may end before it has read everything; its exit code says why.
    child.stdin.on("error", () => undefined);
    child.stdin.end(options.input ?? "");
  });
}

function describeFailure(
  args: readonly string[],
  code: number | null,
  size: number,
  errorText: string,
): string {
  const command = `git ${args[0] ?? ""}`;
  if (size > MAX_OUTPUT_BYTES) return `${command}: its output is larger than ${MAX_OUTPUT_BYTES} bytes`;
  if (code === null) return `${command}: stopped before it ended`;
  return `${command}: ${errorText.slice(0, MAX_ERROR_TEXT).trim() || `exit code ${code}`}`;
}

/** The program `git` is not on PATH. */
export class MissingGitError extends Error {
  override readonly name = "MissingGitError";

  constructor(options?: ErrorOptions) {
    super(
      "git was not found on PATH: install git (Debian, Ubuntu: apt-get install git; Fedora: dnf install git)",
      options,
    );
  }
}

/** Merging without a worktree needs `git merge-tree --write-tree`. */
const OLDEST_GIT: readonly [number, number] = [2, 38];

/**
 * Makes sure that git is there and new enough.
 * @throws MissingGitError, or an Error that names the version found and the one needed
 */
export async function requireGit(): Promise<void> {
  const text = (await runGit(undefined, ["--version"])).toString("utf8").trim();
  const match = /(\d+)\.(\d+)/.exec(text);
  const [major, minor] = [Number(match?.[1] ?? 0), Number(match?.[2] ?? 0)];
  if (major > OLDEST_GIT[0] || (major === OLDEST_GIT[0] && minor >= OLDEST_GIT[1])) return;
  throw new Error(
    `${text} is too old: the forge merges with git merge-tree --write-tree, which needs git 2.38 or newer`,
  );
}
