import type { Deployment, DeploymentStatus, ReplicaSet, TypedCondition } from "@ai-edge/api";
import { REPLICA_FAILURE } from "../replica-set/status.ts";
import { desiredReplicas, minAvailable } from "./bounds.ts";
import {
  AVAILABLE,
  PROGRESSING,
  PROGRESS_REASONS,
  replaceCondition,
  setCondition,
  typedCondition,
} from "./conditions.ts";

/** The ReplicaSets of one Deployment, as one pass sees them. */
export interface Rollout {
  deployment: Deployment;
  /** Absent before it is made. */
  current: ReplicaSet | undefined;
  /** All others, oldest first. */
  old: readonly ReplicaSet[];
}

export function allOf(rollout: Rollout): ReplicaSet[] {
  return rollout.current === undefined ? [...rollout.old] : [...rollout.old, rollout.current];
}

/** The counters and the Available condition. */
export function deploymentStatus(rollout: Rollout, now: Date): DeploymentStatus {
  const { deployment, current } = rollout;
  const all = allOf(rollout);
  const sum = (of: (replicaSet: ReplicaSet) => number | undefined): number =>
    all.reduce((total, replicaSet) => total + (of(replicaSet) ?? 0), 0);
  const replicas = sum(({ status }) => status?.replicas);
  const available = sum(({ status }) => status?.availableReplicas);
  const enough = available >= minAvailable(deployment);
  const { collisionCount } = deployment.status ?? {};
  return {
    observedGeneration: deployment.metadata.generation ?? 0,
    ...counters({
      replicas,
      updatedReplicas: current?.status?.replicas ?? 0,
      readyReplicas: sum(({ status }) => status?.readyReplicas),
      availableReplicas: available,
      unavailableReplicas: Math.max(0, replicas - available),
    }),
    ...(collisionCount === undefined ? {} : { collisionCount }),
    conditions: setCondition(
      deployment.status?.conditions ?? [],
      enough
        ? {
            type: AVAILABLE,
            status: "True",
            reason: "MinimumReplicasAvailable",
            message: "Deployment has minimum availability.",
          }
        : {
            type: AVAILABLE,
            status: "False",
            reason: "MinimumReplicasUnavailable",
            message: "Deployment does not have minimum availability.",
          },
      now,
    ),
  };
}

/** Adds Progressing and ReplicaFailure to a status (upstream's syncRolloutStatus). */
export function withProgress(rollout: Rollout, status: DeploymentStatus, now: Date): DeploymentStatus {
  const { deployment, current } = rollout;
  let conditions = status.conditions ?? [];
  const progressing = typedCondition(deployment.status?.conditions, PROGRESSING);
  if (!hasProgressDeadline(deployment)) {
    conditions = conditions.filter(({ type }) => type !== PROGRESSING);
  } else if (!(isSettled(status) && progressing?.reason === PROGRESS_REASONS.complete)) {
    conditions = progress(rollout, { ...status, conditions }, conditions, now);
  }
  const failure = [...(current === undefined ? [] : [current]), ...rollout.old]
    .map(({ status: of }) => typedCondition(of?.conditions, REPLICA_FAILURE))
    .find((condition) => condition !== undefined);
  conditions =
    failure === undefined
      ? conditions.filter(({ type }) => type !== REPLICA_FAILURE)
      : setCondition(conditions, failure, now);
  return { ...status, conditions };
}

/** Everything that was asked for is there, updated and available. */
export function isComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const desired = desiredReplicas(deployment);
  return (
    (status.updatedReplicas ?? 0) === desired &&
    (status.replicas ?? 0) === desired &&
    (status.availableReplicas ?? 0) === desired &&
    (status.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  );
}

/** Milliseconds until a rollout that stands still has to be called timed out. */
export function untilDeadline(
  deployment: Deployment,
  status: DeploymentStatus,
  now: Date,
): number | undefined {
  const condition = typedCondition(status.conditions, PROGRESSING);
  if (condition === undefined || !hasProgressDeadline(deployment) || isComplete(deployment, status))
    return undefined;
  if (condition.reason === PROGRESS_REASONS.timedOut || deployment.spec.paused === true) return undefined;
  const from = Date.parse(condition.lastUpdateTime ?? "") || now.getTime();
  // One second more, because times are kept in whole seconds.
  return Math.max(0, from + deadlineOf(deployment) * 1000 - now.getTime()) + 1000;
}

/** MaxInt32 means none (upstream's HasProgressDeadline). */
export function hasProgressDeadline(deployment: Deployment): boolean {
  return deadlineOf(deployment) !== 2 ** 31 - 1;
}

function deadlineOf(deployment: Deployment): number {
  return deployment.spec.progressDeadlineSeconds ?? 600;
}

function isSettled(status: DeploymentStatus): boolean {
  return (status.replicas ?? 0) === (status.updatedReplicas ?? 0);
}

function progress(
  rollout: Rollout,
  status: DeploymentStatus,
  conditions: TypedCondition[],
  now: Date,
): TypedCondition[] {
  const { deployment, current } = rollout;
  const name =
    current === undefined
      ? `Deployment "${deployment.metadata.name}"`
      : `ReplicaSet "${current.metadata.name}"`;
  const type = PROGRESSING;
  if (isComplete(deployment, status)) {
    const message = `${name} has successfully progressed.`;
    return setCondition(
      conditions,
      { type, status: "True", reason: PROGRESS_REASONS.complete, message },
      now,
    );
  }
  if (hasProgressed(deployment.status ?? {}, status)) {
    const message = `${name} is progressing.`;
    return replaceCondition(
      conditions,
      { type, status: "True", reason: PROGRESS_REASONS.updated, message },
      now,
    );
  }
  if (hasTimedOut(deployment, status, now)) {
    const message = `${name} has timed out progressing.`;
    return setCondition(
      conditions,
      { type, status: "False", reason: PROGRESS_REASONS.timedOut, message },
      now,
    );
  }
  return conditions;
}

function hasProgressed(before: DeploymentStatus, after: DeploymentStatus): boolean {
  const oldPods = (status: DeploymentStatus): number =>
    (status.replicas ?? 0) - (status.updatedReplicas ?? 0);
  return (
    (after.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) ||
    oldPods(after) < oldPods(before) ||
    (after.readyReplicas ?? 0) > (before.readyReplicas ?? 0) ||
    (after.availableReplicas ?? 0) > (before.availableReplicas ?? 0)
  );
}

function hasTimedOut(deployment: Deployment, status: DeploymentStatus, now: Date): boolean {
  const condition = typedCondition(status.conditions, PROGRESSING);
  if (condition === undefined || condition.reason === PROGRESS_REASONS.complete) return false;
  if (condition.reason === PROGRESS_REASONS.timedOut) return true;
  const from = Date.parse(condition.lastUpdateTime ?? "") || now.getTime();
  return from + deadlineOf(deployment) * 1000 < now.getTime();
}

/** Upstream leaves out counters that are 0. */
function counters<T extends Record<string, number>>(values: T): Partial<T> {
  const present: Partial<T> = {};
  for (const name in values) if (values[name] !== 0) present[name] = values[name];
  return present;
}
