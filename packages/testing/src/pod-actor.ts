import { formatTime } from "@ai-edge/apimachinery";
import { Pod } from "@ai-edge/api";
import type { Manager } from "@ai-edge/runtime";

/**
 * Stands in for a node agent: gives every new pod a status, Running and Ready unless told otherwise, and lets deleted
 * pods go at once. It runs nothing.
 * @param statusOf the status that a pod gets; undefined leaves it as it is
 */
export function addPodActor(
  manager: Manager,
  statusOf: (pod: Pod) => Pod["status"] | undefined = () => readyStatus(),
): void {
  const pods = manager.informer(Pod);
  manager.addController({
    name: "pod-actor",
    for: Pod,
    concurrency: 4,
    reconcile: async (key) => {
      const pod = pods.store.get(key);
      if (pod === undefined) return;
      if (pod.metadata.deletionTimestamp !== undefined) {
        return manager.client.delete(Pod, key, { gracePeriodSeconds: 0 });
      }
      const phase = pod.status?.phase ?? "Pending";
      const status = phase === "Pending" ? statusOf(pod) : undefined;
      if (status === undefined) return;
      await manager.client.patch(Pod, key, { type: "merge", body: { status } }, { subresource: "status" });
    },
  });
}

/** The status of a pod that runs and is ready, since now. */
export function readyStatus(podIP: string = "127.0.0.9"): NonNullable<Pod["status"]> {
  const lastTransitionTime = formatTime(new Date());
  return {
    phase: "Running",
    podIP,
    podIPs: [{ ip: podIP }],
    startTime: lastTransitionTime,
    conditions: [{ type: "Ready", status: "True", lastTransitionTime }],
  };
}
