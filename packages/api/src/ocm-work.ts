/** Open Cluster Management's work kinds (`work.open-cluster-management.io/v1`): manifests that travel to one cluster. */
import { resourceType } from "@ai-edge/apimachinery";
import type { Condition, KubernetesObject, UnstructuredObject } from "@ai-edge/apimachinery";

export interface ManifestWork extends KubernetesObject {
  spec: ManifestWorkSpec;
  status?: ManifestWorkStatus;
}

export interface ManifestWorkSpec {
  workload?: { manifests?: UnstructuredObject[] };
  deleteOption?: ManifestWorkDeleteOption;
  manifestConfigs?: ManifestConfig[];
  /** Absent: the work agent's own identity applies the manifests. */
  executor?: { subject?: { type: "ServiceAccount"; serviceAccount?: { namespace: string; name: string } } };
}

export interface ManifestWorkDeleteOption {
  propagationPolicy?: "Foreground" | "Orphan" | "SelectivelyOrphan";
  selectivelyOrphans?: { orphaningRules?: WorkResourceIdentifier[] };
  ttlSecondsAfterFinished?: number;
}

/** Names one manifest of a work; `resource` is the plural name. */
export interface WorkResourceIdentifier {
  group?: string;
  resource: string;
  namespace?: string;
  name: string;
}

export interface ManifestConfig {
  resourceIdentifier: WorkResourceIdentifier;
  feedbackRules?: FeedbackRule[];
  updateStrategy?: WorkUpdateStrategy;
  /** Poll is upstream's default; this agent always watches. */
  feedbackScrapeType?: "Poll" | "Watch";
  conditionRules?: unknown[];
}

export interface FeedbackRule {
  type: "WellKnownStatus" | "JSONPaths";
  jsonPaths?: { name: string; path: string; version?: string }[];
}

export interface WorkUpdateStrategy {
  type: "Update" | "CreateOnly" | "ServerSideApply" | "ReadOnly";
  serverSideApply?: {
    force?: boolean;
    /** Starts with `work-agent`, which is the default. */
    fieldManager?: string;
    ignoreFields?: WorkIgnoreFields[];
  };
}

export interface WorkIgnoreFields {
  condition: "OnSpokePresent" | "OnSpokeChange";
  jsonPaths?: string[];
  jsonPointers?: string[];
  jqPathExpressions?: string[];
}

export interface ManifestWorkStatus {
  conditions?: Condition[];
  resourceStatus?: { manifests?: ManifestCondition[] };
}

export interface ManifestCondition {
  resourceMeta: ManifestResourceMeta;
  statusFeedback?: { values?: FeedbackValue[] };
  conditions?: Condition[];
}

export interface ManifestResourceMeta {
  /** The manifest's index in the work. */
  ordinal: number;
  group?: string;
  version?: string;
  kind?: string;
  resource?: string;
  name?: string;
  namespace?: string;
}

export interface FeedbackValue {
  name: string;
  fieldValue: {
    type: "Integer" | "String" | "Boolean" | "JsonRaw";
    integer?: number;
    string?: string;
    boolean?: boolean;
    jsonRaw?: string;
  };
}

export const ManifestWork = resourceType<ManifestWork>(
  "work.open-cluster-management.io/v1",
  "ManifestWork",
  "manifestworks",
  { namespaced: true },
);

/** At the managed cluster: what a ManifestWork applied; it owns those objects. Named `<hub hash>-<work>`. */
export interface AppliedManifestWork extends KubernetesObject {
  spec: { hubHash: string; manifestWorkName: string; agentID?: string };
  status?: { appliedResources?: AppliedWorkResource[]; evictionStartTime?: string };
}

export interface AppliedWorkResource extends WorkResourceIdentifier {
  version: string;
  uid?: string;
}

export const AppliedManifestWork = resourceType<AppliedManifestWork>(
  "work.open-cluster-management.io/v1",
  "AppliedManifestWork",
  "appliedmanifestworks",
  { namespaced: false },
);
