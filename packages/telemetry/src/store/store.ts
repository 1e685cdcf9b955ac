/**
 * The core's metrics: series and samples in SQLite, answers to writes only when they are durable. The label index is
 * held in memory (a few hundred bytes per series); samples stay on disk.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { METRIC_NAME, seriesKey, type Labels, type Sample, type TimeSeries } from "../series.ts";
import { compileMatchers, type Matcher } from "./matcher.ts";

export interface MetricsStoreOptions {
  dataDir: string;
  /** Milliseconds that samples are kept. */
  retention: number;
  now: () => Date;
  /** Series in all; a write that needs more is refused. */
  maxSeries?: number;
}

export interface MetricsStore {
  /**
   * Stores samples; when it returns they are on disk. A sample that is already there is left as it is, so a request
   * that is sent twice changes nothing. Order does not matter.
   *
   * @throws StoreFullError when new series would exceed the bound
   */
  append(series: readonly TimeSeries[]): void;
  /** Series that fit all matchers, with their samples in `[from, to]` (milliseconds), oldest first. */
  select(matchers: readonly Matcher[], from: number, to: number): TimeSeries[];
  /** Label sets of series that fit all matchers and have a sample in `[from, to]`. */
  series(matchers: readonly Matcher[], from: number, to: number): Labels[];
  /** Drops samples older than the retention and series without samples. Call it now and then. */
  prune(): void;
  status(): { series: number; lastSampleByCluster: Record<string, number> };
  close(): void;
}

/** New series beyond the bound. */
export class StoreFullError extends Error {
  override readonly name = "StoreFullError";
}

/** 500 sites with two models have about 230,000 series; beyond a million the index would not be small any more. */
const DEFAULT_MAX_SERIES = 1_000_000;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS series (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE);
  CREATE TABLE IF NOT EXISTS samples (
    series INTEGER NOT NULL, time INTEGER NOT NULL, value, PRIMARY KEY (series, time)
  ) WITHOUT ROWID;
  PRAGMA user_version = 1;
`;

/** SQLite turns NaN into NULL, which here is the staleness marker; so NaN is stored as text. */
const NAN = "NaN";

interface Entry {
  id: number;
  labels: Labels;
}

function labelsOf(key: string): Labels {
  const entries: unknown = JSON.parse(key);
  if (!Array.isArray(entries)) return {};
  return Object.fromEntries(
    entries.map((pair: unknown) => (Array.isArray(pair) ? [pair[0], pair[1]] : ["", ""])),
  );
}

function openDatabase(dataDir: string): DatabaseSync {
  mkdirSync(dataDir, { recursive: true });
  const database = new DatabaseSync(join(dataDir, "metrics.db"));
  // FULL: an acknowledged write has to survive a power cut, because the edge forgets it then.
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -4096;");
  const version = database.prepare("PRAGMA user_version").get()?.["user_version"];
  if (Number(version) > 1) {
    database.close();
    throw new Error(`${dataDir}/metrics.db was written by a newer version of ai-edge; use that version`);
  }
  database.exec(SCHEMA);
  return database;
}

class SqliteMetricsStore implements MetricsStore {
  readonly #database: DatabaseSync;
  readonly #options: MetricsStoreOptions;
  readonly #maxSeries: number;
  readonly #byKey = new Map<string, Entry>();
  readonly #byName = new Map<string, Set<Entry>>();
  readonly #lastByCluster = new Map<string, number>();
  readonly #insertSeries: StatementSync;
  readonly #insertSample: StatementSync;
  readonly #readSamples: StatementSync;
  readonly #hasSample: StatementSync;

  constructor(options: MetricsStoreOptions) {
    this.#options = options;
    this.#maxSeries = options.maxSeries ?? DEFAULT_MAX_SERIES;
    this.#database = openDatabase(options.dataDir);
    this.#insertSeries = this.#database.prepare("INSERT INTO series (key) VALUES (?)");
    this.#insertSample = this.#database.prepare(
      "INSERT OR IGNORE INTO samples (series, time, value) VALUES (?, ?, ?)",
    );
    this.#readSamples = this.#database.prepare(
      "SELECT time, value FROM samples WHERE series = ? AND time BETWEEN ? AND ? ORDER BY time",
    );
    // Rows as arrays are half the work of rows as objects; a dashboard's query reads tens of thousands.
    this.#readSamples.setReturnArrays(true);
    this.#hasSample = this.#database.prepare(
      "SELECT 1 FROM samples WHERE series = ? AND time BETWEEN ? AND ? LIMIT 1",
    );
    for (const row of this.#database.prepare("SELECT id, key FROM series").iterate()) {
      this.#index(String(row["key"]), Number(row["id"]));
    }
  }

  #index(key: string, id: number): Entry {
    const entry = { id, labels: labelsOf(key) };
    this.#byKey.set(key, entry);
    const name = entry.labels[METRIC_NAME] ?? "";
    const named = this.#byName.get(name);
    if (named === undefined) this.#byName.set(name, new Set([entry]));
    else named.add(entry);
    return entry;
  }

  append(series: readonly TimeSeries[]): void {
    const keys = series.map((one) => seriesKey(one.labels));
    const fresh = new Set(keys.filter((key) => !this.#byKey.has(key)));
    if (this.#byKey.size + fresh.size > this.#maxSeries) {
      throw new StoreFullError(
        `metrics store: ${fresh.size} new series would exceed the bound of ${this.#maxSeries}`,
      );
    }
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      // Ids first, the index only after the commit: a failed write must leave no series that the disk does not have.
      const ids = new Map<string, number>();
      for (const key of fresh) ids.set(key, Number(this.#insertSeries.run(key).lastInsertRowid));
      for (const [index, { samples }] of series.entries()) {
        const key = keys[index] ?? "";
        const id = this.#byKey.get(key)?.id ?? ids.get(key) ?? 0;
        for (const { timestamp, value } of samples) {
          this.#insertSample.run(id, timestamp, value !== null && Number.isNaN(value) ? NAN : value);
        }
      }
      this.#database.exec("COMMIT");
      for (const [key, id] of ids) this.#index(key, id);
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw error;
    }
    for (const { labels, samples } of series) this.#noteLast(labels["cluster"], samples.at(-1)?.timestamp);
  }

  #noteLast(cluster: string | undefined, time: number | undefined): void {
    if (cluster === undefined || time === undefined) return;
    this.#lastByCluster.set(cluster, Math.max(time, this.#lastByCluster.get(cluster) ?? 0));
  }

  *#matching(matchers: readonly Matcher[]): Generator<Entry> {
    const fits = compileMatchers(matchers);
    const name = matchers.find((matcher) => matcher.name === METRIC_NAME && matcher.operator === "=");
    const candidates = name === undefined ? this.#byKey.values() : (this.#byName.get(name.value) ?? []);
    for (const entry of candidates) if (fits(entry.labels)) yield entry;
  }

  select(matchers: readonly Matcher[], from: number, to: number): TimeSeries[] {
    const found: TimeSeries[] = [];
    for (const { id, labels } of this.#matching(matchers)) {
      const samples = this.#readSamples.all(id, Math.floor(from), Math.floor(to)).map((row): Sample => {
        const [time, value] = Object.values(row);
        const number = value === null ? null : value === NAN ? Number.NaN : Number(value);
        return { timestamp: Number(time), value: number };
      });
      if (samples.length > 0) found.push({ labels, samples });
    }
    return found;
  }

  series(matchers: readonly Matcher[], from: number, to: number): Labels[] {
    const found: Labels[] = [];
    for (const { id, labels } of this.#matching(matchers)) {
      if (this.#hasSample.get(id, Math.floor(from), Math.floor(to)) !== undefined) found.push(labels);
    }
    return found;
  }

  prune(): void {
    const oldest = this.#options.now().getTime() - this.#options.retention;
    this.#database.prepare("DELETE FROM samples WHERE time < ?").run(oldest);
    const empty = this.#database
      .prepare(
        "SELECT key FROM series WHERE NOT EXISTS (SELECT 1 FROM samples WHERE samples.series = series.id)",
      )
      .all();
    const remove = this.#database.prepare("DELETE FROM series WHERE key = ?");
    for (const row of empty) {
      const key = String(row["key"]);
      remove.run(key);
      const entry = this.#byKey.get(key);
      if (entry === undefined) continue;
      this.#byKey.delete(key);
      this.#byName.get(entry.labels[METRIC_NAME] ?? "")?.delete(entry);
    }
  }

  status(): { series: number; lastSampleByCluster: Record<string, number> } {
    return { series: this.#byKey.size, lastSampleByCluster: Object.fromEntries(this.#lastByCluster) };
  }

  close(): void {
    this.#database.close();
  }
}

/**
 * Opens the store in `dataDir/metrics.db`.
 *
 * @throws Error when the file was written by a newer version
 */
export function createMetricsStore(options: MetricsStoreOptions): MetricsStore {
  return new SqliteMetricsStore(options);
}
