import {
  type KubernetesObject,
  type ObjectKey,
  type ResourceType,
  controllerOf,
  formatKey,
  isStatus,
  keyOf,
  parseApiVersion,
  parseKey,
} from "@ai-edge/apimachinery";
import type { Logger } from "pino";
import { jitter } from "./backoff.ts";
import { type ControllerHandle, type ControllerOptions, type Informer, TerminalError } from "./types.ts";
import { WorkQueue } from "./work-queue.ts";

/** controller-runtime resyncs every 10 h; short enough here to mend a missed event before a user notices. */
const RESYNC_PERIOD_MS = 10 * 60_000;
const RESYNC_JITTER = 0.1;
/** From this many failures in a row on, a failing key is worth a warning; conflicts before it are everyday. */
const WARN_AFTER_FAILURES = 3;

/** Feeds a work queue from informers and reconciles its keys with a number of workers. */
export class Controller<T extends KubernetesObject> implements ControllerHandle {
  readonly #options: ControllerOptions<T>;
  readonly #informer: Informer<T>;
  readonly #synced: Promise<unknown>;
  readonly #logger: Logger;
  readonly #queue = new WorkQueue();
  readonly #resyncPeriod: number;

  constructor(
    options: ControllerOptions<T>,
    informerOf: <K extends KubernetesObject>(
      type: ResourceType<K>,
      options?: ControllerOptions<K>["options"],
    ) => Informer<K>,
    defaults: { logger: Logger; resyncPeriod?: number | undefined },
  ) {
    this.#options = options;
    this.#logger = defaults.logger.child({ controller: options.name });
    this.#resyncPeriod = options.resyncPeriod ?? defaults.resyncPeriod ?? RESYNC_PERIOD_MS;
    this.#informer = informerOf(options.for, options.options);
    const synced = [this.#informer.synced];
    this.#informer.onEvent(({ object, old }) => {
      if (this.#passes(object) || (old !== undefined && this.#passes(old))) this.enqueue(keyOf(object));
    });
    for (const type of options.owns ?? []) {
      const informer = informerOf(type);
      synced.push(informer.synced);
      informer.onEvent(({ object, old }) => {
        this.#enqueueOwner(object);
        if (old !== undefined && controllerOf(old)?.uid !== controllerOf(object)?.uid)
          this.#enqueueOwner(old);
      });
    }
    for (const watch of options.watches ?? []) {
      const informer = informerOf(watch.type, watch.options);
      synced.push(informer.synced);
      informer.onEvent(({ object, old }) => {
        for (const key of watch.map(object)) this.#enqueueMapped(key);
        // An object may have stopped pointing at a key: that key is concerned too.
        if (old !== undefined && old !== object) for (const key of watch.map(old)) this.#enqueueMapped(key);
      });
    }
    this.#synced = Promise.all(synced);
  }

  enqueue(key: ObjectKey): void {
    this.#queue.add(formatKey(key));
  }

  /** Resolves when the signal aborted and every worker has finished what it was doing. */
  async run(signal: AbortSignal): Promise<void> {
    const aborted = new Promise<void>((resolve) => {
      const stop = (): void => {
        this.#queue.close();
        resolve();
      };
      if (signal.aborted) stop();
      else signal.addEventListener("abort", stop, { once: true });
    });
    await Promise.race([this.#synced, aborted]);
    const workers = Array.from({ length: this.#options.concurrency ?? 1 }, () => this.#work(signal));
    await Promise.all(workers);
  }

  async #work(signal: AbortSignal): Promise<void> {
    for (;;) {
      const key = await this.#queue.get();
      if (key === undefined) return;
      try {
        await this.#reconcile(key, signal);
      } finally {
        this.#queue.done(key);
      }
    }
  }

  async #reconcile(key: string, signal: AbortSignal): Promise<void> {
    const logger = this.#logger.child({ key });
    try {
      const result = await this.#options.reconcile(parseKey(key), { signal, logger });
      this.#queue.forget(key);
      if (result?.requeueAfter !== undefined) this.#queue.addAfter(key, result.requeueAfter);
      if (this.#informer.store.get(parseKey(key)) !== undefined) {
        this.#queue.addAfter(key, jitter(this.#resyncPeriod, RESYNC_JITTER));
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof TerminalError) {
        this.#queue.forget(key);
        logger.error({ err: error }, "reconcile failed for good");
        return;
      }
      this.#queue.addRateLimited(key);
      const everyday = isStatus(error, "Conflict") || this.#queue.failures(key) < WARN_AFTER_FAILURES;
      logger[everyday ? "debug" : "warn"]({ err: error }, "reconcile failed, will retry");
    }
  }

  #passes(object: T): boolean {
    return this.#options.filter?.(object) ?? true;
  }

  #enqueueMapped(key: ObjectKey): void {
    const object = this.#informer.store.get(key);
    if (object === undefined || this.#passes(object)) this.enqueue(key);
  }

  #enqueueOwner(object: KubernetesObject): void {
    const owner = controllerOf(object);
    const { kind, group, namespaced } = this.#options.for;
    if (owner === undefined || owner.kind !== kind || parseApiVersion(owner.apiVersion).group !== group)
      return;
    const { namespace } = object.metadata;
    this.#enqueueMapped(
      namespaced && namespace !== undefined ? { namespace, name: owner.name } : { name: owner.name },
    );
  }
}
