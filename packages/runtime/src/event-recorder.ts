import { type KubernetesObject, formatTime, isStatus, resourceType } from "@ai-edge/apimachinery";
import type { Client } from "@ai-edge/client";
import type { Logger } from "pino";

/** A core/v1 Event as we write it. */
interface EventObject extends KubernetesObject {
  involvedObject: Record<string, string | undefined>;
  type: EventType;
  reason: string;
  message: string;
  source: { component: string; host?: string | undefined };
  reportingComponent: string;
  reportingInstance: string;
  firstTimestamp: string;
  lastTimestamp: string;
  count: number;
}

const EventObject = resourceType<EventObject>("v1", "Event", "events", { namespaced: true });

export type EventType = "Normal" | "Warning";

export interface EventRecorder {
  /** Records an event about an object, in the background; a failure to write it is only logged. */
  event(object: KubernetesObject, type: EventType, reason: string, message: string): void;
  /** Resolves when everything recorded so far has been written or given up. */
  flush(): Promise<void>;
}

export interface EventRecorderOptions {
  client: Client;
  /** `source.component`, for example `deployment-controller`. */
  component: string;
  host?: string;
  logger: Logger;
  now?: () => Date;
}

/** client-go's LRU of events that may be counted up. */
const MAX_REMEMBERED = 4096;
/** client-go's spam filter: per object 25 events at once, then one each 5 min. */
const BURST = 25;
const REFILL_MS = 5 * 60_000;
/** Beyond this backlog the API server is away; events are the first thing to let go. */
const MAX_BACKLOG = 1000;
/** `core/v1` validation: an Event's message has at most 1024 characters. */
const MAX_MESSAGE = 1024;

/** A recorder that counts repeated events up instead of making new ones, and limits them per object, as client-go does. */
export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  return new Recorder(options);
}

class Recorder implements EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #now: () => Date;
  readonly #remembered = new Map<string, { namespace: string; name: string; count: number }>();
  readonly #budgets = new Map<string, { tokens: number; at: number }>();
  #tail: Promise<void> = Promise.resolve();
  #backlog = 0;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => new Date());
  }

  event(object: KubernetesObject, type: EventType, reason: string, message: string): void {
    if (this.#backlog >= MAX_BACKLOG || !this.#allowed(object)) return;
    this.#backlog += 1;
    const at = this.#now();
    this.#tail = this.#tail
      .then(() => this.#write(object, type, reason, message.slice(0, MAX_MESSAGE), at))
      .catch((error: unknown) => this.#options.logger.debug({ err: error, reason }, "event not written"))
      .finally(() => (this.#backlog -= 1));
  }

  flush(): Promise<void> {
    return this.#tail;
  }

  async #write(
    object: KubernetesObject,
    type: EventType,
    reason: string,
    message: string,
    now: Date,
  ): Promise<void> {
    const { client, component, host } = this.#options;
    const involvedObject = reference(object);
    const key = JSON.stringify([involvedObject, type, reason, message]);
    const known = this.#remembered.get(key);
    if (known !== undefined) {
      const count = known.count + 1;
      try {
        const body = { count, lastTimestamp: formatTime(now) };
        await client.patch(EventObject, known, { type: "merge", body });
        return this.#remember(key, { ...known, count });
      } catch (error) {
        // Events expire; then it starts anew.
        if (!isStatus(error, "NotFound")) throw error;
      }
    }
    const namespace = object.metadata.namespace ?? "default";
    // client-go's name: the object's, a dot and the time in hexadecimal nanoseconds; ours adds what keeps two apart.
    const stamp = (BigInt(now.getTime()) * 1_000_000n + BigInt(Math.floor(Math.random() * 1e6))).toString(16);
    const name = `${object.metadata.name}.${stamp}`;
    await client.create(EventObject, {
      metadata: { namespace, name },
      involvedObject,
      type,
      reason,
      message,
      source: { component, ...(host === undefined ? {} : { host }) },
      reportingComponent: component,
      reportingInstance: host ?? "",
      firstTimestamp: formatTime(now),
      lastTimestamp: formatTime(now),
      count: 1,
    });
    this.#remember(key, { namespace, name, count: 1 });
  }

  #remember(key: string, entry: { namespace: string; name: string; count: number }): void {
    this.#remembered.delete(key);
    this.#remembered.set(key, entry);
    evictOldest(this.#remembered);
  }

  #allowed(object: KubernetesObject): boolean {
    const key = `${object.kind}/${object.metadata.uid ?? object.metadata.name}`;
    const now = this.#now().getTime();
    const budget = this.#budgets.get(key) ?? { tokens: BURST, at: now };
    const tokens = Math.min(BURST, budget.tokens + (now - budget.at) / REFILL_MS);
    if (tokens < 1) return false;
    this.#budgets.delete(key);
    this.#budgets.set(key, { tokens: tokens - 1, at: now });
    evictOldest(this.#budgets);
    return true;
  }
}

function evictOldest(map: Map<string, unknown>): void {
  if (map.size <= MAX_REMEMBERED) return;
  const oldest = map.keys().next();
  if (oldest.done !== true) map.delete(oldest.value);
}

function reference(object: KubernetesObject): Record<string, string | undefined> {
  const { namespace, name, uid } = object.metadata;
  return { apiVersion: object.apiVersion, kind: object.kind, namespace, name, uid };
}
