/** Keeps the two taints that say that a cluster is out of reach or unhealthy (upstream: pkg/registration/hub/taint). */
import { findCondition, formatTime, keyOf } from "@ai-edge/apimachinery";
import { type ClusterTaint, ManagedCluster } from "@ai-edge/api";
import { type Manager, mergeDiff } from "@ai-edge/runtime";
import { CONDITION_AVAILABLE, TAINT_UNAVAILABLE, TAINT_UNREACHABLE } from "../names.ts";

/** Runs the taint controller; `timeAdded` is the hub's clock for every taint, also those made by hand. */
export function addTaintController(manager: Manager): void {
  const informer = manager.informer(ManagedCluster);
  manager.addController({
    name: "managed-cluster-taint",
    for: ManagedCluster,
    reconcile: async (key) => {
      const cluster = informer.store.get(key);
      if (cluster === undefined || cluster.metadata.deletionTimestamp !== undefined) return;
      // Before the hub accepted it nothing may be concluded from a missing condition.
      if (cluster.spec?.hubAcceptsClient !== true) return;
      const before = cluster.spec.taints ?? [];
      const taints = taintsOf(cluster, manager.now());
      if (mergeDiff({ taints: before }, { taints }) === undefined) return;
      const { resourceVersion } = cluster.metadata;
      const body = { metadata: { resourceVersion }, spec: { taints } };
      await manager.client.patch(ManagedCluster, keyOf(cluster), { type: "merge", body });
    },
  });
}

/** The taints that a cluster should have: its own, plus the one for its condition Available. */
export function taintsOf(cluster: ManagedCluster, now: Date): ClusterTaint[] {
  const status = findCondition(cluster.status?.conditions, CONDITION_AVAILABLE)?.status;
  const wanted = status === "True" ? undefined : status === "False" ? TAINT_UNAVAILABLE : TAINT_UNREACHABLE;
  const timeAdded = formatTime(now);
  const kept = (cluster.spec?.taints ?? [])
    .filter(({ key }) => key === wanted || (key !== TAINT_UNAVAILABLE && key !== TAINT_UNREACHABLE))
    .map((taint) =>
      taint.timeAdded === undefined || taint.timeAdded === null ? { ...taint, timeAdded } : taint,
    );
  if (wanted === undefined || kept.some(({ key }) => key === wanted)) return kept;
  return [...kept, { key: wanted, effect: "NoSelect", timeAdded }];
}
