import {
  type KubernetesObject,
  type ObjectMeta,
  controllerReference,
  findCondition,
  isConditionTrue,
} from "@ai-edge/apimachinery";
import type { Pod, PodTemplateSpec } from "@ai-edge/api";
import type { Writable } from "@ai-edge/client";

/** Neither finished nor on its way out: counts towards the replicas of its controller. */
export function isActive(pod: Pod): boolean {
  return !isFinished(pod) && pod.metadata.deletionTimestamp === undefined;
}

export function isFinished(pod: Pod): boolean {
  return pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
}

export function isReady(pod: Pod): boolean {
  return isConditionTrue(pod.status?.conditions, "Ready");
}

/** Since when the pod has been ready, in milliseconds of the epoch. */
export function readySince(pod: Pod): number | undefined {
  const ready = findCondition(pod.status?.conditions, "Ready");
  if (ready?.status !== "True") return undefined;
  return ready.lastTransitionTime === undefined ? 0 : Date.parse(ready.lastTransitionTime);
}

/** Ready for at least `minReadySeconds`: only such a pod may take over from an old one. */
export function isAvailable(pod: Pod, minReadySeconds: number, now: Date): boolean {
  const since = readySince(pod);
  if (since === undefined) return false;
  return minReadySeconds === 0 || since + minReadySeconds * 1000 <= now.getTime();
}

export function restartCount(pod: Pod): number {
  const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  return statuses.reduce((sum, status) => sum + status.restartCount, 0);
}

/** A new pod of a template, controlled by `owner`. @param name the pod's metadata apart from what the template gives */
export function podFromTemplate(
  template: PodTemplateSpec,
  owner: KubernetesObject,
  metadata: Pick<ObjectMeta, "name" | "generateName" | "labels" | "annotations">,
): Writable<Pod> {
  const { labels, annotations, finalizers } = template.metadata ?? {};
  return {
    metadata: {
      ...metadata,
      ...(owner.metadata.namespace === undefined ? {} : { namespace: owner.metadata.namespace }),
      labels: { ...labels, ...metadata.labels },
      annotations: { ...annotations, ...metadata.annotations },
      ...(finalizers === undefined ? {} : { finalizers }),
      ownerReferences: [controllerReference(owner)],
    },
    spec: structuredClone(template.spec),
  };
}

/** A pod's prefix, as upstream: `<controller>-`, unless that would be no valid name. */
export function podPrefix(controllerName: string): string {
  return `${controllerName}-`;
}
