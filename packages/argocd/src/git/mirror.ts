import { createHash } from "node:crypto";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { credentialConfig, type RepositoryCredentials } from "./credentials.ts";
import { parseRemoteRefs, resolveRevision, type ResolvedRevision } from "./revision.ts";
import { GitError, runGit } from "./run-git.ts";

export interface MirrorOptions {
  /** Mirrors and checkouts live below; only this process writes there. */
  directory: string;
  env: Readonly<Record<string, string | undefined>>;
}

export interface CheckedOutCommit {
  commit: string;
  /** The files of the commit; links are plain files that hold their target. */
  directory: string;
}

/** Where a repository really is and how to log in. */
export interface Remote {
  url: string;
  credentials: RepositoryCredentials | undefined;
}

/** Checkouts kept per repository: what runs, what is about to run, and one to compare with. */
const KEPT_CHECKOUTS = 3;
/** A server that sends less than 1 byte/s for half a minute has gone away. */
const FETCH_CONFIG: readonly (readonly [string, string])[] = [
  ["http.lowSpeedLimit", "1"],
  ["http.lowSpeedTime", "30"],
  // Housekeeping happens while we wait: nothing goes on behind our back after a shutdown.
  ["gc.autoDetach", "false"],
  ["maintenance.autoDetach", "false"],
];

/** Shallow local copies of the repositories that Applications use: what was fetched once renders without the network. */
export class GitMirror {
  readonly #options: MirrorOptions;
  /** One fetch per repository at a time. */
  readonly #busy = new Map<string, Promise<unknown>>();

  constructor(options: MirrorOptions) {
    this.#options = options;
  }

  /** What git makes of a URL under the user's `url.<base>.insteadOf`. */
  async effectiveUrl(url: string, signal?: AbortSignal): Promise<string> {
    checkUrl(url);
    return (await runGit(["ls-remote", "--get-url", "--", url], { env: this.#options.env, signal })).trim();
  }

  /** The commit that a target revision means now, by asking the remote. @throws GitError */
  async resolve(
    remote: Remote,
    targetRevision: string | undefined,
    signal?: AbortSignal,
  ): Promise<ResolvedRevision> {
    if (targetRevision !== undefined && /^[0-9a-f]{40}$/.test(targetRevision))
      return { commit: targetRevision };
    checkUrl(remote.url);
    const output = await runGit(["ls-remote", "--", remote.url], {
      env: this.#options.env,
      config: this.#config(remote),
      signal,
    });
    return resolveRevision(parseRemoteRefs(output), targetRevision);
  }

  /**
   * Calls `use` with the files of a commit, fetched if they are not here yet; they stay until it is done.
   * @throws GitError, and what `use` throws
   */
  async withCheckout<T>(
    remote: Remote,
    revision: ResolvedRevision,
    use: (checkout: CheckedOutCommit) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    return this.#exclusive(remote.url, async () => {
      const repository = await this.#repository(remote.url, signal);
      const commit =
        (await this.#find(repository, revision.commit)) ??
        (await this.#fetch(repository, remote, revision, signal));
      const directory = path.join(this.#root(remote.url), "checkouts", commit);
      if (!(await exists(directory))) await this.#export(repository, commit, directory, signal);
      return use({ commit, directory });
    });
  }

  #root(url: string): string {
    return path.join(this.#options.directory, createHash("sha256").update(url).digest("hex").slice(0, 32));
  }

  #config(remote: Remote): (readonly [string, string])[] {
    return [...FETCH_CONFIG, ...credentialConfig(remote.url, remote.credentials)];
  }

  async #repository(url: string, signal: AbortSignal | undefined): Promise<string> {
    const repository = path.join(this.#root(url), "mirror.git");
    if (!(await exists(path.join(repository, "HEAD")))) {
      await mkdir(repository, { recursive: true });
      await runGit(["init", "--quiet", "--bare", repository], { env: this.#options.env, signal });
    }
    return repository;
  }

  /** The full name of a commit that is here with its tree, else undefined. */
  async #find(repository: string, commit: string): Promise<string | undefined> {
    try {
      const args = ["rev-parse", "--quiet", "--verify", "--end-of-options", `${commit}^{commit}`];
      return (await runGit(args, { env: this.#options.env, cwd: repository })).trim();
    } catch (error) {
      if (error instanceof GitError) return undefined;
      throw error;
    }
  }

  async #fetch(
    repository: string,
    remote: Remote,
    revision: ResolvedRevision,
    signal: AbortSignal | undefined,
  ): Promise<string> {
    checkUrl(remote.url);
    const options = { env: this.#options.env, cwd: repository, config: this.#config(remote), signal };
    const fetch = (...refspecs: string[]) =>
      runGit(["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--force", ...refspecs], options);
    const wanted = revision.ref ?? revision.commit;
    try {
      await fetch("--depth=1", "--", remote.url, `+${wanted}:refs/fetched/${revision.commit}`);
    } catch (error) {
      // Not every server hands out commits that are no tips; then the branches and tags must contain it.
      if (!(error instanceof GitError) || revision.ref !== undefined) throw error;
      await fetch("--", remote.url, "+refs/heads/*:refs/remote/heads/*", "+refs/tags/*:refs/remote/tags/*");
    }
    const commit = await this.#find(repository, revision.commit);
    if (commit !== undefined) return commit;
    // The ref moved between the question and the fetch: what came is newer, and the next resolve will say so.
    const moved = await this.#find(repository, `refs/fetched/${revision.commit}`);
    if (moved !== undefined) return moved;
    throw new GitError(`commit ${revision.commit} is not in the repository`);
  }

  /** Writes the files of a commit, all or none: the directory appears by a rename. */
  async #export(
    repository: string,
    commit: string,
    directory: string,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const temporary = `${directory}.new`;
    await rm(temporary, { recursive: true, force: true });
    await mkdir(temporary, { recursive: true });
    const options = {
      env: this.#options.env,
      variables: { GIT_INDEX_FILE: path.join(temporary, ".index"), GIT_WORK_TREE: temporary },
      cwd: repository,
      signal,
      config: [
        ["core.symlinks", "false"],
        ["core.bare", "false"],
      ] as const,
    };
    await runGit(["read-tree", commit], options);
    await runGit(["checkout-index", "--all", "--force", `--prefix=${temporary}/`], options);
    await rm(path.join(temporary, ".index"), { force: true });
    await rename(temporary, directory);
    await this.#dropOldCheckouts(repository, path.dirname(directory));
  }

  async #dropOldCheckouts(repository: string, parent: string): Promise<void> {
    const names = await readdir(parent);
    const dated = await Promise.all(
      names.map(async (name) => ({ name, time: (await stat(path.join(parent, name))).mtimeMs })),
    );
    dated.sort((a, b) => b.time - a.time);
    for (const { name } of dated.slice(KEPT_CHECKOUTS)) {
      await rm(path.join(parent, name), { recursive: true, force: true });
      // Without its ref the commit is garbage, which git collects in time.
      await runGit(["update-ref", "-d", `refs/fetched/${name}`], { env: this.#options.env, cwd: repository });
    }
  }

  async #exclusive<T>(url: string, task: () => Promise<T>): Promise<T> {
    const before = this.#busy.get(url) ?? Promise.resolve();
    const run = before.then(task, task);
    const settled = run.then(
      () => undefined,
      () => undefined,
    );
    this.#busy.set(url, settled);
    try {
      return await run;
    } finally {
      if (this.#busy.get(url) === settled) this.#busy.delete(url);
    }
  }
}

function checkUrl(url: string): void {
  if (url === "" || url.startsWith("-") || /[\0\n\r]/.test(url))
    throw new GitError(`repoURL ${JSON.stringify(url)} is not a Git URL`);
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
