import { spawn } from "node:child_process";

export interface RunGitOptions {
  /** The process environment that git inherits: HOME, PATH, proxies, GIT_CONFIG_*. */
  env: Readonly<Record<string, string | undefined>>;
  /** Variables for this command only: `GIT_INDEX_FILE`. */
  variables?: Readonly<Record<string, string>> | undefined;
  /** Configuration for this command only; travels in the environment, so it never shows in argv. */
  config?: readonly (readonly [key: string, value: string])[] | undefined;
  cwd?: string | undefined;
  signal?: AbortSignal | undefined;
  timeoutMs?: number | undefined;
}

/** kustomize and git commands of Argo CD get 90 s as well (`ARGOCD_EXEC_TIMEOUT`). */
const DEFAULT_TIMEOUT_MS = 90_000;
/** ls-remote of a repository with 100,000 refs is about 8 MB. */
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
/** Enough of stderr for the cause, which git prints last. */
const MAX_ERROR_BYTES = 8 * 1024;
/** `ext` would run any program that a repoURL names. */
const ALLOWED_PROTOCOLS = "http:https:ssh:git:file";

/** git could not do what it was asked; the message holds its own words, without credentials. */
export class GitError extends Error {
  override readonly name = "GitError";
}

/**
 * Runs git without ever prompting, honouring the user's configuration.
 * @returns stdout
 * @throws GitError when it fails, takes too long, or is not installed
 */
export async function runGit(args: readonly string[], options: RunGitOptions): Promise<string> {
  const child = spawn("git", args, {
    cwd: options.cwd,
    env: environment(options),
    stdio: ["ignore", "pipe", "pipe"],
    signal: options.signal,
    timeout: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    killSignal: "SIGKILL",
  });
  const output: Buffer[] = [];
  let bytes = 0;
  let errors = "";
  child.stdout.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MAX_OUTPUT_BYTES) child.kill("SIGKILL");
    else output.push(chunk);
  });
  child.stderr.on("data", (chunk: Buffer) => {
    errors = (errors + chunk.toString("utf8")).slice(-MAX_ERROR_BYTES);
  });
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.on("error", (error) => reject(spawnFailure(error)));
    child.on("close", (...result) => resolve(result));
  });
  if (code === 0) return Buffer.concat(output).toString("utf8");
  const command = `git ${args.find((arg) => !arg.startsWith("-")) ?? ""}`.trim();
  if (signal !== null && bytes > MAX_OUTPUT_BYTES)
    throw new GitError(`${command}: more than ${MAX_OUTPUT_BYTES} bytes of output`);
  if (signal !== null)
    throw new GitError(`${command}: no answer within ${(options.timeoutMs ?? DEFAULT_TIMEOUT_MS) / 1000} s`);
  throw new GitError(`${command}: ${withoutUserInfo(errors.trim()) || `exit code ${code}`}`);
}

function environment(options: RunGitOptions): NodeJS.ProcessEnv {
  const inherited = options.env;
  const env: NodeJS.ProcessEnv = {
    ...inherited,
    // Set when we were started from a Git hook; they would point at another repository.
    GIT_DIR: undefined,
    GIT_WORK_TREE: undefined,
    GIT_INDEX_FILE: undefined,
    GIT_OBJECT_DIRECTORY: undefined,
    ...options.variables,
    GIT_TERMINAL_PROMPT: "0",
    GIT_ASKPASS: "",
    SSH_ASKPASS: "",
    GIT_SSH_COMMAND: inherited["GIT_SSH_COMMAND"] ?? "ssh -o BatchMode=yes",
    GIT_ALLOW_PROTOCOL: inherited["GIT_ALLOW_PROTOCOL"] ?? ALLOWED_PROTOCOLS,
    LC_ALL: "C",
  };
  // Inherited GIT_CONFIG_* entries stay in front: they are the user's.
  const first = Number(inherited["GIT_CONFIG_COUNT"] ?? "0") || 0;
  const config = options.config ?? [];
  if (config.length > 0) env["GIT_CONFIG_COUNT"] = String(first + config.length);
  for (const [index, [key, value]] of config.entries()) {
    env[`GIT_CONFIG_KEY_${first + index}`] = key;
    env[`GIT_CONFIG_VALUE_${first + index}`] = value;
  }
  return env;
}

function spawnFailure(error: Error): Error {
  if ("code" in error && error.code === "ENOENT") {
    return new GitError("git is not installed or not on PATH; install git and restart");
  }
  return error;
}

function withoutUserInfo(text: string): string {
  return text.replaceAll(/(\w+:\/\/)[^/\s@']+@/g, "$1");
}
