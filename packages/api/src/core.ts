import {
  type Condition,
  type KubernetesObject,
  type LabelSelector,
  resourceType,
} from "@ai-edge/apimachinery";
export type { LabelSelector, LabelSelectorRequirement } from "@ai-edge/apimachinery";

/** Conditions of core, apps and batch kinds: like {@link Condition}, plus the time of the last probe or update. */
export interface TypedCondition extends Condition {
  lastProbeTime?: string | null;
  lastUpdateTime?: string;
  lastHeartbeatTime?: string;
}

/** A reference to another object (`core/v1` ObjectReference). */
export interface ObjectReference {
  apiVersion?: string;
  kind?: string;
  namespace?: string;
  name?: string;
  uid?: string;
  resourceVersion?: string;
  fieldPath?: string;
}

/** Quantities by resource name: `{cpu: "500m", memory: "1Gi"}`. */
export type ResourceList = Record<string, string | number>;

export interface ResourceRequirements {
  limits?: ResourceList;
  requests?: ResourceList;
  claims?: { name: string }[];
}

export interface Namespace extends KubernetesObject {
  spec?: { finalizers?: string[] };
  status?: { phase?: "Active" | "Terminating"; conditions?: TypedCondition[] };
}
export const Namespace = resourceType<Namespace>("v1", "Namespace", "namespaces", { namespaced: false });

export interface ConfigMap extends KubernetesObject {
  data?: Record<string, string>;
  /** Base64. */
  binaryData?: Record<string, string>;
  immutable?: boolean;
}
export const ConfigMap = resourceType<ConfigMap>("v1", "ConfigMap", "configmaps", { namespaced: true });

export interface Secret extends KubernetesObject {
  type?: string;
  /** Base64. */
  data?: Record<string, string>;
  /** Write-only: the API server folds it into `data`. */
  stringData?: Record<string, string>;
  immutable?: boolean;
}
export const Secret = resourceType<Secret>("v1", "Secret", "secrets", { namespaced: true });

export const SECRET_TYPE_OPAQUE = "Opaque";
export const SECRET_TYPE_SERVICE_ACCOUNT_TOKEN = "kubernetes.io/service-account-token";
export const SECRET_TYPE_DOCKER_CONFIG_JSON = "kubernetes.io/dockerconfigjson";
export const SECRET_TYPE_BASIC_AUTH = "kubernetes.io/basic-auth";
export const SECRET_TYPE_TLS = "kubernetes.io/tls";
export const SECRET_TYPE_BOOTSTRAP_TOKEN = "bootstrap.kubernetes.io/token";
export const ANNOTATION_SERVICE_ACCOUNT_NAME = "kubernetes.io/service-account.name";
export const ANNOTATION_SERVICE_ACCOUNT_UID = "kubernetes.io/service-account.uid";

export interface ServiceAccount extends KubernetesObject {
  secrets?: ObjectReference[];
  imagePullSecrets?: { name: string }[];
  automountServiceAccountToken?: boolean;
}
export const ServiceAccount = resourceType<ServiceAccount>("v1", "ServiceAccount", "serviceaccounts", {
  namespaced: true,
});

export interface Service extends KubernetesObject {
  spec: ServiceSpec;
  status?: { loadBalancer?: { ingress?: { ip?: string; hostname?: string }[] }; conditions?: Condition[] };
}
export const Service = resourceType<Service>("v1", "Service", "services", { namespaced: true });

export interface ServiceSpec {
  type?: "ClusterIP" | "NodePort" | "LoadBalancer" | "ExternalName";
  selector?: Record<string, string>;
  ports?: ServicePort[];
  /** "None" for headless Services; allocated by the API server when absent. */
  clusterIP?: string;
  clusterIPs?: string[];
  externalIPs?: string[];
  externalName?: string;
  sessionAffinity?: "None" | "ClientIP";
  ipFamilies?: string[];
  ipFamilyPolicy?: string;
  internalTrafficPolicy?: string;
  externalTrafficPolicy?: string;
  publishNotReadyAddresses?: boolean;
}

export interface ServicePort {
  name?: string;
  protocol?: "TCP" | "UDP" | "SCTP";
  appProtocol?: string;
  port: number;
  /** A number, or the name of a container port. Defaults to `port`. */
  targetPort?: number | string;
  nodePort?: number;
}

export interface Endpoints extends KubernetesObject {
  subsets?: {
    addresses?: EndpointAddress[];
    notReadyAddresses?: EndpointAddress[];
    ports?: { name?: string; port: number; protocol?: string; appProtocol?: string }[];
  }[];
}
export const Endpoints = resourceType<Endpoints>("v1", "Endpoints", "endpoints", { namespaced: true });

export interface EndpointAddress {
  ip: string;
  hostname?: string;
  nodeName?: string;
  targetRef?: ObjectReference;
}

export interface Node extends KubernetesObject {
  spec?: {
    podCIDR?: string;
    providerID?: string;
    unschedulable?: boolean;
    taints?: Taint[];
  };
  status?: NodeStatus;
}
export const Node = resourceType<Node>("v1", "Node", "nodes", { namespaced: false });

export interface Taint {
  key: string;
  value?: string;
  effect: "NoSchedule" | "PreferNoSchedule" | "NoExecute";
  timeAdded?: string;
}

export interface NodeStatus {
  capacity?: ResourceList;
  allocatable?: ResourceList;
  conditions?: TypedCondition[];
  addresses?: { type: string; address: string }[];
  nodeInfo?: Record<string, string>;
  images?: { names?: string[]; sizeBytes?: number }[];
  daemonEndpoints?: { kubeletEndpoint?: { Port: number } };
}

export interface PersistentVolumeClaim extends KubernetesObject {
  spec: PersistentVolumeClaimSpec;
  status?: {
    phase?: "Pending" | "Bound" | "Lost";
    accessModes?: string[];
    capacity?: ResourceList;
    conditions?: TypedCondition[];
  };
}
export const PersistentVolumeClaim = resourceType<PersistentVolumeClaim>(
  "v1",
  "PersistentVolumeClaim",
  "persistentvolumeclaims",
  { namespaced: true },
);

export interface PersistentVolumeClaimSpec {
  accessModes?: string[];
  resources?: ResourceRequirements;
  storageClassName?: string;
  volumeMode?: string;
  volumeName?: string;
  selector?: LabelSelector;
}

export interface PersistentVolume extends KubernetesObject {
  spec: {
    capacity?: ResourceList;
    accessModes?: string[];
    claimRef?: ObjectReference;
    persistentVolumeReclaimPolicy?: string;
    storageClassName?: string;
    volumeMode?: string;
    hostPath?: { path: string; type?: string };
    local?: { path: string };
  };
  status?: { phase?: string; message?: string; reason?: string };
}
export const PersistentVolume = resourceType<PersistentVolume>(
  "v1",
  "PersistentVolume",
  "persistentvolumes",
  {
    namespaced: false,
  },
);

export interface ResourceQuota extends KubernetesObject {
  spec?: { hard?: ResourceList; scopes?: string[] };
  status?: { hard?: ResourceList; used?: ResourceList };
}
export const ResourceQuota = resourceType<ResourceQuota>("v1", "ResourceQuota", "resourcequotas", {
  namespaced: true,
});

export interface LimitRange extends KubernetesObject {
  spec?: { limits?: Record<string, unknown>[] };
}
export const LimitRange = resourceType<LimitRange>("v1", "LimitRange", "limitranges", { namespaced: true });

export interface ReplicationController extends KubernetesObject {
  spec?: { replicas?: number; selector?: Record<string, string>; template?: Record<string, unknown> };
  status?: { replicas: number; readyReplicas?: number; observedGeneration?: number };
}
export const ReplicationController = resourceType<ReplicationController>(
  "v1",
  "ReplicationController",
  "replicationcontrollers",
  { namespaced: true },
);
