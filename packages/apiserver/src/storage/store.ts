import { type UnstructuredObject, statusError } from "@ai-edge/apimachinery";
import type { Logger } from "pino";
import { Database, type LogRow } from "./database.ts";
import { EventRing } from "./event-ring.ts";
import type { StorageEvent, StorageKey } from "./event.ts";
import { ObjectTable, comparePaths, pathOf } from "./object-table.ts";
import { StoredObject } from "./stored-object.ts";

export type EventListener = (events: readonly StorageEvent[]) => void;

/** What a write operation may do. Reads see the operation's own changes and those of operations before it. */
export interface Transaction {
  get(key: StorageKey): StoredObject | undefined;
  list(resource: string, namespace: string | undefined): StoredObject[];
  /** Stores an object under the next revision, which is set as its `metadata.resourceVersion`. */
  put(key: StorageKey, object: UnstructuredObject): StoredObject;
  /** @returns the last state with the revision of the deletion */
  delete(key: StorageKey): StoredObject;
}

interface Change {
  event: StorageEvent;
}

interface PendingWrite {
  run: (transaction: Transaction) => unknown;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
}

const KINDS = ["ADDED", "MODIFIED", "DELETED"] as const;

/**
 * All objects of one cluster: an in-memory table over SQLite with one revision counter. Writes are queued and run one
 * after the other at the end of the event loop's turn, all in one durable transaction (group commit); a write resolves
 * when it is on disk. Readers see only what is on disk.
 */
export class Store {
  readonly #database: Database;
  readonly #table = new ObjectTable();
  readonly #ring: EventRing;
  readonly #logger: Logger;
  readonly #now: () => Date;
  readonly #listeners = new Set<EventListener>();
  #revision: number;
  #compacted: number;
  #pending: PendingWrite[] = [];
  #closed = false;

  constructor(options: { dataDir: string; logger: Logger; now: () => Date }) {
    this.#database = Database.open(options.dataDir);
    this.#logger = options.logger;
    this.#now = options.now;
    try {
      for (const row of this.#database.current()) this.#table.set(row, new StoredObject(row.value));
    } catch (error) {
      this.#database.close();
      throw error;
    }
    this.#revision = this.#database.lastRevision();
    this.#compacted = (this.#database.firstRevision() ?? 1) - 1;
    this.#ring = new EventRing(this.#revision);
  }

  /** The revision of the newest committed write. */
  get revision(): number {
    return this.#revision;
  }

  /** History reaches back to this revision; asking for an older one fails with Expired. */
  get compactedRevision(): number {
    return this.#compacted;
  }

  get(key: StorageKey): StoredObject | undefined {
    return this.#table.get(key);
  }

  /** @param namespace undefined for all */
  list(resource: string, namespace?: string): StoredObject[] {
    return this.#table.list(resource, namespace);
  }

  /** The group resources that have objects. */
  resources(): string[] {
    return this.#table.resources();
  }

  /**
   * Runs an operation; its changes become durable together. What it throws rejects the promise and undoes only its own
   * changes. The operation must be synchronous.
   */
  write<T>(run: (transaction: Transaction) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#closed) {
        reject(statusError("ServiceUnavailable", "the API server is shutting down"));
        return;
      }
      if (this.#pending.length === 0) setImmediate(() => this.#flush());
      this.#pending.push({ run, resolve: (value) => resolve(value as T), reject });
    });
  }

  /** Calls `listener` after every commit, in order, until the returned function is called. */
  subscribe(listener: EventListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** @throws StatusError Expired when the history does not reach back so far */
  eventsAfter(resource: string, revision: number): StorageEvent[] {
    if (revision >= this.#revision) return [];
    const recent = this.#ring.after(revision);
    if (recent !== undefined) return recent.filter((event) => event.resource === resource);
    if (revision < this.#compacted) {
      throw statusError("Expired", `too old resource version: ${revision} (${this.#compacted + 1})`);
    }
    return this.#eventsFromLog(resource, revision);
  }

  /** The objects of a resource as they were at a revision. @throws StatusError Expired */
  listAt(resource: string, namespace: string | undefined, revision: number): StoredObject[] {
    const events = this.eventsAfter(resource, revision);
    const objects = new Map(
      this.list(resource, namespace).map((stored) => [pathOfObject(stored.object), stored]),
    );
    for (const event of events.toReversed()) {
      if (namespace !== undefined && event.namespace !== namespace) continue;
      if (event.previous === undefined) objects.delete(pathOf(event));
      else objects.set(pathOf(event), event.previous);
    }
    return [...objects].toSorted(([a], [b]) => comparePaths(a, b)).map(([, stored]) => stored);
  }

  /** Forgets history up to a revision, at most `limit` rows; returns how many it deleted. */
  compact(options: { keepRevisions: number; keepSince: Date; limit: number }): number {
    const target = Math.min(
      this.#revision - options.keepRevisions,
      this.#database.revisionBefore(options.keepSince.getTime()),
    );
    if (target <= this.#compacted) return 0;
    const deleted = this.#database.deleteLog(target, options.limit);
    this.#compacted = (this.#database.firstRevision() ?? this.#revision + 1) - 1;
    this.#database.vacuum(options.limit);
    return deleted;
  }

  /** Commits what is queued and closes the database. */
  close(): void {
    if (this.#closed) return;
    this.#flush();
    this.#closed = true;
    this.#listeners.clear();
    this.#database.close();
  }

  #eventsFromLog(resource: string, revision: number): StorageEvent[] {
    const later = new Map<string, StoredObject | undefined>();
    const events: StorageEvent[] = [];
    for (const row of this.#database.logAfter(resource, revision)) {
      const path = pathOf(row);
      const previous = row.previous === null ? undefined : new StoredObject(row.previous);
      const type = KINDS[row.kind] ?? "MODIFIED";
      const after =
        type === "DELETED" && previous !== undefined
          ? withRevision(previous.object, row.revision)
          : later.has(path)
            ? later.get(path)
            : this.#table.get(row);
      later.set(path, previous);
      if (after === undefined) continue;
      const { namespace, name } = row;
      events.push({ revision: row.revision, type, resource, namespace, name, object: after, previous });
    }
    return events.toReversed();
  }

  #flush(): void {
    const writes = this.#pending;
    this.#pending = [];
    if (writes.length === 0) return;
    const before = this.#revision;
    const changes: Change[] = [];
    const outcomes = writes.map((write) => this.#run(write, changes));
    if (changes.length > 0) {
      try {
        this.#commit(changes);
      } catch (error) {
        this.#undo(changes, 0);
        this.#revision = before;
        this.#logger.error({ err: error, writes: writes.length }, "the database refused a commit");
        for (const write of writes) write.reject(commitError(error));
        return;
      }
      const events = changes.map((change) => change.event);
      this.#ring.push(events);
      for (const listener of this.#listeners) listener(events);
    }
    for (const settle of outcomes) settle();
  }

  #run(write: PendingWrite, changes: Change[]): () => void {
    const mark = changes.length;
    const revision = this.#revision;
    try {
      const value = write.run(this.#transaction(changes));
      return () => write.resolve(value);
    } catch (error) {
      this.#undo(changes, mark);
      this.#revision = revision;
      return () => write.reject(error);
    }
  }

  #transaction(changes: Change[]): Transaction {
    return {
      get: (key) => this.#table.get(key),
      list: (resource, namespace) => this.#table.list(resource, namespace),
      put: (key, object) => {
        const stored = withRevision(object, this.#revision + 1);
        const previous = this.#table.set(key, stored);
        this.#record(changes, key, previous === undefined ? "ADDED" : "MODIFIED", stored, previous);
        return stored;
      },
      delete: (key) => {
        const previous = this.#table.get(key);
        if (previous === undefined) throw new Error(`${key.resource} ${pathOf(key)} to delete is not stored`);
        const stored = withRevision(previous.object, this.#revision + 1);
        this.#table.set(key, undefined);
        this.#record(changes, key, "DELETED", stored, previous);
        return stored;
      },
    };
  }

  #record(
    changes: Change[],
    { resource, namespace, name }: StorageKey,
    type: StorageEvent["type"],
    object: StoredObject,
    previous: StoredObject | undefined,
  ): void {
    this.#revision += 1;
    changes.push({ event: { revision: this.#revision, type, resource, namespace, name, object, previous } });
  }

  #undo(changes: Change[], mark: number): void {
    for (const { event } of changes.splice(mark).toReversed()) this.#table.set(event, event.previous);
  }

  #commit(changes: readonly Change[]): void {
    const time = this.#now().getTime();
    this.#database.transaction(() => {
      for (const { event } of changes) {
        const { revision, resource, namespace, name } = event;
        const row: LogRow = {
          revision,
          resource,
          namespace,
          name,
          kind: KINDS.indexOf(event.type),
          previous: event.previous?.text ?? null,
        };
        this.#database.appendLog(row, time);
        if (event.type === "DELETED") this.#database.remove(resource, namespace, name);
        else this.#database.put({ resource, namespace, name, value: event.object.text });
      }
    });
  }
}

function withRevision(object: UnstructuredObject, revision: number): StoredObject {
  const stamped = { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
  return new StoredObject(JSON.stringify(stamped), stamped);
}

function pathOfObject(object: UnstructuredObject): string {
  return pathOf({ namespace: object.metadata.namespace ?? "", name: object.metadata.name });
}

function commitError(error: unknown): Error {
  const message = error instanceof Error ? error.message : String(error);
  return /full|disk|no space/i.test(message)
    ? statusError(
        "InsufficientStorage",
        `the write was not stored: ${message}; free disk space of the data directory`,
      )
    : statusError("InternalError", `the write was not stored: ${message}`);
}
