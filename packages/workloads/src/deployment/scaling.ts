import type { Deployment, ReplicaSet } from "@ai-edge/api";
import {
  availableOf,
  desiredReplicas,
  fenceposts,
  isRollingUpdate,
  replicasOf,
  sumReplicas,
} from "./bounds.ts";
import { recordedSize } from "./revisions.ts";
import type { Resize } from "./rolling-update.ts";
import { type Rollout, allOf } from "./status.ts";

/** True when `spec.replicas` changed since the ReplicaSets were last sized. */
export function wasScaled(rollout: Rollout): boolean {
  const desired = desiredReplicas(rollout.deployment);
  return allOf(rollout).some((replicaSet) => {
    const recorded = recordedSize(replicaSet).desired;
    return replicasOf(replicaSet) > 0 && recorded !== undefined && recorded !== desired;
  });
}

/**
 * How to spread a changed size over the ReplicaSets (upstream's `scale`): the only active one takes it; a finished
 * rollout empties the old ones; in the middle of a rollout each changes in proportion, which spreads the risk.
 */
export function scaleStep(rollout: Rollout): Resize[] {
  const { deployment, current, old } = rollout;
  const desired = desiredReplicas(deployment);
  const only = activeOrLatest(rollout);
  if (only !== undefined) return [{ replicaSet: only, size: desired }];
  if (current !== undefined && isSaturated(deployment, current)) {
    return old.filter((set) => replicasOf(set) > 0).map((replicaSet) => ({ replicaSet, size: 0 }));
  }
  return isRollingUpdate(deployment) ? proportional(rollout) : [];
}

/** The one that is active, or the latest if none is; undefined if several are. */
function activeOrLatest({ current, old }: Rollout): ReplicaSet | undefined {
  const all = current === undefined ? old : [...old, current];
  const active = all.filter((set) => replicasOf(set) > 0);
  if (active.length === 0) return current ?? old.at(-1);
  return active.length === 1 ? active[0] : undefined;
}

function isSaturated(deployment: Deployment, replicaSet: ReplicaSet): boolean {
  const desired = desiredReplicas(deployment);
  return (
    replicasOf(replicaSet) === desired &&
    recordedSize(replicaSet).desired === desired &&
    availableOf(replicaSet) === desired
  );
}

function proportional(rollout: Rollout): Resize[] {
  const { deployment } = rollout;
  const active = allOf(rollout).filter((set) => replicasOf(set) > 0);
  const desired = desiredReplicas(deployment);
  const allowed = desired > 0 ? desired + fenceposts(deployment).maxSurge : 0;
  const toAdd = allowed - sumReplicas(active);
  // Growth goes to the largest first, the newer of equals; shrinking too, but the older of equals.
  const newest = active.toReversed();
  const ordered = (toAdd > 0 ? newest : active).toSorted((a, b) => replicasOf(b) - replicasOf(a));
  let added = 0;
  const steps = ordered.map((replicaSet): Resize => {
    const size = replicasOf(replicaSet);
    if (toAdd === 0) return { replicaSet, size };
    const share = proportion(deployment, replicaSet);
    const left = toAdd - added;
    const change = toAdd > 0 ? Math.min(share, left) : Math.max(share, left);
    added += change;
    return { replicaSet, size: size + change };
  });
  const [largest, ...others] = steps;
  if (largest === undefined) return [];
  // What rounding left over goes to the largest.
  return [{ ...largest, size: Math.max(0, largest.size + toAdd - added) }, ...others];
}

/** By how much a ReplicaSet should change to keep its part of the whole. */
function proportion(deployment: Deployment, replicaSet: ReplicaSet): number {
  const desired = desiredReplicas(deployment);
  const size = replicasOf(replicaSet);
  if (desired === 0) return -size;
  const before = recordedSize(replicaSet).max ?? deployment.status?.replicas ?? 0;
  if (before === 0) return 0;
  return Math.round((size * (desired + fenceposts(deployment).maxSurge)) / before) - size;
}
