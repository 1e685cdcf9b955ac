import type { FieldSchema } from "./field-schema.ts";

/*
 * Merge rules of the built-in kinds: the `patchMergeKey`, `patchStrategy`, `listType`, `listMapKey`, `mapType` and
 * `structType` tags of `k8s.io/api`, v1.33. Lists that are not named here are atomic.
 */

/** A list whose elements are told apart by fields; strategic merge knows only the first of them. */
function keyed(
  keys: readonly string[],
  options: Omit<FieldSchema, "list" | "keys" | "merge" | "mergeKey"> = {},
): FieldSchema {
  const [mergeKey] = keys;
  return { list: "map", keys, merge: true, ...(mergeKey === undefined ? {} : { mergeKey }), ...options };
}

function object(fields: Readonly<Record<string, FieldSchema>>): FieldSchema {
  return { fields };
}

const ATOMIC: FieldSchema = { map: "atomic" };
const SET: FieldSchema = { list: "set" };
const MERGED_SET: FieldSchema = { list: "set", merge: true };
const BY_NAME = keyed(["name"]);
const CONDITIONS = keyed(["type"]);
const STATUS_WITH_CONDITIONS = object({ conditions: CONDITIONS });

const OBJECT_META = object({
  finalizers: MERGED_SET,
  ownerReferences: keyed(["uid"], { items: ATOMIC }),
});

const CONTAINER = object({
  ports: keyed(["containerPort", "protocol"], { keyDefaults: { protocol: "TCP" } }),
  env: keyed(["name"], {
    items: object({
      valueFrom: object({
        fieldRef: ATOMIC,
        resourceFieldRef: ATOMIC,
        configMapKeyRef: ATOMIC,
        secretKeyRef: ATOMIC,
      }),
    }),
  }),
  resources: object({ claims: { list: "map", keys: ["name"] } }),
  volumeMounts: keyed(["mountPath"]),
  volumeDevices: keyed(["devicePath"]),
});

const CONTAINERS = keyed(["name"], { items: CONTAINER });

const VOLUME = object({
  secret: { items: { list: "atomic" } },
  rbd: object({ secretRef: ATOMIC }),
  cephfs: object({ secretRef: ATOMIC }),
  csi: object({ nodePublishSecretRef: ATOMIC }),
  ephemeral: object({
    volumeClaimTemplate: object({
      metadata: OBJECT_META,
      spec: object({ selector: ATOMIC, dataSource: ATOMIC }),
    }),
  }),
});

/** Shared by every kind that embeds pods. */
export const POD_SPEC: FieldSchema = object({
  volumes: keyed(["name"], { items: VOLUME, retainKeys: true }),
  containers: CONTAINERS,
  initContainers: CONTAINERS,
  ephemeralContainers: CONTAINERS,
  imagePullSecrets: BY_NAME,
  hostAliases: keyed(["ip"]),
  topologySpreadConstraints: {
    ...keyed(["topologyKey", "whenUnsatisfiable"], { items: object({ labelSelector: ATOMIC }) }),
  },
  schedulingGates: BY_NAME,
  resourceClaims: keyed(["name"], { retainKeys: true }),
  nodeSelector: ATOMIC,
});

const POD_TEMPLATE = object({ metadata: OBJECT_META, spec: POD_SPEC });
const POD_STATUS = object({
  conditions: CONDITIONS,
  podIPs: keyed(["ip"]),
  resourceClaimStatuses: keyed(["name"], { retainKeys: true }),
});
/** The Job controller's list is atomic for apply, but merges by type in a strategic patch. */
const JOB_STATUS = object({ conditions: { list: "atomic", merge: true, mergeKey: "type" } });
const JOB_SPEC = object({ selector: ATOMIC, template: POD_TEMPLATE });
const CLAIM = object({
  spec: object({ selector: ATOMIC, dataSource: ATOMIC }),
  status: STATUS_WITH_CONDITIONS,
});

function workload(spec: Readonly<Record<string, FieldSchema>> = {}): FieldSchema {
  return object({
    spec: object({ selector: ATOMIC, template: POD_TEMPLATE, ...spec }),
    status: STATUS_WITH_CONDITIONS,
  });
}

const WEBHOOKS = object({
  webhooks: keyed(["name"], { items: object({ namespaceSelector: ATOMIC, objectSelector: ATOMIC }) }),
});

/** By `group/Kind`; the core group is empty. */
const KINDS: Readonly<Record<string, FieldSchema>> = {
  "/Pod": object({ spec: POD_SPEC, status: POD_STATUS }),
  "/PodTemplate": object({ template: POD_TEMPLATE }),
  "/ReplicationController": workload(),
  "/Service": object({
    spec: object({
      ports: keyed(["port", "protocol"], { keyDefaults: { protocol: "TCP" } }),
      selector: ATOMIC,
    }),
    status: STATUS_WITH_CONDITIONS,
  }),
  "/ServiceAccount": object({ secrets: keyed(["name"], { items: ATOMIC }) }),
  "/Namespace": object({ status: STATUS_WITH_CONDITIONS }),
  "/Node": object({
    spec: object({ podCIDRs: MERGED_SET, taints: { list: "atomic" } }),
    status: object({ conditions: CONDITIONS, addresses: keyed(["type"]) }),
  }),
  "/PersistentVolumeClaim": CLAIM,
  "/PersistentVolume": object({ spec: object({ claimRef: {} }) }),
  "/ResourceQuota": object({ spec: object({ scopeSelector: ATOMIC }) }),
  "apps/Deployment": workload({ strategy: { retainKeys: true } }),
  "apps/ReplicaSet": workload(),
  "apps/DaemonSet": workload(),
  "apps/StatefulSet": workload(),
  "batch/Job": object({ spec: JOB_SPEC, status: JOB_STATUS }),
  "batch/CronJob": object({
    spec: object({ jobTemplate: object({ metadata: OBJECT_META, spec: JOB_SPEC }) }),
  }),
  "autoscaling/HorizontalPodAutoscaler": object({
    spec: object({ scaleTargetRef: ATOMIC }),
    status: STATUS_WITH_CONDITIONS,
  }),
  "policy/PodDisruptionBudget": object({
    spec: object({ selector: { map: "atomic", replace: true } }),
    status: STATUS_WITH_CONDITIONS,
  }),
  "networking.k8s.io/NetworkPolicy": object({ spec: object({ podSelector: ATOMIC }) }),
  "networking.k8s.io/Ingress": object({ spec: object({ defaultBackend: object({ resource: ATOMIC }) }) }),
  "discovery.k8s.io/EndpointSlice": object({}),
  "rbac.authorization.k8s.io/RoleBinding": object({ roleRef: ATOMIC }),
  "rbac.authorization.k8s.io/ClusterRoleBinding": object({ roleRef: ATOMIC }),
  "certificates.k8s.io/CertificateSigningRequest": object({
    status: object({ conditions: { list: "map", keys: ["type"] } }),
  }),
  "apiextensions.k8s.io/CustomResourceDefinition": object({
    status: object({ conditions: { list: "map", keys: ["type"] } }),
  }),
  "apiregistration.k8s.io/APIService": object({ status: STATUS_WITH_CONDITIONS }),
  "admissionregistration.k8s.io/MutatingWebhookConfiguration": WEBHOOKS,
  "admissionregistration.k8s.io/ValidatingWebhookConfiguration": WEBHOOKS,
  "storage.k8s.io/CSINode": object({
    spec: object({ drivers: keyed(["name"], { items: object({ topologyKeys: SET }) }) }),
  }),
};

/** Merge rules of a kind that the table does not know: those of its metadata, and the defaults. */
export const UNKNOWN_KIND_SCHEMA: FieldSchema = object({ metadata: OBJECT_META });

/** The merge rules of a built-in kind, or undefined for any other. @param group "" for the core group */
export function builtInSchema(group: string, kind: string): FieldSchema | undefined {
  const name = `${group}/${kind}`;
  if (!Object.hasOwn(KINDS, name)) return undefined;
  return { fields: { metadata: OBJECT_META, ...KINDS[name]?.fields } };
}

/** The merge rules of a custom kind: its schema's, and those of metadata. */
export function customSchema(structural: FieldSchema | undefined): FieldSchema {
  return { ...structural, fields: { ...structural?.fields, metadata: OBJECT_META } };
}
