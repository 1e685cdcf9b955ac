import { type KubernetesObject, resourceType } from "@ai-edge/apimachinery";
import type { LabelSelector, TypedCondition } from "./core.ts";

export interface PodDisruptionBudget extends KubernetesObject {
  spec?: { minAvailable?: number | string; maxUnavailable?: number | string; selector?: LabelSelector };
  status?: {
    observedGeneration?: number;
    disruptionsAllowed: number;
    currentHealthy: number;
    desiredHealthy: number;
    expectedPods: number;
    conditions?: TypedCondition[];
  };
}
export const PodDisruptionBudget = resourceType<PodDisruptionBudget>(
  "policy/v1",
  "PodDisruptionBudget",
  "poddisruptionbudgets",
  { namespaced: true },
);

/** Create only, as the `eviction` subresource of a Pod. */
export interface Eviction extends KubernetesObject {
  deleteOptions?: { gracePeriodSeconds?: number; preconditions?: { uid?: string; resourceVersion?: string } };
}
