import type { ReplicaSet } from "@ai-edge/api";
import {
  availableOf,
  desiredReplicas,
  minAvailable,
  newReplicaSetSize,
  replicasOf,
  sumReplicas,
} from "./bounds.ts";
import { type Rollout, allOf } from "./status.ts";

/** Set this ReplicaSet to this size. */
export interface Resize {
  replicaSet: ReplicaSet;
  size: number;
}

/**
 * The next step of a rolling update: either grows the new ReplicaSet, or shrinks old ones by what availability allows
 * (upstream's reconcileNewReplicaSet and reconcileOldReplicaSets). No step means: wait for pods to become available.
 */
export function nextStep(rollout: Rollout): Resize[] {
  const { deployment, current } = rollout;
  if (current === undefined) return [];
  const desired = desiredReplicas(deployment);
  const size = replicasOf(current);
  const next = size > desired ? desired : newReplicaSetSize(deployment, allOf(rollout), size);
  if (size !== desired && next !== size) return [{ replicaSet: current, size: next }];
  return shrinkOld(rollout, current);
}

function shrinkOld(rollout: Rollout, current: ReplicaSet): Resize[] {
  const { deployment, old } = rollout;
  if (sumReplicas(old) === 0) return [];
  const required = minAvailable(deployment);
  // New pods that are not available yet are not counted on: their old ones stay.
  const unavailableNew = replicasOf(current) - availableOf(current);
  let budget = sumReplicas(allOf(rollout)) - required - unavailableNew;
  if (budget <= 0) return [];
  const sizes = new Map(old.map((replicaSet) => [replicaSet, replicasOf(replicaSet)]));
  // First what does not serve anyway: it would only be in the way of the rollout.
  for (const replicaSet of old) {
    const size = replicasOf(replicaSet);
    const broken = Math.min(budget, Math.max(0, size - availableOf(replicaSet)));
    sizes.set(replicaSet, size - broken);
    budget -= broken;
  }
  // Then what serves, down to the required number.
  let spare = allOf(rollout).reduce((sum, replicaSet) => sum + availableOf(replicaSet), 0) - required;
  for (const replicaSet of old) {
    if (spare <= 0) break;
    const size = sizes.get(replicaSet) ?? 0;
    const taken = Math.min(size, spare);
    sizes.set(replicaSet, size - taken);
    spare -= taken;
  }
  return resizes(sizes);
}

function resizes(sizes: Map<ReplicaSet, number>): Resize[] {
  return [...sizes].flatMap(([replicaSet, size]) =>
    size === replicasOf(replicaSet) ? [] : [{ replicaSet, size }],
  );
}
