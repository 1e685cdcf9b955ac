import type { KubernetesObject, ObjectKey, ResourceType } from "@ai-edge/apimachinery";
import type { Client } from "@ai-edge/client";
import type { Logger } from "pino";

/** What a controller asks for after a reconcile; nothing means: wait for the next change or resync. */
export interface Result {
  /** Milliseconds. */
  requeueAfter?: number;
}

/**
 * Brings the world in line with one object, by key and from current state (level-triggered). Throwing means: try
 * again with exponential back-off; throwing `TerminalError` means: only a change of the object can help.
 */
export type Reconcile = (key: ObjectKey, context: ReconcileContext) => Promise<Result | void>;

export interface ReconcileContext {
  signal: AbortSignal;
  logger: Logger;
}

/** An error that retrying cannot mend; the work queue forgets the key until its object changes. */
export class TerminalError extends Error {
  override readonly name = "TerminalError";
}

/** A watch-fed local copy of one resource; reads never reach the API server. Objects are frozen by convention: copy before changing. */
export interface Store<T extends KubernetesObject = KubernetesObject> {
  get(key: ObjectKey): T | undefined;
  list(filter?: { namespace?: string | undefined; labels?: Record<string, string> | undefined }): T[];
  /** Objects under an index value; the index must have been declared when the informer was made. */
  byIndex(index: string, value: string): T[];
}

export interface InformerEvent<T extends KubernetesObject = KubernetesObject> {
  type: "added" | "updated" | "deleted";
  object: T;
  old?: T;
}

/** List + watch with supervised restart: survives any error, relists only when it must. */
export interface Informer<T extends KubernetesObject = KubernetesObject> {
  readonly store: Store<T>;
  readonly synced: Promise<void>;
  onEvent(handler: (event: InformerEvent<T>) => void): () => void;
}

export interface InformerOptions<T extends KubernetesObject> {
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
  /** Values under which an object is found by `store.byIndex`. */
  indexes?: Record<string, IndexFunction<T>> | undefined;
}

/** Declared as a method, so that a list of watches of different kinds has one type. */
export type IndexFunction<T extends KubernetesObject> = { of(object: T): string[] }["of"];

/** Another kind whose changes make keys of the controller's own kind due. */
export interface Watch<T extends KubernetesObject = KubernetesObject> {
  type: ResourceType<T>;
  options?: InformerOptions<NoInfer<T>>;
  /** A method, so that watches of different kinds fit into one list. */
  map(object: T): ObjectKey[];
}

export interface ControllerOptions<T extends KubernetesObject = KubernetesObject> {
  name: string;
  /** The kind whose keys are reconciled. */
  for: ResourceType<T>;
  options?: InformerOptions<NoInfer<T>>;
  /** Kinds whose controller owner reference points at `for`. */
  owns?: ResourceType[];
  watches?: Watch[];
  /** Only objects that pass are queued; an update is queued if the old or the new one passes. */
  filter?: (object: T) => boolean;
  reconcile: Reconcile;
  /** Keys reconciled at the same time (one key is never reconciled twice at once). Default 1. */
  concurrency?: number;
  /** Every key is due again after this many milliseconds, ±10 %. Default 10 min. */
  resyncPeriod?: number;
}

/** Runs informers and controllers against one API until its signal aborts. */
export interface Manager {
  readonly client: Client;
  readonly logger: Logger;
  readonly now: () => Date;
  /** The shared informer of a resource with these options; starts with the manager, or at once if it already runs. */
  informer<T extends KubernetesObject>(
    type: ResourceType<T>,
    options?: InformerOptions<NoInfer<T>>,
  ): Informer<T>;
  addController<T extends KubernetesObject>(options: ControllerOptions<T>): ControllerHandle;
  /** A long-running task; it is restarted with back-off if it throws. */
  addRunnable(name: string, run: (signal: AbortSignal) => Promise<void>): void;
  /** Resolves when everything has stopped after `signal` aborted. */
  start(signal: AbortSignal): Promise<void>;
}

export interface ControllerHandle {
  /** Makes a key due now, for event sources other than the API (a webhook, a process exit). */
  enqueue(key: ObjectKey): void;
}
