import type { Pod, StatefulSet } from "@ai-edge/api";
import { isFinished, isReady } from "../pod.ts";
import { isOfRevision } from "../revision.ts";

/** What to do next; several at once only with `podManagementPolicy: Parallel`. */
export type Step = { create: number } | { delete: Pod };

/** The number at the end of a pod's name, if it is one of the set's. */
export function ordinalOf(set: StatefulSet, pod: Pod): number | undefined {
  const prefix = `${set.metadata.name}-`;
  const suffix = pod.metadata.name.slice(prefix.length);
  return pod.metadata.name.startsWith(prefix) && /^\d{1,9}$/.test(suffix) ? Number(suffix) : undefined;
}

/**
 * The next steps of a StatefulSet (upstream's updateStatefulSet): pods come up in order, each after the one before is
 * ready; they go in reverse, one at a time; updates go from the highest ordinal down to the partition.
 */
export function nextSteps(set: StatefulSet, pods: readonly Pod[], revision: string): Step[] {
  const replicas = set.spec.replicas ?? 1;
  const ordered = set.spec.podManagementPolicy !== "Parallel";
  const byOrdinal = new Map<number, Pod>();
  for (const pod of pods) {
    const ordinal = ordinalOf(set, pod);
    if (ordinal !== undefined) byOrdinal.set(ordinal, pod);
  }
  const steps: Step[] = [];
  let allReady = true;
  for (let ordinal = 0; ordinal < replicas; ordinal += 1) {
    const pod = byOrdinal.get(ordinal);
    const terminating = pod?.metadata.deletionTimestamp !== undefined;
    if (pod === undefined) steps.push({ create: ordinal });
    else if (isFinished(pod) && !terminating) steps.push({ delete: pod });
    else if (isReady(pod) && !terminating) continue;
    allReady = false;
    if (ordered) return steps;
  }
  const condemned = [...byOrdinal].filter(([ordinal]) => ordinal >= replicas).sort(([a], [b]) => b - a);
  for (const [, pod] of condemned) {
    if (pod.metadata.deletionTimestamp === undefined) steps.push({ delete: pod });
    if (ordered) return steps;
  }
  if (!allReady || condemned.length > 0 || set.spec.updateStrategy?.type === "OnDelete") return steps;
  const outdated = outdatedPod(set, byOrdinal, replicas, revision);
  return outdated === undefined ? steps : [...steps, { delete: outdated }];
}

function outdatedPod(
  set: StatefulSet,
  byOrdinal: ReadonlyMap<number, Pod>,
  replicas: number,
  revision: string,
): Pod | undefined {
  const partition = set.spec.updateStrategy?.rollingUpdate?.partition ?? 0;
  for (let ordinal = replicas - 1; ordinal >= partition; ordinal -= 1) {
    const pod = byOrdinal.get(ordinal);
    if (pod !== undefined && !isOfRevision(pod, revision)) return pod;
  }
  return undefined;
}
