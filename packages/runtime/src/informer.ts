import {
  type KubernetesObject,
  type ResourceType,
  StatusError,
  formatKey,
  groupResource,
  isStatus,
  keyOf,
} from "@ai-edge/apimachinery";
import type { Client } from "@ai-edge/client";
import type { Logger } from "pino";
import { Backoff } from "./backoff.ts";
import { sleep } from "./sleep.ts";
import { ObjectStore } from "./store.ts";
import type { Informer, InformerEvent, InformerOptions } from "./types.ts";

/** client-go's reflector starts at 800 ms; a local API server is back sooner. */
const BACKOFF_BASE_MS = 100;
/** client-go's bound. */
const BACKOFF_MAX_MS = 30_000;
/** A watch that ends sooner than this without an event is a failure in disguise (client-go's "very short watch"). */
const SHORT_WATCH_MS = 1_000;
/** client-go: between 5 and 10 min, so that watches of many agents do not restart in step. */
const WATCH_TIMEOUT_MIN_SECONDS = 300;
/** How long after its own time-out a watch may end before it is taken as half-open and dropped. */
const WATCH_GRACE_SECONDS = 30;

export interface SharedInformerOptions {
  client: Client;
  logger: Logger;
  random?: () => number;
}

/** Lists once, then watches; every failure is retried, and only an expired resource version lists again. */
export class SharedInformer<T extends KubernetesObject> implements Informer<T> {
  readonly store = new ObjectStore<T>();
  readonly synced: Promise<void>;
  readonly #type: ResourceType<T>;
  readonly #scope: Scope;
  readonly #client: Client;
  readonly #logger: Logger;
  readonly #random: () => number;
  readonly #handlers = new Set<(event: InformerEvent<T>) => void>();
  readonly #backoff: Backoff;
  #markSynced: () => void = () => {};
  #resourceVersion: string | undefined;

  constructor(type: ResourceType<T>, options: InformerOptions<T>, shared: SharedInformerOptions) {
    const { namespace, labelSelector, fieldSelector, indexes } = options;
    this.#type = type;
    this.#scope = { namespace, labelSelector, fieldSelector };
    this.#client = shared.client;
    this.#logger = shared.logger.child({ informer: groupResource(type) });
    this.#random = shared.random ?? Math.random;
    this.#backoff = new Backoff({ base: BACKOFF_BASE_MS, max: BACKOFF_MAX_MS, random: this.#random });
    this.synced = new Promise((resolve) => (this.#markSynced = resolve));
    for (const [name, of] of Object.entries(indexes ?? {})) this.store.addIndex(name, of);
  }

  /** The handler also gets an `added` event for every object that is already there. */
  onEvent(handler: (event: InformerEvent<T>) => void): () => void {
    this.#handlers.add(handler);
    for (const object of this.store.list()) this.#call(handler, { type: "added", object });
    return () => this.#handlers.delete(handler);
  }

  /** Resolves when the signal aborted. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        this.#resourceVersion ??= await this.#list(signal);
        await this.#watch(this.#resourceVersion, signal);
      } catch (error) {
        if (signal.aborted) return;
        if (mustRelist(error)) {
          this.#logger.info({ reason: error.message }, "watch expired, listing again");
          this.#resourceVersion = undefined;
        }
        const delay = this.#backoff.next();
        this.#logger.debug({ err: error, retryInMs: Math.round(delay) }, "list or watch failed");
        await sleep(delay, signal);
      }
    }
  }

  /** @returns the resource version to watch from */
  async #list(signal: AbortSignal): Promise<string> {
    const list = await this.#client.list(this.#type, { ...this.#scope, signal });
    const listed = new Set<string>();
    for (const object of list.items) {
      listed.add(formatKey(keyOf(object)));
      this.#upsert(object);
    }
    for (const object of this.store.list()) {
      if (!listed.has(formatKey(keyOf(object)))) this.#remove(object);
    }
    this.#markSynced();
    return list.metadata.resourceVersion ?? "";
  }

  async #watch(resourceVersion: string, signal: AbortSignal): Promise<void> {
    const startedAt = Date.now();
    const timeoutSeconds = Math.round(WATCH_TIMEOUT_MIN_SECONDS * (1 + this.#random()));
    const stop = new AbortController();
    const forward = (): void => stop.abort(signal.reason);
    signal.addEventListener("abort", forward, { once: true });
    const guard = setTimeout(() => stop.abort(), (timeoutSeconds + WATCH_GRACE_SECONDS) * 1000);
    let events = 0;
    try {
      const stream = this.#client.watch(this.#type, {
        ...this.#scope,
        resourceVersion,
        allowWatchBookmarks: true,
        timeoutSeconds,
        signal: stop.signal,
      });
      for await (const event of stream) {
        events += 1;
        this.#backoff.reset();
        if (event.type === "DELETED") this.#remove(event.object);
        else if (event.type !== "BOOKMARK") this.#upsert(event.object);
        this.#resourceVersion = event.object.metadata.resourceVersion ?? this.#resourceVersion;
      }
    } finally {
      clearTimeout(guard);
      signal.removeEventListener("abort", forward);
    }
    if (events === 0 && Date.now() - startedAt < SHORT_WATCH_MS && !signal.aborted) {
      throw new Error(`watch of ${groupResource(this.#type)} was closed at once`);
    }
  }

  #upsert(object: T): void {
    const old = this.store.get(keyOf(object));
    if (old === undefined) {
      this.store.set(object);
      return this.#emit({ type: "added", object });
    }
    if (old.metadata.uid !== object.metadata.uid) {
      // Deleted and made again while we did not look: handlers must see both.
      this.#remove(old);
      return this.#upsert(object);
    }
    if (old.metadata.resourceVersion === object.metadata.resourceVersion) return;
    this.store.set(object);
    this.#emit({ type: "updated", object, old });
  }

  #remove(object: T): void {
    const old = this.store.delete(keyOf(object));
    if (old !== undefined) this.#emit({ type: "deleted", object, old });
  }

  #emit(event: InformerEvent<T>): void {
    for (const handler of this.#handlers) this.#call(handler, event);
  }

  #call(handler: (event: InformerEvent<T>) => void, event: InformerEvent<T>): void {
    try {
      handler(event);
    } catch (error) {
      this.#logger.error({ err: error, object: formatKey(keyOf(event.object)) }, "event handler failed");
    }
  }
}

interface Scope {
  namespace: string | undefined;
  labelSelector: string | undefined;
  fieldSelector: string | undefined;
}

/** A compacted resource version, or one from the future (the server was restored from an older state). */
function mustRelist(error: unknown): error is StatusError {
  if (isStatus(error, "Expired", "Gone")) return true;
  return (
    error instanceof StatusError &&
    (error.status.details?.causes ?? []).some((cause) => cause.reason === "ResourceVersionTooLarge")
  );
}
