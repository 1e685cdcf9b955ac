import type { DatabaseSync } from "node:sqlite";
import { fullName } from "./repository.ts";
import type { RepositoryName } from "./repository.ts";

/** A pull request between two branches of one repository. Times are RFC 3339 with seconds, as GitHub's. */
export interface PullRequest {
  number: number;
  title: string;
  body: string;
  author: string;
  /** Branch with the changes. */
  head: string;
  /** Branch that receives them. */
  base: string;
  state: "open" | "closed";
  createdAt: string;
  updatedAt: string;
  closedAt?: string;
  mergedAt?: string;
  mergedBy?: string;
  mergeCommit?: string;
  /** The two commits at the end of its life: branches may move or go afterwards. */
  finalHead?: string;
  finalBase?: string;
}

export interface PullRequestFilter {
  state?: "open" | "closed" | "all";
  head?: string;
  base?: string;
}

/** The pull requests of every repository, in SQLite: what was answered is on disk. */
export class PullRequestStore {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
    database.exec(`CREATE TABLE IF NOT EXISTS pull_request (
      repository TEXT NOT NULL, number INTEGER NOT NULL, document TEXT NOT NULL,
      PRIMARY KEY (repository, number)) WITHOUT ROWID`);
  }

  /** Stores a new pull request under the next number of its repository. */
  create(repository: RepositoryName, draft: Omit<PullRequest, "number">): PullRequest {
    const row = this.#database
      .prepare("SELECT coalesce(max(number), 0) AS last FROM pull_request WHERE repository = ?")
      .get(fullName(repository));
    const pull: PullRequest = { number: Number(row?.["last"] ?? 0) + 1, ...draft };
    this.#database
      .prepare("INSERT INTO pull_request (repository, number, document) VALUES (?, ?, ?)")
      .run(fullName(repository), pull.number, JSON.stringify(pull));
    return pull;
  }

  get(repository: RepositoryName, number: number): PullRequest | undefined {
    const row = this.#database
      .prepare("SELECT document FROM pull_request WHERE repository = ? AND number = ?")
      .get(fullName(repository), number);
    return row === undefined ? undefined : decode(row["document"]);
  }

  /** Replaces a stored pull request. */
  update(repository: RepositoryName, pull: PullRequest): void {
    this.#database
      .prepare("UPDATE pull_request SET document = ? WHERE repository = ? AND number = ?")
      .run(JSON.stringify(pull), fullName(repository), pull.number);
  }

  /** Newest first, as GitHub's default order. */
  list(repository: RepositoryName, filter: PullRequestFilter = {}): PullRequest[] {
    const state = filter.state ?? "open";
    return this.#database
      .prepare("SELECT document FROM pull_request WHERE repository = ? ORDER BY number DESC")
      .all(fullName(repository))
      .map((row) => decode(row["document"]))
      .filter((pull) => state === "all" || pull.state === state)
      .filter((pull) => filter.head === undefined || pull.head === filter.head)
      .filter((pull) => filter.base === undefined || pull.base === filter.base);
  }
}

function decode(document: unknown): PullRequest {
  // Only this store writes the column.
  return JSON.parse(String(document)) as PullRequest;
}
