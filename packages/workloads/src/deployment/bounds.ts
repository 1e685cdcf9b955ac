import type { Deployment, ReplicaSet } from "@ai-edge/api";
import { resolveIntOrPercent } from "./int-or-percent.ts";

/** The API server's default for both, `apps/v1`. */
const DEFAULT_FENCEPOST = "25%";

export function desiredReplicas(deployment: Deployment): number {
  return deployment.spec.replicas ?? 1;
}

export function isRollingUpdate(deployment: Deployment): boolean {
  return (deployment.spec.strategy?.type ?? "RollingUpdate") === "RollingUpdate";
}

/**
 * `maxSurge` and `maxUnavailable` in pods. When both come out as 0 the rollout could never move, so one pod may be
 * unavailable (upstream's ResolveFenceposts).
 */
export function fenceposts(deployment: Deployment): { maxSurge: number; maxUnavailable: number } {
  if (!isRollingUpdate(deployment)) return { maxSurge: 0, maxUnavailable: 0 };
  const desired = desiredReplicas(deployment);
  const rolling = deployment.spec.strategy?.rollingUpdate;
  const maxSurge = resolveIntOrPercent(rolling?.maxSurge ?? DEFAULT_FENCEPOST, desired, "up");
  const maxUnavailable = resolveIntOrPercent(rolling?.maxUnavailable ?? DEFAULT_FENCEPOST, desired, "down");
  if (maxSurge === 0 && maxUnavailable === 0) return { maxSurge, maxUnavailable: 1 };
  return { maxSurge, maxUnavailable: Math.min(maxUnavailable, desired) };
}

/** How many pods must be available at any time. */
export function minAvailable(deployment: Deployment): number {
  return (
    desiredReplicas(deployment) - (isRollingUpdate(deployment) ? fenceposts(deployment).maxUnavailable : 0)
  );
}

/** How many replicas the new ReplicaSet may have now. */
export function newReplicaSetSize(
  deployment: Deployment,
  replicaSets: readonly ReplicaSet[],
  current: number,
): number {
  const desired = desiredReplicas(deployment);
  if (!isRollingUpdate(deployment)) return desired;
  const maxTotal = desired + fenceposts(deployment).maxSurge;
  const total = sumReplicas(replicaSets);
  if (total >= maxTotal) return current;
  return current + Math.min(maxTotal - total, desired - current);
}

export function replicasOf(replicaSet: ReplicaSet): number {
  return replicaSet.spec.replicas ?? 1;
}

export function availableOf(replicaSet: ReplicaSet): number {
  return replicaSet.status?.availableReplicas ?? 0;
}

export function sumReplicas(replicaSets: readonly ReplicaSet[]): number {
  return replicaSets.reduce((sum, replicaSet) => sum + replicasOf(replicaSet), 0);
}
