import { type Condition, findCondition, formatTime } from "@ai-edge/apimachinery";
import type { TypedCondition } from "@ai-edge/api";

export const AVAILABLE = "Available";
export const PROGRESSING = "Progressing";

/** Reasons of Progressing, as upstream. */
export const PROGRESS_REASONS = {
  newReplicaSet: "NewReplicaSetCreated",
  foundReplicaSet: "FoundNewReplicaSet",
  updated: "ReplicaSetUpdated",
  complete: "NewReplicaSetAvailable",
  timedOut: "ProgressDeadlineExceeded",
  createFailed: "ReplicaSetCreateError",
  paused: "DeploymentPaused",
  resumed: "DeploymentResumed",
} as const;

/**
 * Sets a condition as upstream's SetDeploymentCondition: the same status and reason leave it as it is; the
 * transition time changes with the status only.
 */
export function setCondition(
  conditions: readonly TypedCondition[],
  next: Pick<Condition, "type" | "status" | "reason" | "message">,
  now: Date,
): TypedCondition[] {
  const current = findCondition(conditions, next.type);
  if (current?.status === next.status && current.reason === next.reason) return [...conditions];
  return replaceCondition(conditions, next, now);
}

/** Like {@link setCondition}, but also renews a condition whose status and reason stay: progress goes on. */
export function replaceCondition(
  conditions: readonly TypedCondition[],
  next: Pick<Condition, "type" | "status" | "reason" | "message">,
  now: Date,
): TypedCondition[] {
  const current = findCondition(conditions, next.type);
  const time = formatTime(now);
  const lastTransitionTime = current?.status === next.status ? (current.lastTransitionTime ?? time) : time;
  const others = conditions.filter(({ type }) => type !== next.type);
  return [...others, { ...next, lastUpdateTime: time, lastTransitionTime }];
}

/** The condition with upstream's `lastUpdateTime`. */
export function typedCondition(
  conditions: readonly TypedCondition[] | undefined,
  type: string,
): TypedCondition | undefined {
  return conditions?.find((condition) => condition.type === type);
}
