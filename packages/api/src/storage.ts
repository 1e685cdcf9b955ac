import { type KubernetesObject, resourceType } from "@ai-edge/apimachinery";

export interface StorageClass extends KubernetesObject {
  provisioner: string;
  parameters?: Record<string, string>;
  reclaimPolicy?: "Delete" | "Retain";
  volumeBindingMode?: "Immediate" | "WaitForFirstConsumer";
  allowVolumeExpansion?: boolean;
}
export const StorageClass = resourceType<StorageClass>(
  "storage.k8s.io/v1",
  "StorageClass",
  "storageclasses",
  {
    namespaced: false,
  },
);

export interface PriorityClass extends KubernetesObject {
  value: number;
  globalDefault?: boolean;
  description?: string;
  preemptionPolicy?: string;
}
export const PriorityClass = resourceType<PriorityClass>(
  "scheduling.k8s.io/v1",
  "PriorityClass",
  "priorityclasses",
  {
    namespaced: false,
  },
);
