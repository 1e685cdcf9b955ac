import { type KubernetesObject, type ResourceType, resourcePath } from "@ai-edge/apimachinery";
import type { Client } from "@ai-edge/client";
import type { Logger } from "pino";
import { Backoff } from "./backoff.ts";
import { Controller } from "./controller.ts";
import { SharedInformer } from "./informer.ts";
import { sleep } from "./sleep.ts";
import type { ControllerHandle, ControllerOptions, Informer, InformerOptions, Manager } from "./types.ts";

/** A runnable that failed is started again after this long at first … */
const RESTART_BASE_MS = 500;
/** … and at most this long. */
const RESTART_MAX_MS = 60_000;

export interface ManagerOptions {
  client: Client;
  logger: Logger;
  now?: () => Date;
  /** Default resync period of controllers, milliseconds. */
  resyncPeriod?: number;
}

/** A manager; it does nothing until `start`. */
export function createManager(options: ManagerOptions): Manager {
  return new ControllerManager(options);
}

class ControllerManager implements Manager {
  readonly client: Client;
  readonly logger: Logger;
  readonly now: () => Date;
  readonly #resyncPeriod: number | undefined;
  readonly #informers = new Map<string, unknown[]>();
  readonly #pending: ((signal: AbortSignal) => Promise<void>)[] = [];
  readonly #running = new Set<Promise<void>>();
  #signal: AbortSignal | undefined;

  constructor(options: ManagerOptions) {
    this.client = options.client;
    this.logger = options.logger;
    this.now = options.now ?? (() => new Date());
    this.#resyncPeriod = options.resyncPeriod;
  }

  informer<T extends KubernetesObject>(type: ResourceType<T>, options: InformerOptions<T> = {}): Informer<T> {
    const scope = [resourcePath(type), options.namespace, options.labelSelector, options.fieldSelector];
    const key = JSON.stringify(scope);
    const existing = this.#informers.get(key) ?? [];
    const indexes = Object.entries(options.indexes ?? {});
    for (const informer of existing) {
      if (!isInformerOf<T>(informer)) continue;
      if (!indexes.every(([name, of]) => informer.store.accepts(name, of))) continue;
      for (const [name, of] of indexes) informer.store.addIndex(name, of);
      return informer;
    }
    const informer = new SharedInformer(type, options, { client: this.client, logger: this.logger });
    this.#informers.set(key, [...existing, informer]);
    this.#launch((signal) => informer.run(signal));
    return informer;
  }

  addController<T extends KubernetesObject>(options: ControllerOptions<T>): ControllerHandle {
    const controller = new Controller<T>(
      options,
      (type, informerOptions) => this.informer(type, informerOptions),
      { logger: this.logger, resyncPeriod: this.#resyncPeriod },
    );
    this.#launch((signal) => controller.run(signal));
    return controller;
  }

  addRunnable(name: string, run: (signal: AbortSignal) => Promise<void>): void {
    const logger = this.logger.child({ runnable: name });
    const backoff = new Backoff({ base: RESTART_BASE_MS, max: RESTART_MAX_MS });
    this.#launch(async (signal) => {
      while (!signal.aborted) {
        try {
          await run(signal);
          return;
        } catch (error) {
          if (signal.aborted) return;
          const delay = backoff.next();
          logger.error({ err: error, restartInMs: Math.round(delay) }, "runnable failed, restarting");
          await sleep(delay, signal);
        }
      }
    });
  }

  async start(signal: AbortSignal): Promise<void> {
    if (this.#signal !== undefined) throw new TypeError("the manager has been started already");
    this.#signal = signal;
    for (const run of this.#pending.splice(0)) this.#launch(run);
    if (!signal.aborted) {
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    }
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #launch(run: (signal: AbortSignal) => Promise<void>): void {
    if (this.#signal === undefined) {
      this.#pending.push(run);
      return;
    }
    const task = run(this.#signal)
      .catch((error: unknown) => this.logger.error({ err: error }, "task ended with an error"))
      .finally(() => this.#running.delete(task));
    this.#running.add(task);
  }
}

/** Informers are kept by the path of their resource, so those under one key all have its type. */
function isInformerOf<T extends KubernetesObject>(value: unknown): value is SharedInformer<T> {
  return value instanceof SharedInformer;
}
