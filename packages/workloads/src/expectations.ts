import type { KubernetesObject } from "@ai-edge/apimachinery";
import type { Informer } from "@ai-edge/runtime";

/** Upstream waits 5 min; the informer here resumes within seconds, and a lost event should not stop a rollout longer. */
const EXPECTATION_TIMEOUT_MS = 30_000;

/**
 * What a controller has written and its informer has not shown yet. Until it has, the store is stale, and acting on
 * it would create or delete twice (upstream's UIDTrackingControllerExpectations).
 */
export class Expectations<T extends KubernetesObject> {
  readonly #now: () => Date;
  readonly #informer: Informer<T>;
  /** By controller, the uids that must appear (created) or go (deleted), with the time after which we stop waiting. */
  readonly #pending = new Map<string, Map<string, { kind: "create" | "delete"; until: number }>>();

  constructor(informer: Informer<T>, now: () => Date) {
    this.#now = now;
    this.#informer = informer;
    informer.onEvent(({ object, type }) => {
      const { uid } = object.metadata;
      if (uid === undefined) return;
      const going = type === "deleted" || object.metadata.deletionTimestamp !== undefined;
      for (const pending of this.#pending.values()) {
        const entry = pending.get(uid);
        if (entry?.kind === "create" || (entry?.kind === "delete" && going)) pending.delete(uid);
      }
    });
  }

  /** The controller has created an object; the informer may even have shown it already. */
  created(controller: string, object: T): void {
    const { namespace, name, uid } = object.metadata;
    const shown = this.#informer.store.get(namespace === undefined ? { name } : { namespace, name });
    if (uid !== undefined && shown?.metadata.uid !== uid) this.#expect(controller, uid, "create");
  }

  /** The controller is about to delete an object. */
  deleting(controller: string, object: T): void {
    if (object.metadata.uid !== undefined) this.#expect(controller, object.metadata.uid, "delete");
  }

  /** The deletion failed: nothing will come. */
  notDeleted(controller: string, object: T): void {
    if (object.metadata.uid !== undefined) this.#pending.get(controller)?.delete(object.metadata.uid);
  }

  /** True when the store shows everything that the controller has written. */
  satisfied(controller: string): boolean {
    const pending = this.#pending.get(controller);
    if (pending === undefined) return true;
    const now = this.#now().getTime();
    for (const [uid, { until }] of pending) if (until <= now) pending.delete(uid);
    if (pending.size > 0) return false;
    this.#pending.delete(controller);
    return true;
  }

  /** When to look again although nothing happened. */
  get timeout(): number {
    return EXPECTATION_TIMEOUT_MS;
  }

  #expect(controller: string, uid: string, kind: "create" | "delete"): void {
    const pending = this.#pending.get(controller) ?? new Map();
    pending.set(uid, { kind, until: this.#now().getTime() + EXPECTATION_TIMEOUT_MS });
    this.#pending.set(controller, pending);
  }
}
