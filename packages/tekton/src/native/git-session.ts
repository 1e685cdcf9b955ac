import { spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { serviceAccountCredentials } from "./service-account.ts";
import type { NativeTaskCall } from "./native-task.ts";
import { TaskError } from "./native-task.ts";

/** Of git's output; results and messages are small, clones do not pass here. */
const MAX_OUTPUT_CHARS = 1024 * 1024;
/** A process environment holds no more in practice; a count of millions would be a mistake. */
const MAX_INHERITED_SETTINGS = 1000;
/** A `.git-credentials` file has one line per host. */
const MAX_CREDENTIALS_BYTES = 64 * 1024;

export interface GitSessionOptions {
  /** PATH, HOME and proxy settings; HOME's .gitconfig is honoured (`url.<base>.insteadOf`). */
  environment: Readonly<Record<string, string | undefined>>;
  /** The remote that credentials without a host of their own are for; or a clone, for its remote "origin". */
  remote: { url: string } | { clone: string };
  /** Directory of a `basic-auth` workspace: `.git-credentials`, or `username` and `password`. */
  basicAuth?: string | undefined;
  /** Directory of an `ssl-ca-directory` workspace, with `ca-bundle.crt`. */
  caDirectory?: string | undefined;
  sslVerify?: boolean | undefined;
}

/**
 * Git for one native Task: with the run's credentials, and safe against hostile URLs and repositories. A Secret's
 * `.gitconfig` is not read, because git configuration can name programs to run; its credentials are enough.
 */
export class GitSession {
  /** The remote's URL, as the user or the clone has it. */
  readonly url: string;
  readonly #call: NativeTaskCall;
  readonly #env: Record<string, string>;

  private constructor(call: NativeTaskCall, env: Record<string, string>, url: string) {
    this.url = url;
    this.#call = call;
    this.#env = env;
  }

  static async open(call: NativeTaskCall, options: GitSessionOptions): Promise<GitSession> {
    const store = join(call.scratch, "git-credentials");
    const settings: [string, string][] = [
      ["credential.helper", ""],
      ["credential.helper", `store --file=${quoteForShell(store)}`],
      ["safe.directory", "*"],
      ["core.hooksPath", "/dev/null"],
      ["core.fsmonitor", "false"],
      // A link in a hostile repository would let later steps read outside the workspace.
      ["core.symlinks", "false"],
      ["submodule.recurse", "false"],
      ["gc.auto", "0"],
    ];
    if (options.caDirectory !== undefined)
      settings.push(["http.sslCAInfo", join(options.caDirectory, "ca-bundle.crt")]);
    if (options.sslVerify === false) settings.push(["http.sslVerify", "false"]);
    const env = environmentOf(options.environment, settings);
    const { remote } = options;
    const origin = ["config", "--get", "remote.origin.url"];
    const url =
      "url" in remote ? remote.url : (await new GitSession(call, env, "").run(origin, remote.clone)).trim();
    requireHttpUrl(url);
    const session = new GitSession(call, env, url);
    // With url.<base>.insteadOf the credentials must be for where git really goes.
    const effective = (await session.run(["ls-remote", "--get-url", "--", url])).trim();
    await writeFile(store, await credentialLines(call, options.basicAuth, effective), { mode: 0o600 });
    return session;
  }

  /**
   * Runs git and returns its standard output.
   * @throws TaskError with git's own words, without credentials
   */
  run(args: readonly string[], directory?: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const child = spawn("git", args, {
        cwd: directory ?? this.#call.scratch,
        env: this.#env,
        stdio: ["ignore", "pipe", "pipe"],
        signal: this.#call.signal,
      });
      let output = "";
      let errorText = "";
      child.stdout.on("data", (chunk: Buffer) => {
        if (output.length < MAX_OUTPUT_CHARS) output += chunk.toString("utf8");
      });
      child.stderr.on("data", (chunk: Buffer) => {
        if (errorText.length < MAX_OUTPUT_CHARS) errorText += chunk.toString("utf8");
      });
      child.on("error", (error: NodeJS.ErrnoException) => {
        if (this.#call.signal.aborted) reject(new TaskError("git was stopped"));
        else
          reject(error.code === "ENOENT" ? new TaskError("git was not found on PATH: install git") : error);
      });
      child.on("close", (code) => {
        if (code === 0) resolve(output);
        else
          reject(
            new TaskError(`git ${args[0] ?? ""}: ${redactUrls(errorText.trim()) || `exit code ${code}`}`),
          );
      });
    });
  }
}

/** The URL without user and password, for results and logs. */
export function redactUrls(text: string): string {
  return text.replaceAll(/(https?:\/\/)[^/@\s'"]*@/g, "$1");
}

/** @throws TaskError for URLs of other protocols: they could run programs (`ext::`) or use the host's own SSH keys */
function requireHttpUrl(url: string): void {
  const protocol = URL.parse(url)?.protocol;
  if (protocol === "http:" || protocol === "https:") return;
  throw new TaskError(`git URL ${JSON.stringify(redactUrls(url))} is not http or https`);
}

function environmentOf(
  environment: Readonly<Record<string, string | undefined>>,
  settings: [string, string][],
): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) {
    // Settings of an outer git (GIT_DIR of a hook, for one) would make ours work on another repository.
    if (value !== undefined && !name.startsWith("GIT_")) env[name] = value;
  }
  for (const name of ["GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_SYSTEM"]) {
    const value = environment[name];
    if (value !== undefined) env[name] = value;
  }
  // GIT_CONFIG_COUNT and its pairs are the operator's own configuration too; ours come after them, and win.
  const all = [...inheritedSettings(environment), ...settings];
  env["GIT_TERMINAL_PROMPT"] = "0";
  env["GIT_ASKPASS"] = "";
  env["GIT_ALLOW_PROTOCOL"] = "http:https";
  env["LC_ALL"] = "C";
  env["GIT_CONFIG_COUNT"] = String(all.length);
  all.forEach(([key, value], index) => {
    env[`GIT_CONFIG_KEY_${index}`] = key;
    env[`GIT_CONFIG_VALUE_${index}`] = value;
  });
  return env;
}

/** The pairs of git-config(1) "GIT_CONFIG_COUNT": `url.<base>.insteadOf` comes this way where HOME is not the operator's. */
function inheritedSettings(environment: Readonly<Record<string, string | undefined>>): [string, string][] {
  const count = Math.min(Number(environment["GIT_CONFIG_COUNT"] ?? "0") || 0, MAX_INHERITED_SETTINGS);
  return Array.from({ length: count }, (_, index): [string, string] => [
    environment[`GIT_CONFIG_KEY_${index}`] ?? "",
    environment[`GIT_CONFIG_VALUE_${index}`] ?? "",
  ]).filter(([key]) => key !== "");
}

/** Lines of git-credential-store(1): the workspace's first, then those of the ServiceAccount's annotated Secrets. */
async function credentialLines(
  call: NativeTaskCall,
  basicAuth: string | undefined,
  url: string,
): Promise<string> {
  const lines: string[] = [];
  if (basicAuth !== undefined) {
    lines.push(...(await readOptional(join(basicAuth, ".git-credentials"))).split("\n"));
    const [username, password] = [
      await readOptional(join(basicAuth, "username")),
      await readOptional(join(basicAuth, "password")),
    ];
    if (password !== "") lines.push(credentialLine(url, username.trim(), password.trim()));
  }
  for (const { url: host, username, password } of (await serviceAccountCredentials(call)).git)
    lines.push(credentialLine(host, username, password));
  return `${lines.filter((line) => line !== "").join("\n")}\n`;
}

function credentialLine(url: string, username: string, password: string): string {
  const parsed = URL.parse(url);
  if (parsed === null) return "";
  return `${parsed.protocol}//${encodeURIComponent(username)}:${encodeURIComponent(password)}@${parsed.host}`;
}

async function readOptional(file: string): Promise<string> {
  try {
    const content = await readFile(file);
    return content.length > MAX_CREDENTIALS_BYTES ? "" : content.toString("utf8");
  } catch {
    return "";
  }
}

/** git runs a credential helper with arguments through the shell. */
function quoteForShell(path: string): string {
  return `'${path.replaceAll("'", "'\\''")}'`;
}
