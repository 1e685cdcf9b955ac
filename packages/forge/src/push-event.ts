import type { DatabaseSync } from "node:sqlite";
import { runGit } from "./git.ts";
import { fullName } from "./repository.ts";
import type { RepositoryName, RepositoryStore } from "./repository.ts";

/** GitHub's name for "there is no commit" in `before` and `after`. */
export const NO_COMMIT = "0".repeat(40);
/** Commits listed in one event; more are reachable through `before` and `after`. */
const MAX_COMMITS = 50;

/** One branch or tag that moved. */
export interface PushEvent {
  repository: RepositoryName;
  /** Full name, e.g. `refs/heads/main`. */
  ref: string;
  /** Commits before and after; {@link NO_COMMIT} for a ref that appeared or went. */
  before: string;
  after: string;
  /** The commits before are not all part of the history after. */
  forced: boolean;
  /** Who did it, where known; a restart that finds moved refs does not know. */
  pusher: string;
  /** Newest last. */
  commits: PushedCommit[];
}

export interface PushedCommit {
  id: string;
  message: string;
  timestamp: string;
  author: { name: string; email: string };
  added: string[];
  modified: string[];
  removed: string[];
}

/**
 * Remembers which refs were announced. An event is the difference between the repository and this memory, so a push
 * whose process died before it told anybody is told at the next start.
 */
export class RefMemory {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
    database.exec(`CREATE TABLE IF NOT EXISTS announced_ref (
      repository TEXT NOT NULL, ref TEXT NOT NULL, object TEXT NOT NULL, PRIMARY KEY (repository, ref)) WITHOUT ROWID`);
  }

  /** What moved since the last {@link remember}, ordered by ref. */
  async changes(store: RepositoryStore, repository: RepositoryName, pusher: string): Promise<PushEvent[]> {
    const known = this.#known(repository);
    const current = await store.refs(repository);
    const events: PushEvent[] = [];
    for (const ref of [...new Set([...known.keys(), ...current.keys()])].toSorted()) {
      const [before, after] = [known.get(ref) ?? NO_COMMIT, current.get(ref) ?? NO_COMMIT];
      if (before === after) continue;
      const commits = after === NO_COMMIT ? [] : await listCommits(store.path(repository), before, after);
      const forced =
        before !== NO_COMMIT &&
        after !== NO_COMMIT &&
        !(await isAncestor(store.path(repository), before, after));
      events.push({ repository, ref, before, after, forced, pusher, commits });
    }
    return events;
  }

  /** Marks an event as told. */
  remember(event: PushEvent): void {
    const name = fullName(event.repository);
    if (event.after === NO_COMMIT) {
      this.#database
        .prepare("DELETE FROM announced_ref WHERE repository = ? AND ref = ?")
        .run(name, event.ref);
    } else {
      this.#database
        .prepare("INSERT OR REPLACE INTO announced_ref (repository, ref, object) VALUES (?, ?, ?)")
        .run(name, event.ref, event.after);
    }
  }

  #known(repository: RepositoryName): Map<string, string> {
    const rows = this.#database
      .prepare("SELECT ref, object FROM announced_ref WHERE repository = ?")
      .all(fullName(repository));
    return new Map(rows.map((row) => [String(row["ref"]), String(row["object"])]));
  }
}

async function isAncestor(path: string, before: string, after: string): Promise<boolean> {
  return runGit(path, ["merge-base", "--is-ancestor", before, after]).then(
    () => true,
    () => false,
  );
}

async function listCommits(path: string, before: string, after: string): Promise<PushedCommit[]> {
  const range =
    before === NO_COMMIT ? ["--max-count=1", after] : [`--max-count=${MAX_COMMITS}`, `${before}..${after}`];
  // NUL separates fields (-z), so that no message or path can be mistaken for another field.
  const format = "--format=%x01%H%x00%cI%x00%an%x00%ae%x00%B";
  const args = [
    "log",
    "-z",
    "--name-status",
    "--no-renames",
    "--root",
    "-m",
    "--first-parent",
    format,
    ...range,
    "--",
  ];
  const output = (await runGit(path, args)).toString("utf8");
  return output
    .split("\u0001")
    .slice(1)
    .map((record) => parseCommit(record))
    .toReversed();
}

function parseCommit(record: string): PushedCommit {
  const [id = "", timestamp = "", name = "", email = "", message = "", ...rest] = record.split("\0");
  const commit: PushedCommit = {
    id,
    message: message.trimEnd(),
    timestamp,
    author: { name, email },
    added: [],
    modified: [],
    removed: [],
  };
  for (let index = 0; index + 1 < rest.length;) {
    const status = (rest[index] ?? "").trim();
    if (status === "") {
      index += 1;
      continue;
    }
    const path = rest[index + 1] ?? "";
    (status === "A" ? commit.added : status === "D" ? commit.removed : commit.modified).push(path);
    index += 2;
  }
  return commit;
}
