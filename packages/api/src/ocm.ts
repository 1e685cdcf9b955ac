/**
 * Open Cluster Management's cluster kinds (`cluster.open-cluster-management.io`), as in
 * open-cluster-management-io/api. The work kinds are in `ocm-work.ts`, the CRDs in `ocm-crds.ts`.
 */
import { resourceType } from "@ai-edge/apimachinery";
import type { Condition, KubernetesObject } from "@ai-edge/apimachinery";
import type { LabelSelector, LabelSelectorRequirement } from "./core.ts";

export type TaintEffect = "NoSelect" | "PreferNoSelect" | "NoSelectIfNew";

export interface ClusterTaint {
  key: string;
  value?: string;
  effect: TaintEffect;
  /** Owned by the hub: it is when the hub first saw the taint. */
  timeAdded?: string | null;
}

export interface ManagedCluster extends KubernetesObject {
  spec?: ManagedClusterSpec;
  status?: ManagedClusterStatus;
}

export interface ManagedClusterSpec {
  managedClusterClientConfigs?: { url: string; caBundle?: string }[];
  hubAcceptsClient?: boolean;
  /** Seconds between two heartbeats; upstream's default is 60, the embedded default 10. */
  leaseDurationSeconds?: number;
  taints?: ClusterTaint[];
}

export interface ManagedClusterStatus {
  conditions?: Condition[];
  /** The sum over all nodes. */
  capacity?: Record<string, string>;
  /** The sum over schedulable nodes. */
  allocatable?: Record<string, string>;
  version?: { kubernetes?: string };
  clusterClaims?: { name: string; value: string }[];
}

export const ManagedCluster = resourceType<ManagedCluster>(
  "cluster.open-cluster-management.io/v1",
  "ManagedCluster",
  "managedclusters",
  { namespaced: false },
);

export interface ManagedClusterSet extends KubernetesObject {
  spec?: {
    clusterSelector?: {
      selectorType: "ExclusiveClusterSetLabel" | "LabelSelector";
      labelSelector?: LabelSelector;
    };
    managedNamespaces?: { name: string }[];
  };
  status?: { conditions?: Condition[] };
}

export const ManagedClusterSet = resourceType<ManagedClusterSet>(
  "cluster.open-cluster-management.io/v1beta2",
  "ManagedClusterSet",
  "managedclustersets",
  { namespaced: false },
);

/** Lets the Placements of its namespace choose from a set; its name must equal `spec.clusterSet`. */
export interface ManagedClusterSetBinding extends KubernetesObject {
  spec?: { clusterSet?: string };
  status?: { conditions?: Condition[] };
}

export const ManagedClusterSetBinding = resourceType<ManagedClusterSetBinding>(
  "cluster.open-cluster-management.io/v1beta2",
  "ManagedClusterSetBinding",
  "managedclustersetbindings",
  { namespaced: true },
);

export interface ClusterSelector {
  labelSelector?: LabelSelector;
  claimSelector?: { matchExpressions?: LabelSelectorRequirement[] };
  celSelector?: { celExpressions?: string[] };
}

export interface PlacementToleration {
  key?: string;
  /** Default Equal. */
  operator?: "Exists" | "Equal";
  value?: string;
  effect?: TaintEffect;
  /** Absent: for ever. Counted from the taint's `timeAdded`. */
  tolerationSeconds?: number;
}

export interface ScoreCoordinate {
  type: "BuiltIn" | "AddOn";
  /** Balance, Steady, ResourceAllocatableCPU or ResourceAllocatableMemory. */
  builtIn?: string;
  addOn?: { resourceName: string; scoreName: string };
}

export interface Placement extends KubernetesObject {
  spec: PlacementSpec;
  status?: PlacementStatus;
}

export interface PlacementSpec {
  /** Absent or empty: every set bound to the namespace. */
  clusterSets?: string[];
  /** Absent: every selected cluster. */
  numberOfClusters?: number;
  /** Alternatives: a cluster that matches one of them is a candidate. Absent or empty: every cluster. */
  predicates?: { requiredClusterSelector?: ClusterSelector }[];
  prioritizerPolicy?: {
    mode?: "Additive" | "Exact";
    configurations?: { scoreCoordinate: ScoreCoordinate; weight?: number }[];
  };
  tolerations?: PlacementToleration[];
  decisionStrategy?: { groupStrategy?: DecisionGroupStrategy };
  /** In the API but not in upstream's scheduler: see the Placement's message when it is set. */
  spreadPolicy?: unknown;
}

export interface DecisionGroupStrategy {
  decisionGroups?: { groupName: string; groupClusterSelector: ClusterSelector }[];
  /** Clusters per group: a number, or a percentage of those selected. Default "100%". */
  clustersPerDecisionGroup?: number | string;
}

export interface PlacementStatus {
  numberOfSelectedClusters?: number;
  decisionGroups?: {
    decisionGroupIndex: number;
    decisionGroupName: string;
    decisions: string[];
    clusterCount: number;
  }[];
  conditions?: Condition[];
}

export const Placement = resourceType<Placement>(
  "cluster.open-cluster-management.io/v1beta1",
  "Placement",
  "placements",
  { namespaced: true },
);

/** One page, at most 100 clusters, of a Placement's answer: `<placement>-decision-<n>`, labelled with its placement. */
export interface PlacementDecision extends KubernetesObject {
  status?: { decisions: ClusterDecision[] };
}

export interface ClusterDecision {
  clusterName: string;
  reason: string;
  score?: number;
}

export const PlacementDecision = resourceType<PlacementDecision>(
  "cluster.open-cluster-management.io/v1beta1",
  "PlacementDecision",
  "placementdecisions",
  { namespaced: true },
);

/** A fact that a managed cluster tells about itself; copied to `ManagedCluster.status.clusterClaims`. */
export interface ClusterClaim extends KubernetesObject {
  spec?: { value?: string };
}

export const ClusterClaim = resourceType<ClusterClaim>(
  "cluster.open-cluster-management.io/v1alpha1",
  "ClusterClaim",
  "clusterclaims",
  { namespaced: false },
);

/** Scores of one cluster (its namespace), −100 to 100, for Placement prioritizers of type AddOn. */
export interface AddOnPlacementScore extends KubernetesObject {
  status?: { scores?: { name: string; value: number }[]; validUntil?: string; conditions?: Condition[] };
}

export const AddOnPlacementScore = resourceType<AddOnPlacementScore>(
  "cluster.open-cluster-management.io/v1alpha1",
  "AddOnPlacementScore",
  "addonplacementscores",
  { namespaced: true },
);
