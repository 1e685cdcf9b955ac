import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { StorageKey } from "./event.ts";
import { ValueCipher } from "./value-cipher.ts";

/** Raised with every change of the tables or values (2: encrypted ones); a higher number is of a newer program. */
const SCHEMA_VERSION = 2;
/** "aied": tells our files from other SQLite databases. */
const APPLICATION_ID = 0x61696564;
/** The WAL is cut back to this after a checkpoint, so that a burst does not keep its disk space (k3s-io/k3s#4044). */
const WAL_SIZE_LIMIT_BYTES = 8 * 1024 * 1024;
/** 2 MiB: the working set is the in-memory table, SQLite reads little. Negative means KiB. */
const PAGE_CACHE_KIB = -2048;

export interface LogRow {
  revision: number;
  resource: string;
  namespace: string;
  name: string;
  kind: number;
  previous: string | null;
}

export interface CurrentRow {
  resource: string;
  namespace: string;
  name: string;
  value: string;
}

/**
 * The tables: `current` holds every object, `log` what each revision replaced (an undo log: the value after a
 * revision is what the next revision of the key replaced, or the current one), so every value is stored once.
 */
export class Database {
  readonly #db: DatabaseSync;
  readonly #cipher: ValueCipher;
  readonly #insertLog: StatementSync;
  readonly #upsert: StatementSync;
  readonly #remove: StatementSync;

  /** @throws Error in one line naming the file, the cause and the next step */
  static open(dataDir: string): Database {
    const file = join(dataDir, "state.db");
    const cipher = new ValueCipher(dataDir);
    try {
      mkdirSync(dataDir, { recursive: true, mode: 0o700 });
      return new Database(new DatabaseSync(file), file, cipher);
    } catch (error) {
      throw describeOpenError(file, error);
    }
  }

  private constructor(db: DatabaseSync, file: string, cipher: ValueCipher) {
    this.#db = db;
    this.#cipher = cipher;
    try {
      // One process owns the file: a second one fails here instead of breaking the in-memory table of the first.
      db.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL");
      db.exec(`PRAGMA synchronous = FULL; PRAGMA cache_size = ${PAGE_CACHE_KIB}`);
      db.exec(`PRAGMA journal_size_limit = ${WAL_SIZE_LIMIT_BYTES}`);
      checkVersion(db, file);
      db.exec(SCHEMA);
      db.exec(`PRAGMA user_version = ${SCHEMA_VERSION}; PRAGMA application_id = ${APPLICATION_ID}`);
    } catch (error) {
      db.close();
      throw error;
    }
    this.#insertLog = db.prepare(
      "INSERT INTO log (revision, time, resource, namespace, name, kind, previous) VALUES (?, ?, ?, ?, ?, ?, ?)",
    );
    this.#upsert = db.prepare(
      "INSERT INTO current (resource, namespace, name, value) VALUES (?, ?, ?, ?) " +
        "ON CONFLICT (resource, namespace, name) DO UPDATE SET value = excluded.value",
    );
    this.#remove = db.prepare("DELETE FROM current WHERE resource = ? AND namespace = ? AND name = ?");
  }

  /** Runs `work` in one durable transaction: when this returns, it survives a power loss. */
  transaction(work: () => void): void {
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      work();
      this.#db.exec("COMMIT");
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw error;
    }
  }

  appendLog(row: LogRow, time: number): void {
    const previous = row.previous === null ? null : this.#cipher.seal(row, row.previous);
    this.#insertLog.run(row.revision, time, row.resource, row.namespace, row.name, row.kind, previous);
  }

  put(row: CurrentRow): void {
    this.#upsert.run(row.resource, row.namespace, row.name, this.#cipher.seal(row, row.value));
  }

  remove(resource: string, namespace: string, name: string): void {
    this.#remove.run(resource, namespace, name);
  }

  *current(): Generator<CurrentRow> {
    const rows = this.#db.prepare("SELECT resource, namespace, name, value FROM current").iterate();
    for (const row of rows) {
      const key = keyOf(row);
      yield { ...key, value: this.#cipher.open(key, String(row["value"])) };
    }
  }

  /** Log rows of a resource after a revision, newest first. */
  logAfter(resource: string, revision: number): LogRow[] {
    const rows = this.#db
      .prepare("SELECT * FROM log WHERE revision > ? AND resource = ? ORDER BY revision DESC")
      .all(revision, resource);
    return rows.map((row) => {
      const key = keyOf(row);
      const previous = row["previous"] === null ? null : this.#cipher.open(key, String(row["previous"]));
      return { revision: Number(row["revision"]), ...key, kind: Number(row["kind"]), previous };
    });
  }

  /** The newest revision written, 0 for a new database. */
  lastRevision(): number {
    return Number(this.#db.prepare("SELECT max(revision) AS revision FROM log").get()?.["revision"] ?? 0);
  }

  /** The oldest revision whose log row is still there; absent when the log is empty. */
  firstRevision(): number | undefined {
    const first = this.#db.prepare("SELECT min(revision) AS revision FROM log").get()?.["revision"];
    return first === null || first === undefined ? undefined : Number(first);
  }

  /** The newest revision written before a time, 0 if none. */
  revisionBefore(time: number): number {
    // Revisions and times grow together, so a scan from the old end stops at the first row that is too new.
    const row = this.#db
      .prepare("SELECT revision FROM log WHERE time >= ? ORDER BY revision LIMIT 1")
      .get(time);
    return row === undefined ? this.lastRevision() : Number(row["revision"]) - 1;
  }

  /** Deletes at most `limit` log rows up to a revision; returns how many. */
  deleteLog(upTo: number, limit: number): number {
    const { changes } = this.#db
      .prepare(
        "DELETE FROM log WHERE revision IN (SELECT revision FROM log WHERE revision <= ? ORDER BY revision LIMIT ?)",
      )
      .run(upTo, limit);
    return Number(changes);
  }

  /** Gives at most `pages` free pages back to the file system. */
  vacuum(pages: number): void {
    this.#db.exec(`PRAGMA incremental_vacuum(${pages})`);
  }

  close(): void {
    this.#db.close();
  }
}

function keyOf(row: Record<string, unknown>): StorageKey {
  return {
    resource: String(row["resource"]),
    namespace: String(row["namespace"]),
    name: String(row["name"]),
  };
}

const SCHEMA = `
CREATE TABLE IF NOT EXISTS current (
  resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,
  PRIMARY KEY (resource, namespace, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS log (
  revision INTEGER PRIMARY KEY, time INTEGER NOT NULL,
  resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
  kind INTEGER NOT NULL, previous TEXT
);`;

function checkVersion(db: DatabaseSync, file: string): void {
  const version = Number(db.prepare("PRAGMA user_version").get()?.["user_version"] ?? 0);
  if (version > SCHEMA_VERSION) {
    throw new Error(
      `${file} has format ${version}, this program knows up to ${SCHEMA_VERSION}: it was written by a newer version; run that one or use another data directory`,
    );
  }
}

function describeOpenError(file: string, error: unknown): Error {
  const cause = error instanceof Error ? error.message : String(error);
  if (cause.startsWith(file)) return error instanceof Error ? error : new Error(cause);
  if (cause.includes("database is locked")) {
    return new Error(`${file} is in use by another process: stop it or use another data directory`, {
      cause: error,
    });
  }
  if (cause.includes("not a database")) {
    return new Error(`${file} is not an ai-edge database: move it away or use another data directory`, {
      cause: error,
    });
  }
  return new Error(`cannot open ${file}: ${cause}; the data directory must exist on a writable disk`, {
    cause: error,
  });
}
