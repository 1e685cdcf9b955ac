import type { FieldSpec } from "./field-spec.ts";

/*
 * Where kustomize's built-in transformers write by default
 * (https://github.com/kubernetes-sigs/kustomize/tree/master/examples/transformerconfigs lists them).
 */

const AFFINITY_LABELS = [
  "affinity/podAffinity/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/labelSelector/matchLabels",
  "affinity/podAffinity/requiredDuringSchedulingIgnoredDuringExecution/labelSelector/matchLabels",
  "affinity/podAntiAffinity/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/labelSelector/matchLabels",
  "affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution/labelSelector/matchLabels",
  "topologySpreadConstraints/labelSelector/matchLabels",
];

function podSelectors(kind: string): FieldSpec[] {
  return AFFINITY_LABELS.map((path) => ({ path: `spec/template/spec/${path}`, group: "apps", kind }));
}

export const METADATA_LABELS: FieldSpec = { path: "metadata/labels", create: true };

/** Labels of pod templates, without any selector: `labels[].includeTemplates`. */
export const TEMPLATE_LABELS: readonly FieldSpec[] = [
  { path: "spec/template/metadata/labels", create: true, version: "v1", kind: "ReplicationController" },
  { path: "spec/template/metadata/labels", create: true, kind: "Deployment" },
  { path: "spec/template/metadata/labels", create: true, kind: "ReplicaSet" },
  { path: "spec/template/metadata/labels", create: true, kind: "DaemonSet" },
  { path: "spec/template/metadata/labels", create: true, group: "apps", kind: "StatefulSet" },
  { path: "spec/template/metadata/labels", create: true, group: "batch", kind: "Job" },
  { path: "spec/jobTemplate/metadata/labels", create: true, group: "batch", kind: "CronJob" },
  { path: "spec/jobTemplate/spec/template/metadata/labels", create: true, group: "batch", kind: "CronJob" },
];

/** `labels[].includeVolumeClaimTemplates`. */
export const CLAIM_TEMPLATE_LABELS: readonly FieldSpec[] = [
  { path: "spec/volumeClaimTemplates[]/metadata/labels", create: true, group: "apps", kind: "StatefulSet" },
];

/** `commonLabels` and `labels[].includeSelectors`. */
export const COMMON_LABELS: readonly FieldSpec[] = [
  METADATA_LABELS,
  { path: "spec/selector", create: true, version: "v1", kind: "Service" },
  { path: "spec/selector", create: true, version: "v1", kind: "ReplicationController" },
  { path: "spec/template/metadata/labels", create: true, version: "v1", kind: "ReplicationController" },
  { path: "spec/selector/matchLabels", create: true, kind: "Deployment" },
  { path: "spec/template/metadata/labels", create: true, kind: "Deployment" },
  ...podSelectors("Deployment"),
  { path: "spec/selector/matchLabels", create: true, kind: "ReplicaSet" },
  { path: "spec/template/metadata/labels", create: true, kind: "ReplicaSet" },
  { path: "spec/selector/matchLabels", create: true, kind: "DaemonSet" },
  { path: "spec/template/metadata/labels", create: true, kind: "DaemonSet" },
  { path: "spec/selector/matchLabels", create: true, group: "apps", kind: "StatefulSet" },
  { path: "spec/template/metadata/labels", create: true, group: "apps", kind: "StatefulSet" },
  ...podSelectors("StatefulSet"),
  ...CLAIM_TEMPLATE_LABELS,
  { path: "spec/selector/matchLabels", group: "batch", kind: "Job" },
  { path: "spec/template/metadata/labels", create: true, group: "batch", kind: "Job" },
  { path: "spec/jobTemplate/spec/selector/matchLabels", group: "batch", kind: "CronJob" },
  { path: "spec/jobTemplate/metadata/labels", create: true, group: "batch", kind: "CronJob" },
  { path: "spec/jobTemplate/spec/template/metadata/labels", create: true, group: "batch", kind: "CronJob" },
  { path: "spec/selector/matchLabels", group: "policy", kind: "PodDisruptionBudget" },
  { path: "spec/podSelector/matchLabels", group: "networking.k8s.io", kind: "NetworkPolicy" },
  { path: "spec/ingress/from/podSelector/matchLabels", group: "networking.k8s.io", kind: "NetworkPolicy" },
  { path: "spec/egress/to/podSelector/matchLabels", group: "networking.k8s.io", kind: "NetworkPolicy" },
];

export const COMMON_ANNOTATIONS: readonly FieldSpec[] = [
  { path: "metadata/annotations", create: true },
  { path: "spec/template/metadata/annotations", create: true, version: "v1", kind: "ReplicationController" },
  { path: "spec/template/metadata/annotations", create: true, kind: "Deployment" },
  { path: "spec/template/metadata/annotations", create: true, kind: "ReplicaSet" },
  { path: "spec/template/metadata/annotations", create: true, kind: "DaemonSet" },
  { path: "spec/template/metadata/annotations", create: true, kind: "StatefulSet" },
  { path: "spec/template/metadata/annotations", create: true, group: "batch", kind: "Job" },
  { path: "spec/jobTemplate/metadata/annotations", create: true, group: "batch", kind: "CronJob" },
  {
    path: "spec/jobTemplate/spec/template/metadata/annotations",
    create: true,
    group: "batch",
    kind: "CronJob",
  },
];

export const NAME_FIELDS: readonly FieldSpec[] = [{ path: "metadata/name" }];

/** Fields with a namespace besides `metadata.namespace`. */
export const NAMESPACE_FIELDS: readonly FieldSpec[] = [
  { path: "metadata/name", kind: "Namespace", create: true },
  { path: "spec/service/namespace", group: "apiregistration.k8s.io", kind: "APIService", create: true },
  {
    path: "spec/conversion/webhook/clientConfig/service/namespace",
    group: "apiextensions.k8s.io",
    kind: "CustomResourceDefinition",
  },
];

export const IMAGE_FIELDS: readonly FieldSpec[] = ["spec", "spec/template/spec"].flatMap((spec) =>
  ["containers[]/image", "initContainers[]/image", "volumes[]/image/reference"].map((path) => ({
    path: `${spec}/${path}`,
    create: true,
  })),
);

export const REPLICA_FIELDS: readonly FieldSpec[] = [
  { path: "spec/replicas", create: true, kind: "Deployment" },
  { path: "spec/replicas", create: true, kind: "ReplicationController" },
  { path: "spec/replicas", create: true, kind: "ReplicaSet" },
  { path: "spec/replicas", create: true, kind: "StatefulSet" },
];

const POD_OWNERS: readonly (readonly [kind: string, spec: string])[] = [
  ["Pod", "spec"],
  ["Deployment", "spec/template/spec"],
  ["ReplicaSet", "spec/template/spec"],
  ["DaemonSet", "spec/template/spec"],
  ["StatefulSet", "spec/template/spec"],
  ["Job", "spec/template/spec"],
  ["CronJob", "spec/jobTemplate/spec/template/spec"],
];

const VAR_POD_PATHS = ["args", "command", "env/value", "volumeMounts/mountPath"];

/** Where `$(VAR)` is replaced; odd places among them are kustomize's. */
export const VAR_REFERENCE_FIELDS: readonly FieldSpec[] = [
  ...POD_OWNERS.flatMap(([kind, spec]) =>
    ["containers", "initContainers"].flatMap((containers) =>
      VAR_POD_PATHS.map((path) => ({ path: `${spec}/${containers}/${path}`, kind })),
    ),
  ),
  ...POD_OWNERS.slice(0, 4).map(([kind, spec]) => ({ path: `${spec}/volumes/nfs/server`, kind })),
  { path: "spec/template/spec/volumes/nfs/server", kind: "Job" },
  { path: "spec/jobTemplate/spec/template/volumes/nfs/server", kind: "CronJob" },
  { path: "spec/volumeClaimTemplates/spec/nfs/server", kind: "StatefulSet" },
  { path: "spec/nfs/server", kind: "PersistentVolume" },
  { path: "spec/template/metadata/annotations", kind: "Deployment" },
  { path: "spec/rules/host", kind: "Ingress" },
  { path: "spec/tls/hosts", kind: "Ingress" },
  { path: "spec/tls/secretName", kind: "Ingress" },
  { path: "spec/ports/port", kind: "Service" },
  { path: "spec/ports/targetPort", kind: "Service" },
  { path: "metadata/labels" },
  { path: "metadata/annotations" },
];
