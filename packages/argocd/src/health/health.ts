import type { HealthStatus, HealthStatusCode } from "@ai-edge/api";
import type { UnstructuredObject } from "@ai-edge/apimachinery";
import { jobHealth, cronJobHealth } from "./job.ts";
import { podHealth } from "./pod.ts";
import { claimHealth, ingressHealth, routeHealth, serviceHealth } from "./network.ts";
import { daemonSetHealth, deploymentHealth, replicaSetHealth, statefulSetHealth } from "./workload.ts";
import { customResourceDefinitionHealth, inferenceServiceHealth, policyHealth } from "./custom.ts";

/** From best to worst (`gitops-engine/pkg/health`). */
const ORDER: readonly HealthStatusCode[] = [
  "Healthy",
  "Suspended",
  "Progressing",
  "Missing",
  "Degraded",
  "Unknown",
];

export function isWorse(current: HealthStatusCode, next: HealthStatusCode): boolean {
  return ORDER.indexOf(next) > ORDER.indexOf(current);
}

type HealthRule = (object: UnstructuredObject) => HealthStatus;

const RULES: Readonly<Record<string, HealthRule>> = {
  "apps/Deployment": deploymentHealth,
  "apps/ReplicaSet": replicaSetHealth,
  "apps/StatefulSet": statefulSetHealth,
  "apps/DaemonSet": daemonSetHealth,
  "/Pod": podHealth,
  "/Service": serviceHealth,
  "/PersistentVolumeClaim": claimHealth,
  "batch/Job": jobHealth,
  "batch/CronJob": cronJobHealth,
  "networking.k8s.io/Ingress": ingressHealth,
  "route.openshift.io/Route": routeHealth,
  "apiextensions.k8s.io/CustomResourceDefinition": customResourceDefinitionHealth,
  "serving.kserve.io/InferenceService": inferenceServiceHealth,
  "policy.open-cluster-management.io/Policy": policyHealth,
};

/** The health of an object by the rule of its kind; undefined for kinds without a rule, which count as healthy. */
export function healthOf(group: string, object: UnstructuredObject): HealthStatus | undefined {
  if (object.metadata.deletionTimestamp !== undefined)
    return { status: "Progressing", message: "Pending deletion" };
  const rule = RULES[`${group}/${object.kind}`];
  return rule?.(object);
}
