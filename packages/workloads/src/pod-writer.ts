import { type KubernetesObject, isStatus, keyOf } from "@ai-edge/apimachinery";
import { Pod } from "@ai-edge/api";
import type { Writable } from "@ai-edge/client";
import type { ControllerContext } from "./context.ts";
import { Expectations } from "./expectations.ts";

/** Creates and deletes the pods of a controller: with events about it, and expectations against a stale store. */
export class PodWriter {
  readonly #context: ControllerContext;
  readonly #expectations: Expectations<Pod>;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#expectations = new Expectations(context.pods, context.now);
  }

  /** Milliseconds to wait while the store is behind what was written for this owner; undefined when it is not. */
  settlesIn(owner: KubernetesObject): number | undefined {
    return this.#expectations.satisfied(owner.metadata.uid ?? "") ? undefined : this.#expectations.timeout;
  }

  /** @throws StatusError, after an event about it */
  async create(owner: KubernetesObject, pod: Writable<Pod>): Promise<void> {
    const { client, events } = this.#context;
    try {
      const created = await client.create(Pod, pod);
      this.#expectations.created(owner.metadata.uid ?? "", created);
      events.event(owner, "Normal", "SuccessfulCreate", `Created pod: ${created.metadata.name}`);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      events.event(owner, "Warning", "FailedCreate", `Error creating: ${message}`);
      throw error;
    }
  }

  /** A pod that is gone already is fine. */
  async delete(owner: KubernetesObject, pod: Pod): Promise<void> {
    const { client, events } = this.#context;
    const id = owner.metadata.uid ?? "";
    const { uid, name } = pod.metadata;
    this.#expectations.deleting(id, pod);
    try {
      await client.delete(Pod, keyOf(pod), uid === undefined ? {} : { preconditions: { uid } });
      events.event(owner, "Normal", "SuccessfulDelete", `Deleted pod: ${name}`);
    } catch (error) {
      this.#expectations.notDeleted(id, pod);
      if (!isStatus(error, "NotFound", "Conflict")) throw error;
    }
  }
}
