import { formatKey, isStatus, resourcePath } from "@ai-edge/apimachinery";
import { Pod } from "@ai-edge/api";
import type { EventRecorder, Manager } from "@ai-edge/runtime";

/**
 * Binds pods to the only node that an embedded cluster has, through the `binding` subresource as kube-scheduler does.
 * Pods that ask for another scheduler are left to it.
 */
export function addScheduler(manager: Manager, nodeName: string, recorder: EventRecorder): void {
  const pods = manager.informer(Pod);
  const isOurs = (pod: Pod) =>
    !pod.spec.nodeName && (pod.spec.schedulerName ?? "default-scheduler") === "default-scheduler";
  manager.addController({
    name: "scheduler",
    for: Pod,
    filter: (pod) => isOurs(pod) && pod.metadata.deletionTimestamp === undefined,
    concurrency: 4,
    reconcile: async (key) => {
      const pod = pods.store.get(key);
      if (pod === undefined || !isOurs(pod) || pod.metadata.deletionTimestamp !== undefined) return;
      const path = resourcePath(Pod, { namespace: key.namespace, name: key.name, subresource: "binding" });
      const binding = {
        apiVersion: "v1",
        kind: "Binding",
        metadata: { name: key.name, namespace: key.namespace, uid: pod.metadata.uid },
        target: { apiVersion: "v1", kind: "Node", name: nodeName },
      };
      try {
        const response = await manager.client.request("POST", path, {
          headers: { "content-type": "application/json" },
          body: JSON.stringify(binding),
        });
        await response.text();
        recorder.event(pod, "Normal", "Scheduled", `Successfully assigned ${formatKey(key)} to ${nodeName}`);
      } catch (error) {
        // Gone, or bound by somebody else in between.
        if (!isStatus(error, "NotFound", "Conflict")) throw error;
      }
    },
  });
}
