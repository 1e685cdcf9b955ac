/** Argo CD's kinds (`argoproj.io/v1alpha1`) and OCM's GitOpsCluster, which feeds them. */
import {
  type Condition,
  type KubernetesObject,
  type LabelSelector,
  resourceType,
} from "@ai-edge/apimachinery";

/** What to deploy from where to where. It has no status subresource: status is written with the object. */
export interface Application extends KubernetesObject {
  spec: ApplicationSpec;
  /** A requested sync; the controller moves it to `status.operationState`. */
  operation?: ApplicationOperation;
  status?: ApplicationStatus;
}
export const Application = resourceType<Application>("argoproj.io/v1alpha1", "Application", "applications", {
  namespaced: true,
});

export interface ApplicationSpec {
  project: string;
  source?: ApplicationSource;
  sources?: ApplicationSource[];
  destination: ApplicationDestination;
  syncPolicy?: ApplicationSyncPolicy;
  ignoreDifferences?: ResourceIgnoreDifferences[];
  info?: { name: string; value: string }[];
  /** Entries of `status.history`; default 10. */
  revisionHistoryLimit?: number;
}

export interface ApplicationSource {
  repoURL: string;
  /** A branch, tag, commit, `HEAD` or a semantic version range over tags; default `HEAD`. */
  targetRevision?: string;
  path?: string;
  chart?: string;
  ref?: string;
  name?: string;
  helm?: Record<string, unknown>;
  kustomize?: ApplicationSourceKustomize;
  directory?: { recurse?: boolean; include?: string; exclude?: string; jsonnet?: Record<string, unknown> };
  plugin?: Record<string, unknown>;
}

export interface ApplicationSourceKustomize {
  namePrefix?: string;
  nameSuffix?: string;
  /** `name:tag`, `name@digest` or `old=new:tag`. */
  images?: string[];
  replicas?: { name: string; count: number | string }[];
  commonLabels?: Record<string, string>;
  commonAnnotations?: Record<string, string>;
  labelWithoutSelector?: boolean;
  labelIncludeTemplates?: boolean;
  namespace?: string;
  patches?: Record<string, unknown>[];
  components?: string[];
  [field: string]: unknown;
}

export interface ApplicationDestination {
  server?: string;
  name?: string;
  namespace?: string;
}

export interface ApplicationSyncPolicy {
  automated?: { prune?: boolean; selfHeal?: boolean; allowEmpty?: boolean; enabled?: boolean };
  syncOptions?: string[];
  retry?: ApplicationRetry;
  managedNamespaceMetadata?: { labels?: Record<string, string>; annotations?: Record<string, string> };
}

export interface ApplicationRetry {
  /** Attempts after the first; negative: without end. */
  limit?: number;
  backoff?: { duration?: string; factor?: number; maxDuration?: string };
  refresh?: boolean;
}

export interface ResourceIgnoreDifferences {
  group?: string;
  kind: string;
  name?: string;
  namespace?: string;
  jsonPointers?: string[];
  jqPathExpressions?: string[];
  managedFieldsManagers?: string[];
}

export interface ApplicationOperation {
  sync?: {
    revision?: string;
    prune?: boolean;
    dryRun?: boolean;
    resources?: { group?: string; kind: string; name: string; namespace?: string }[];
    source?: ApplicationSource;
    syncOptions?: string[];
    syncStrategy?: Record<string, unknown>;
    manifests?: string[];
  };
  initiatedBy?: { username?: string; automated?: boolean };
  info?: { name: string; value: string }[];
  retry?: ApplicationRetry;
}

export type SyncStatusCode = "Synced" | "OutOfSync" | "Unknown";
export type HealthStatusCode = "Healthy" | "Suspended" | "Progressing" | "Missing" | "Degraded" | "Unknown";
export type OperationPhase = "Running" | "Terminating" | "Failed" | "Error" | "Succeeded";

export interface HealthStatus {
  status?: HealthStatusCode;
  message?: string;
  lastTransitionTime?: string;
}

export interface ApplicationStatus {
  sync?: {
    status: SyncStatusCode;
    revision?: string;
    comparedTo?: {
      source?: ApplicationSource;
      destination?: ApplicationDestination;
      ignoreDifferences?: ResourceIgnoreDifferences[];
    };
  };
  health?: HealthStatus;
  resources?: ApplicationResourceStatus[];
  operationState?: OperationState;
  history?: RevisionHistory[];
  conditions?: ApplicationCondition[];
  reconciledAt?: string;
  sourceType?: "Kustomize" | "Directory" | "Helm" | "Plugin";
  summary?: { images?: string[]; externalURLs?: string[] };
  controllerNamespace?: string;
  resourceHealthSource?: string;
}

export interface ApplicationResourceStatus {
  group?: string;
  version: string;
  kind: string;
  namespace?: string;
  name: string;
  status?: SyncStatusCode;
  health?: HealthStatus;
  requiresPruning?: boolean;
  syncWave?: number;
}

export interface OperationState {
  operation: ApplicationOperation;
  phase: OperationPhase;
  message?: string;
  startedAt: string;
  finishedAt?: string;
  retryCount?: number;
  syncResult?: {
    revision: string;
    source?: ApplicationSource;
    resources?: ResourceResult[];
  };
}

export interface ResourceResult {
  group: string;
  version: string;
  kind: string;
  namespace: string;
  name: string;
  status?: "Synced" | "SyncFailed" | "Pruned" | "PruneSkipped";
  message?: string;
  syncPhase?: "PreSync" | "Sync" | "PostSync" | "SyncFail";
}

export interface RevisionHistory {
  id: number;
  revision: string;
  source?: ApplicationSource;
  deployStartedAt?: string;
  deployedAt: string;
  initiatedBy?: { username?: string; automated?: boolean };
}

export interface ApplicationCondition {
  type:
    | "DeletionError"
    | "InvalidSpecError"
    | "ComparisonError"
    | "SyncError"
    | "UnknownError"
    | "SharedResourceWarning"
    | "RepeatedResourceWarning"
    | "ExcludedResourceWarning"
    | "OrphanedResourceWarning";
  message: string;
  lastTransitionTime?: string;
}

/** Makes Applications from generators and a template. */
export interface ApplicationSet extends KubernetesObject {
  spec: ApplicationSetSpec;
  status?: ApplicationSetStatus;
}
export const ApplicationSet = resourceType<ApplicationSet>(
  "argoproj.io/v1alpha1",
  "ApplicationSet",
  "applicationsets",
  {
    namespaced: true,
  },
);

export interface ApplicationSetSpec {
  generators: ApplicationSetGenerator[];
  template: ApplicationSetTemplate;
  goTemplate?: boolean;
  goTemplateOptions?: string[];
  templatePatch?: string;
  syncPolicy?: {
    preserveResourcesOnDeletion?: boolean;
    applicationsSync?: "create-only" | "create-update" | "create-delete" | "sync";
  };
  strategy?: Record<string, unknown>;
  preservedFields?: { annotations?: string[]; labels?: string[] };
  ignoreApplicationDifferences?: Record<string, unknown>[];
}

export interface ApplicationSetGenerator {
  clusterDecisionResource?: ClusterDecisionResourceGenerator;
  list?: { elements?: Record<string, unknown>[]; elementsYaml?: string; template?: unknown };
  [generator: string]: unknown;
}

export interface ClusterDecisionResourceGenerator {
  /** A ConfigMap in the ApplicationSet's namespace: apiVersion, kind (plural name), statusListKey, matchKey. */
  configMapRef: string;
  name?: string;
  labelSelector?: LabelSelector;
  requeueAfterSeconds?: number;
  values?: Record<string, string>;
  template?: unknown;
}

export interface ApplicationSetTemplate {
  metadata: {
    name?: string;
    namespace?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    finalizers?: string[];
  };
  spec: ApplicationSpec;
}

export interface ApplicationSetStatus {
  conditions?: ApplicationSetCondition[];
  resources?: ApplicationResourceStatus[];
  resourcesCount?: number;
}

export interface ApplicationSetCondition {
  type: "ErrorOccurred" | "ParametersGenerated" | "ResourcesUpToDate" | "RolloutProgressing";
  status: "True" | "False" | "Unknown";
  reason: string;
  message: string;
  lastTransitionTime?: string;
}

/** Limits what Applications of a project may deploy. */
export interface AppProject extends KubernetesObject {
  spec: {
    description?: string;
    sourceRepos?: string[];
    sourceNamespaces?: string[];
    destinations?: ApplicationDestination[];
    clusterResourceWhitelist?: { group: string; kind: string }[];
    clusterResourceBlacklist?: { group: string; kind: string }[];
    namespaceResourceWhitelist?: { group: string; kind: string }[];
    namespaceResourceBlacklist?: { group: string; kind: string }[];
    [field: string]: unknown;
  };
  status?: Record<string, unknown>;
}
export const AppProject = resourceType<AppProject>("argoproj.io/v1alpha1", "AppProject", "appprojects", {
  namespaced: true,
});

/** Registers the clusters of a placement with an Argo CD instance (`multicloud-integrations`). */
export interface GitOpsCluster extends KubernetesObject {
  spec: {
    argoServer: { cluster?: string; argoNamespace?: string };
    placementRef: { apiVersion?: string; kind: string; name: string };
    managedServiceAccountRef?: string;
    createBlankClusterSecrets?: boolean;
    [field: string]: unknown;
  };
  status?: GitOpsClusterStatus;
}
export const GitOpsCluster = resourceType<GitOpsCluster>(
  "apps.open-cluster-management.io/v1beta1",
  "GitOpsCluster",
  "gitopsclusters",
  { namespaced: true },
);

export interface GitOpsClusterStatus {
  phase?: "successful" | "failed";
  message?: string;
  lastUpdateTime?: string;
  conditions?: Condition[];
}
