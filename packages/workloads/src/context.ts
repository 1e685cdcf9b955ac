import { type KubernetesObject, controllerOf } from "@ai-edge/apimachinery";
import { Pod } from "@ai-edge/api";
import type { Client } from "@ai-edge/client";
import { type EventRecorder, type Informer, type Manager, createEventRecorder } from "@ai-edge/runtime";

/** What every workload controller works with. */
export interface ControllerContext {
  client: Client;
  now: () => Date;
  events: EventRecorder;
  /** All pods, with {@link BY_CONTROLLER}. */
  pods: Informer<Pod>;
}

/** Index of objects by the uid of their controller. */
export const BY_CONTROLLER = "controller";

/** One function, so that all controllers share one informer. */
export function controllerUid(object: KubernetesObject): string[] {
  const owner = controllerOf(object);
  return owner === undefined ? [] : [owner.uid];
}

/** The context of one controller. @param component how its events name it, as upstream's */
export function controllerContext(
  manager: Manager,
  options: { component: string; now: () => Date },
): ControllerContext {
  const { component, now } = options;
  return {
    client: manager.client,
    now,
    events: createEventRecorder({ client: manager.client, component, logger: manager.logger, now }),
    pods: manager.informer(Pod, { indexes: { [BY_CONTROLLER]: controllerUid } }),
  };
}
