import { DatabaseSync } from "node:sqlite";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { commitToBranch, readTree } from "./commit.ts";
import type { CommitOptions, FileContent } from "./commit.ts";
import { runGit } from "./git.ts";
import { KeyedLock } from "./keyed-lock.ts";
import { PullRequestStore } from "./pull-request.ts";
import type { PushEvent } from "./push-event.ts";
import { RefMemory } from "./push-event.ts";
import { fullName, isBranchName, isRepositoryName, RepositoryStore } from "./repository.ts";
import type { RepositoryName } from "./repository.ts";

export interface SeedOptions extends RepositoryName {
  /** Content by path, or a directory to read it from. */
  files?: Record<string, FileContent>;
  directory?: string;
  message: string;
  /** Default: "ai-edge" <ai-edge@localhost>. */
  author?: { name: string; email: string };
  /** Default: the epoch, so that the same content is the same commit everywhere. */
  date?: Date;
  /** Default: main. */
  branch?: string;
}

const DEFAULT_AUTHOR = { name: "ai-edge", email: "ai-edge@localhost" };
const DEFAULT_BRANCH = "main";

/** Repositories, pull requests and the news about them: the forge without its HTTP. */
export class Forge {
  readonly repositories: RepositoryStore;
  readonly pulls: PullRequestStore;
  /** One writer per repository: pull requests, merges and announcements see a still repository. */
  readonly lock = new KeyedLock();
  readonly #memory: RefMemory;
  readonly #database: DatabaseSync;
  readonly #listeners = new Set<(event: PushEvent) => void>();

  private constructor(repositories: RepositoryStore, database: DatabaseSync) {
    this.repositories = repositories;
    this.#database = database;
    this.pulls = new PullRequestStore(database);
    this.#memory = new RefMemory(database);
  }

  /** Opens the state below a directory, creating it. */
  static async open(dataDir: string): Promise<Forge> {
    const root = join(dataDir, "repos");
    await mkdir(root, { recursive: true });
    const database = new DatabaseSync(join(dataDir, "forge.db"));
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000");
    return new Forge(new RepositoryStore(root), database);
  }

  /** Calls back for every branch or tag that moves; the returned function ends that. */
  onPush(listener: (event: PushEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tells the listeners what moved in a repository since the last time. */
  async announce(repository: RepositoryName, pusher: string): Promise<void> {
    await this.lock.run(fullName(repository), async () => {
      for (const event of await this.#memory.changes(this.repositories, repository, pusher)) {
        await this.#followPulls(event);
        for (const listener of this.#listeners) listener(event);
        this.#memory.remember(event);
      }
    });
  }

  /**
   * Makes a repository with one commit, once: a repository whose branch is there already is left alone.
   * @returns the branch's commit, and whether it was made now
   */
  async seedRepository(options: SeedOptions): Promise<{ created: boolean; commit: string }> {
    const { owner, name, branch = DEFAULT_BRANCH } = options;
    const repository = { owner, name };
    requireNames(repository, branch);
    await this.repositories.create(repository, branch);
    const present = await this.repositories.branch(repository, branch);
    if (present !== undefined) return { created: false, commit: present };
    const files = {
      ...(options.directory === undefined ? {} : await readTree(options.directory)),
      ...options.files,
    };
    const commit = await this.commitFiles(repository, branch, {
      files,
      message: options.message,
      author: options.author ?? DEFAULT_AUTHOR,
      date: options.date ?? new Date(0),
    });
    return { created: true, commit };
  }

  /** Adds a commit to a branch (creating it), as a push of that commit would. @returns the commit */
  async commitFiles(repository: RepositoryName, branch: string, options: CommitOptions): Promise<string> {
    requireNames(repository, branch);
    const commit = await this.lock.run(fullName(repository), async () => {
      const parent = await this.repositories.branch(repository, branch);
      return commitToBranch(this.repositories.path(repository), branch, parent, options);
    });
    await this.announce(repository, options.author.name);
    return commit;
  }

  close(): void {
    this.#listeners.clear();
    if (this.#database.isOpen) this.#database.close();
  }

  /** Keeps `refs/pull/N/head`, as GitHub does: the changes stay reachable when the branch is deleted. */
  async #followPulls(event: PushEvent): Promise<void> {
    if (!event.ref.startsWith("refs/heads/")) return;
    const branch = event.ref.slice("refs/heads/".length);
    for (const pull of this.pulls.list(event.repository, { state: "open", head: branch })) {
      const tip = await this.repositories.branch(event.repository, branch);
      if (tip === undefined) continue;
      await runGit(this.repositories.path(event.repository), [
        "update-ref",
        `refs/pull/${pull.number}/head`,
        tip,
      ]);
    }
  }
}

function requireNames(repository: RepositoryName, branch: string): void {
  if (!isRepositoryName(repository))
    throw new RangeError(`${JSON.stringify(fullName(repository))} is not a valid repository name`);
  if (!isBranchName(branch)) throw new RangeError(`${JSON.stringify(branch)} is not a valid branch name`);
}
