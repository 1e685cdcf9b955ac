import { type Condition, withCondition } from "@ai-edge/apimachinery";
import type { Pod, ReplicaSet, ReplicaSetStatus } from "@ai-edge/api";
import { isAvailable, isReady, readySince } from "../pod.ts";

export const REPLICA_FAILURE = "ReplicaFailure";

/** The status that active pods give a ReplicaSet. @param failure what went wrong while managing them */
export function replicaSetStatus(
  replicaSet: ReplicaSet,
  pods: readonly Pod[],
  now: Date,
  failure: { reason: "FailedCreate" | "FailedDelete"; message: string } | undefined,
): ReplicaSetStatus {
  const templateLabels = Object.entries(replicaSet.spec.template?.metadata?.labels ?? {});
  const minReadySeconds = replicaSet.spec.minReadySeconds ?? 0;
  const fullyLabelled = pods.filter((pod) =>
    templateLabels.every(([name, value]) => pod.metadata.labels?.[name] === value),
  );
  const conditions = failureConditions(replicaSet.status?.conditions ?? [], failure, now);
  return {
    replicas: pods.length,
    ...positive("fullyLabeledReplicas", fullyLabelled.length),
    ...positive("readyReplicas", pods.filter(isReady).length),
    ...positive("availableReplicas", pods.filter((pod) => isAvailable(pod, minReadySeconds, now)).length),
    observedGeneration: replicaSet.metadata.generation ?? 0,
    ...(conditions.length === 0 ? {} : { conditions }),
  };
}

/** Milliseconds until the next ready pod becomes available, if one waits for minReadySeconds. */
export function untilNextAvailable(
  pods: readonly Pod[],
  minReadySeconds: number,
  now: Date,
): number | undefined {
  const waits = pods.flatMap((pod) => {
    const since = readySince(pod);
    return since === undefined ? [] : [since + minReadySeconds * 1000 - now.getTime()];
  });
  const ahead = waits.filter((wait) => wait > 0);
  return ahead.length === 0 ? undefined : Math.min(...ahead);
}

function failureConditions(
  conditions: readonly Condition[],
  failure: { reason: string; message: string } | undefined,
  now: Date,
): Condition[] {
  if (failure === undefined) return conditions.filter(({ type }) => type !== REPLICA_FAILURE);
  return withCondition(conditions, { type: REPLICA_FAILURE, status: "True", ...failure }, now);
}

/** Upstream leaves out counters that are 0. */
function positive<K extends string>(name: K, value: number): { [P in K]?: number } {
  const field: { [P in K]?: number } = {};
  if (value > 0) field[name] = value;
  return field;
}
