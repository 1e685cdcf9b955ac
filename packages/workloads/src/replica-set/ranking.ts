import type { Pod } from "@ai-edge/api";
import { isReady, readySince, restartCount } from "../pod.ts";

const DELETION_COST = "controller.kubernetes.io/pod-deletion-cost";
const PHASE_RANK: Record<string, number> = { Pending: 0, Unknown: 1, Running: 2 };

/**
 * Pods in the order in which a scale-down takes them (upstream's ActivePodsWithRanks): those that serve least first.
 * Unassigned, pending, not ready, cheap to delete, ready for a shorter time, often restarted, new.
 */
export function byDeletionRank(pods: readonly Pod[]): Pod[] {
  return [...pods].sort(compare);
}

function compare(a: Pod, b: Pod): number {
  return (
    Number(isAssigned(a)) - Number(isAssigned(b)) ||
    phaseRank(a) - phaseRank(b) ||
    Number(isReady(a)) - Number(isReady(b)) ||
    deletionCost(a) - deletionCost(b) ||
    // The later it became ready, the sooner it goes.
    (readySince(b) ?? 0) - (readySince(a) ?? 0) ||
    restartCount(b) - restartCount(a) ||
    createdAt(b) - createdAt(a)
  );
}

function isAssigned(pod: Pod): boolean {
  return pod.spec.nodeName !== undefined && pod.spec.nodeName !== "";
}

function phaseRank(pod: Pod): number {
  return PHASE_RANK[pod.status?.phase ?? "Pending"] ?? 0;
}

function deletionCost(pod: Pod): number {
  const cost = Number(pod.metadata.annotations?.[DELETION_COST] ?? 0);
  return Number.isSafeInteger(cost) ? cost : 0;
}

function createdAt(pod: Pod): number {
  return Date.parse(pod.metadata.creationTimestamp ?? "") || 0;
}
