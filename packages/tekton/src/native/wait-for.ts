import { isStatus } from "@ai-edge/apimachinery";
import type { KubernetesObject, ResourceType } from "@ai-edge/apimachinery";
import type { Client } from "@ai-edge/client";

export interface WaitOptions {
  client: Client;
  signal: AbortSignal;
  timeoutMs: number;
}

/**
 * Waits until the objects of a selection satisfy a condition: list, then watch, again when the watch ends.
 * @returns false when the time is up
 * @throws what the signal was aborted with
 */
export async function waitFor<T extends KubernetesObject>(
  type: ResourceType<T>,
  selection: { namespace: string; labelSelector?: string; fieldSelector?: string },
  options: WaitOptions,
  holds: (objects: T[]) => boolean,
): Promise<boolean> {
  const timeout = AbortSignal.timeout(options.timeoutMs);
  const signal = AbortSignal.any([options.signal, timeout]);
  try {
    for (;;) {
      const list = await options.client.list(type, { ...selection, signal });
      const objects = new Map(list.items.map((item) => [item.metadata.name, item]));
      if (holds([...objects.values()])) return true;
      try {
        for await (const event of options.client.watch(type, {
          ...selection,
          resourceVersion: list.metadata.resourceVersion,
          signal,
        })) {
          if (event.type === "BOOKMARK") continue;
          if (event.type === "DELETED") objects.delete(event.object.metadata.name);
          else objects.set(event.object.metadata.name, event.object);
          if (holds([...objects.values()])) return true;
        }
      } catch (error) {
        if (!isStatus(error, "Expired", "Gone")) throw error;
      }
      signal.throwIfAborted();
    }
  } catch (error) {
    if (timeout.aborted && !options.signal.aborted) return false;
    options.signal.throwIfAborted();
    throw error;
  }
}
