import { type KubernetesObject, resourceType } from "@ai-edge/apimachinery";
import type { ObjectReference } from "./core.ts";

/** `core/v1` Event; `events.k8s.io/v1` serves the same objects under other field names. */
export interface Event extends KubernetesObject {
  involvedObject: ObjectReference;
  reason?: string;
  message?: string;
  type?: "Normal" | "Warning";
  action?: string;
  count?: number;
  firstTimestamp?: string | null;
  lastTimestamp?: string | null;
  eventTime?: string | null;
  source?: { component?: string; host?: string };
  reportingComponent?: string;
  reportingInstance?: string;
  related?: ObjectReference;
  series?: { count?: number; lastObservedTime?: string };
}
export const Event = resourceType<Event>("v1", "Event", "events", { namespaced: true });
