import { type KubernetesObject, resourceType } from "@ai-edge/apimachinery";
import type { LabelSelector, PersistentVolumeClaim, TypedCondition } from "./core.ts";
import type { PodTemplateSpec } from "./pod.ts";

export interface Deployment extends KubernetesObject {
  spec: DeploymentSpec;
  status?: DeploymentStatus;
}
export const Deployment = resourceType<Deployment>("apps/v1", "Deployment", "deployments", {
  namespaced: true,
});

export interface DeploymentSpec {
  replicas?: number;
  selector: LabelSelector;
  template: PodTemplateSpec;
  strategy?: {
    type?: "RollingUpdate" | "Recreate";
    /** Numbers or percentages ("25%"). */
    rollingUpdate?: { maxSurge?: number | string; maxUnavailable?: number | string };
  };
  minReadySeconds?: number;
  revisionHistoryLimit?: number;
  paused?: boolean;
  progressDeadlineSeconds?: number;
}

export interface DeploymentStatus {
  observedGeneration?: number;
  replicas?: number;
  updatedReplicas?: number;
  readyReplicas?: number;
  availableReplicas?: number;
  unavailableReplicas?: number;
  terminatingReplicas?: number;
  conditions?: TypedCondition[];
  collisionCount?: number;
}

export interface ReplicaSet extends KubernetesObject {
  spec: { replicas?: number; minReadySeconds?: number; selector: LabelSelector; template?: PodTemplateSpec };
  status?: ReplicaSetStatus;
}
export const ReplicaSet = resourceType<ReplicaSet>("apps/v1", "ReplicaSet", "replicasets", {
  namespaced: true,
});

export interface ReplicaSetStatus {
  replicas: number;
  fullyLabeledReplicas?: number;
  readyReplicas?: number;
  availableReplicas?: number;
  observedGeneration?: number;
  conditions?: TypedCondition[];
}

export interface StatefulSet extends KubernetesObject {
  spec: {
    replicas?: number;
    selector: LabelSelector;
    template: PodTemplateSpec;
    serviceName?: string;
    podManagementPolicy?: string;
    updateStrategy?: { type?: string; rollingUpdate?: { partition?: number } };
    revisionHistoryLimit?: number;
    minReadySeconds?: number;
    volumeClaimTemplates?: PersistentVolumeClaim[];
  };
  status?: {
    replicas: number;
    readyReplicas?: number;
    currentReplicas?: number;
    updatedReplicas?: number;
    availableReplicas?: number;
    observedGeneration?: number;
    currentRevision?: string;
    updateRevision?: string;
    conditions?: TypedCondition[];
  };
}
export const StatefulSet = resourceType<StatefulSet>("apps/v1", "StatefulSet", "statefulsets", {
  namespaced: true,
});

export interface DaemonSet extends KubernetesObject {
  spec: {
    selector: LabelSelector;
    template: PodTemplateSpec;
    updateStrategy?: { type?: string; rollingUpdate?: Record<string, number | string> };
    revisionHistoryLimit?: number;
    minReadySeconds?: number;
  };
  status?: {
    currentNumberScheduled: number;
    numberMisscheduled: number;
    desiredNumberScheduled: number;
    numberReady: number;
    updatedNumberScheduled?: number;
    numberAvailable?: number;
    observedGeneration?: number;
    conditions?: TypedCondition[];
  };
}
export const DaemonSet = resourceType<DaemonSet>("apps/v1", "DaemonSet", "daemonsets", { namespaced: true });

export interface ControllerRevision extends KubernetesObject {
  data?: unknown;
  revision: number;
}
export const ControllerRevision = resourceType<ControllerRevision>(
  "apps/v1",
  "ControllerRevision",
  "controllerrevisions",
  { namespaced: true },
);

export const ANNOTATION_DEPLOYMENT_REVISION = "deployment.kubernetes.io/revision";
export const ANNOTATION_DESIRED_REPLICAS = "deployment.kubernetes.io/desired-replicas";
export const ANNOTATION_MAX_REPLICAS = "deployment.kubernetes.io/max-replicas";
export const LABEL_POD_TEMPLATE_HASH = "pod-template-hash";

/** `autoscaling/v1` Scale: what every `/scale` subresource speaks. */
export interface Scale extends KubernetesObject {
  spec?: { replicas?: number };
  status?: { replicas: number; selector?: string };
}

export interface HorizontalPodAutoscaler extends KubernetesObject {
  spec: {
    scaleTargetRef: { apiVersion?: string; kind: string; name: string };
    minReplicas?: number;
    maxReplicas: number;
    metrics?: Record<string, unknown>[];
    behavior?: Record<string, unknown>;
  };
  status?: Record<string, unknown>;
}
export const HorizontalPodAutoscaler = resourceType<HorizontalPodAutoscaler>(
  "autoscaling/v2",
  "HorizontalPodAutoscaler",
  "horizontalpodautoscalers",
  { namespaced: true },
);
