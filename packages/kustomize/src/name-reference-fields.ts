import type { FieldSpec } from "./field-spec.ts";
import type { Gvk } from "./gvk.ts";

/** Fields that hold the name of an object of one kind. */
export interface NameReference extends Partial<Gvk> {
  readonly fieldSpecs: readonly FieldSpec[];
}

/** Kinds with pods inside, and where; ConfigMaps and Secrets are followed in these. */
const POD_OWNERS: readonly (readonly [kind: string, spec: string, version?: string])[] = [
  ["Pod", "spec", "v1"],
  ["PodTemplate", "template/spec"],
  ["Deployment", "spec/template/spec"],
  ["ReplicaSet", "spec/template/spec"],
  ["DaemonSet", "spec/template/spec"],
  ["StatefulSet", "spec/template/spec"],
  ["Job", "spec/template/spec"],
  ["CronJob", "spec/jobTemplate/spec/template/spec"],
];

/** ServiceAccounts, claims and priority classes are followed in these. */
const WORKLOADS: readonly (readonly [kind: string, spec: string])[] = [
  ["Pod", "spec"],
  ["Deployment", "spec/template/spec"],
  ["DaemonSet", "spec/template/spec"],
  ["StatefulSet", "spec/template/spec"],
  ["ReplicationController", "spec/template/spec"],
  ["Job", "spec/template/spec"],
  ["CronJob", "spec/jobTemplate/spec/template/spec"],
];

function inPods(...paths: readonly string[]): FieldSpec[] {
  return POD_OWNERS.flatMap(([kind, spec, version]) =>
    paths.map((path) => ({ kind, path: `${spec}/${path}`, ...(version === undefined ? {} : { version }) })),
  );
}

function inWorkloads(...paths: readonly string[]): FieldSpec[] {
  return WORKLOADS.flatMap(([kind, spec]) => paths.map((path) => ({ kind, path: `${spec}/${path}` })));
}

function inKind(kind: string, ...paths: readonly string[]): FieldSpec[] {
  return paths.map((path) => ({ kind, path }));
}

const SCALED: FieldSpec[] = inKind("HorizontalPodAutoscaler", "spec/scaleTargetRef/name");

function containerPaths(reference: "configMap" | "secret"): string[] {
  return ["containers", "initContainers"].flatMap((containers) => [
    `${containers}/env/valueFrom/${reference}KeyRef/name`,
    `${containers}/envFrom/${reference}Ref/name`,
  ]);
}

const RULES: FieldSpec[] = [
  ...inKind("Role", "rules/resourceNames"),
  ...inKind("ClusterRole", "rules/resourceNames"),
];
const WEBHOOK_GROUP = "admissionregistration.k8s.io";

/** Whose names kustomize follows through a rename, and where. */
export const NAME_REFERENCES: readonly NameReference[] = [
  { kind: "Deployment", fieldSpecs: SCALED },
  { kind: "ReplicationController", fieldSpecs: SCALED },
  { kind: "ReplicaSet", fieldSpecs: SCALED },
  { kind: "StatefulSet", fieldSpecs: SCALED },
  {
    kind: "ConfigMap",
    version: "v1",
    fieldSpecs: [
      ...inPods(
        "volumes/configMap/name",
        "volumes/projected/sources/configMap/name",
        ...containerPaths("configMap"),
      ),
      ...inKind("Node", "spec/configSource/configMap"),
      ...RULES,
      ...inKind("Ingress", "metadata/annotations/nginx.ingress.kubernetes.io\\/fastcgi-params-configmap"),
    ],
  },
  {
    kind: "Secret",
    version: "v1",
    fieldSpecs: [
      ...inPods(
        "volumes/secret/secretName",
        "volumes/projected/sources/secret/name",
        "imagePullSecrets/name",
        ...containerPaths("secret"),
      ),
      {
        kind: "Service",
        group: "serving.knative.dev",
        version: "v1",
        path: "spec/template/spec/containers/env/valueFrom/secretKeyRef/name",
      },
      ...inKind("ServiceAccount", "imagePullSecrets/name"),
      ...inKind(
        "Ingress",
        "spec/tls/secretName",
        "metadata/annotations/ingress.kubernetes.io\\/auth-secret",
        "metadata/annotations/nginx.ingress.kubernetes.io\\/auth-secret",
        "metadata/annotations/nginx.ingress.kubernetes.io\\/auth-tls-secret",
      ),
      ...inKind(
        "StorageClass",
        "parameters/secretName",
        "parameters/adminSecretName",
        "parameters/userSecretName",
        "parameters/secretRef",
      ),
      ...inKind("PersistentVolume", "spec/azureFile/secretName"),
      ...RULES,
    ],
  },
  {
    kind: "Service",
    version: "v1",
    fieldSpecs: [
      { kind: "StatefulSet", group: "apps", path: "spec/serviceName" },
      ...inKind(
        "Ingress",
        "spec/rules/http/paths/backend/serviceName",
        "spec/backend/serviceName",
        "spec/rules/http/paths/backend/service/name",
        "spec/defaultBackend/service/name",
      ),
      { kind: "APIService", group: "apiregistration.k8s.io", path: "spec/service/name" },
      { kind: "ValidatingWebhookConfiguration", group: WEBHOOK_GROUP, path: "webhooks/clientConfig/service" },
      { kind: "MutatingWebhookConfiguration", group: WEBHOOK_GROUP, path: "webhooks/clientConfig/service" },
    ],
  },
  {
    kind: "Role",
    group: "rbac.authorization.k8s.io",
    fieldSpecs: [{ kind: "RoleBinding", group: "rbac.authorization.k8s.io", path: "roleRef/name" }],
  },
  {
    kind: "ClusterRole",
    group: "rbac.authorization.k8s.io",
    fieldSpecs: [
      { kind: "RoleBinding", group: "rbac.authorization.k8s.io", path: "roleRef/name" },
      { kind: "ClusterRoleBinding", group: "rbac.authorization.k8s.io", path: "roleRef/name" },
    ],
  },
  {
    kind: "ServiceAccount",
    version: "v1",
    fieldSpecs: [
      { kind: "RoleBinding", group: "rbac.authorization.k8s.io", path: "subjects" },
      { kind: "ClusterRoleBinding", group: "rbac.authorization.k8s.io", path: "subjects" },
      ...inWorkloads("serviceAccountName"),
    ],
  },
  {
    kind: "PersistentVolumeClaim",
    version: "v1",
    fieldSpecs: inWorkloads("volumes/persistentVolumeClaim/claimName"),
  },
  {
    kind: "PersistentVolume",
    version: "v1",
    fieldSpecs: [
      ...inKind("PersistentVolumeClaim", "spec/volumeName"),
      ...inKind("ClusterRole", "rules/resourceNames"),
    ],
  },
  {
    kind: "StorageClass",
    version: "v1",
    group: "storage.k8s.io",
    fieldSpecs: [
      ...inKind("PersistentVolume", "spec/storageClassName"),
      ...inKind("PersistentVolumeClaim", "spec/storageClassName"),
      ...inKind("StatefulSet", "spec/volumeClaimTemplates/spec/storageClassName"),
    ],
  },
  {
    kind: "PriorityClass",
    version: "v1",
    group: "scheduling.k8s.io",
    fieldSpecs: inWorkloads("priorityClassName"),
  },
  {
    kind: "IngressClass",
    version: "v1",
    group: "networking.k8s.io/v1",
    fieldSpecs: inKind("Ingress", "spec/ingressClassName"),
  },
  {
    kind: "ValidatingAdmissionPolicy",
    group: WEBHOOK_GROUP,
    fieldSpecs: [{ kind: "ValidatingAdmissionPolicyBinding", group: WEBHOOK_GROUP, path: "spec/policyName" }],
  },
];
