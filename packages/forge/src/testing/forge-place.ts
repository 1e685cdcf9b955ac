import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { pino } from "pino";
import { startForge } from "../index.ts";
import type { ForgeOptions, RunningForge } from "../index.ts";

const run = promisify(execFile);
export const TOKEN = "s3cret";

/** What most tests begin with: edge/gitops with one file of five lines. */
export const seed = {
  owner: "edge",
  name: "gitops",
  message: "Seed",
  files: { "app/kustomization.yaml": "a: 1\nb: 2\nc: 3\nd: 4\ne: 5\n" },
};

/** The fields of the answers that these tests look into. */
interface Answer {
  content: string;
  head: { sha: string };
  mergeable: boolean | null;
  merged: boolean;
  object: { sha: string };
  state: string;
}

/** A directory with a forge in it; anybody who knows the token is let in, `reader` only to read. */
export class ForgePlace {
  readonly directory: string;
  forge: RunningForge;

  private constructor(directory: string, forge: RunningForge) {
    this.directory = directory;
    this.forge = forge;
  }

  static async make(): Promise<ForgePlace> {
    const directory = await mkdtemp(join(tmpdir(), "forge-"));
    return new ForgePlace(directory, await startIn(directory));
  }

  /** A second forge, unless `options` name the same data directory. */
  start(options: Partial<ForgeOptions>): Promise<RunningForge> {
    return startIn(this.directory, options);
  }

  /** The same data directory, with other options. */
  async restart(options: Partial<ForgeOptions> = {}): Promise<void> {
    await this.forge.close();
    this.forge = await this.start(options);
  }

  async remove(): Promise<void> {
    await this.forge.close();
    await rm(this.directory, { recursive: true, force: true });
  }

  /** Git with an empty configuration of its own; fails with git's words. */
  async git(cwd: string, ...args: string[]): Promise<string> {
    const env = {
      PATH: process.env["PATH"],
      HOME: this.directory,
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_TERMINAL_PROMPT: "0",
      GIT_ALLOW_PROTOCOL: "http",
    };
    const identity = ["-c", "user.name=ann", "-c", "user.email=ann@example.com"];
    const { stdout } = await run("git", [...identity, ...args], { cwd, env });
    return stdout.trim();
  }

  cloneUrl(path: string, user = "ann", password = TOKEN): string {
    return `${this.forge.url.replace("http://", `http://${user}:${password}@`)}/${path}`;
  }

  /** A clone with a branch on which one line differs, pushed; its tip. */
  async pushBranch(branch: string, change: (text: string) => string): Promise<string> {
    const clone = join(this.directory, `clone-${branch}`);
    await this.git(this.directory, "clone", "-q", this.cloneUrl("edge/gitops.git"), clone);
    await this.git(clone, "checkout", "-q", "-b", branch);
    const file = join(clone, "app/kustomization.yaml");
    await writeFile(file, change(await readFile(file, "utf8")));
    await this.git(clone, "commit", "-qam", `Change on ${branch}`);
    await this.git(clone, "push", "-q", "origin", branch);
    return this.git(clone, "rev-parse", "HEAD");
  }

  async apiList(path: string): Promise<Answer[]> {
    const response = await fetch(`${this.forge.url}${path}`, {
      headers: { authorization: `token ${TOKEN}` },
    });
    return JSON.parse(await response.text());
  }

  async api(method: string, path: string, body?: unknown): Promise<{ code: number; body: Answer }> {
    const response = await fetch(`${this.forge.url}${path}`, {
      method,
      headers: { authorization: `token ${TOKEN}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { code: response.status, body: text === "" ? undefined : JSON.parse(text) };
  }
}

function startIn(directory: string, options: Partial<ForgeOptions> = {}): Promise<RunningForge> {
  return startForge({
    dataDir: join(directory, "forge"),
    listen: { host: "127.0.0.1", port: 0 },
    logger: pino({ level: "silent" }),
    now: () => new Date("2026-01-02T03:04:05Z"),
    authenticate: async (credentials) => {
      if (credentials.scheme === "bearer") return credentials.token === TOKEN ? { login: "bot" } : undefined;
      return credentials.password === TOKEN ? { login: credentials.username } : undefined;
    },
    authorize: async (user, verb) => user.login !== "reader" || verb === "read",
    ...options,
  });
}
