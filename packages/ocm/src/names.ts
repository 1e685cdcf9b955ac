/** Open Cluster Management's names that hub and agents share, verbatim. */

/** The agent's part of a cluster's user name; upstream's is random, one agent per cluster is enough here. */
const AGENT_NAME = "klusterlet";
export const MANAGED_CLUSTERS_GROUP = "system:open-cluster-management:managed-clusters";
/** The group of every join token; the bootstrap ClusterRole is bound to it. */
export const BOOTSTRAP_GROUP = "system:bootstrappers:managedcluster";
export const BOOTSTRAP_USER_PREFIX = "system:bootstrap:";
export const BOOTSTRAP_SECRET_PREFIX = "bootstrap-token-";
export const BOOTSTRAP_NAMESPACE = "kube-system";

export const CLUSTER_LEASE = "managed-cluster-lease";
export const DEFAULT_LEASE_SECONDS = 60;

export const TAINT_UNREACHABLE = "cluster.open-cluster-management.io/unreachable";
export const TAINT_UNAVAILABLE = "cluster.open-cluster-management.io/unavailable";

export const FINALIZER_CLUSTER = "cluster.open-cluster-management.io/api-resource-cleanup";
export const FINALIZER_WORK = "cluster.open-cluster-management.io/manifest-work-cleanup";
export const FINALIZER_APPLIED_WORK = "cluster.open-cluster-management.io/applied-manifest-work-cleanup";

export const ANNOTATION_ACCEPTED_ON = "open-cluster-management.io/automatically-accepted-on";
/** On a request of ours: the URL of the managed cluster's own API, for `spec.managedClusterClientConfigs`. */
export const ANNOTATION_CLIENT_URL = "aiedge.dev/managed-cluster-url";
/** On a join token's Secret: the digest of the key that used it up, and when. */
export const ANNOTATION_TOKEN_USED_BY = "aiedge.dev/used-by";
export const ANNOTATION_TOKEN_USED_AT = "aiedge.dev/used-at";
/** On a join token's Secret: the ManagedClusterSet that its cluster is put in. */
export const ANNOTATION_TOKEN_CLUSTER_SET = "aiedge.dev/cluster-set";
/** On a ManagedCluster being deleted: "true" lets it go although its agent cannot clean up. */
export const ANNOTATION_FORCE_DETACH = "aiedge.dev/force-detach";

export const CONDITION_HUB_ACCEPTED = "HubAcceptedManagedCluster";
export const CONDITION_JOINED = "ManagedClusterJoined";
export const CONDITION_AVAILABLE = "ManagedClusterConditionAvailable";
export const CONDITION_CLOCK_SYNCED = "ManagedClusterConditionClockSynced";
export const CONDITION_DELETING = "Deleting";
export const REASON_LEASE_STOPPED = "ManagedClusterLeaseUpdateStopped";

/** The group that a cluster's agents are in. */
export function clusterGroup(cluster: string): string {
  return `system:open-cluster-management:${cluster}`;
}

/** The user name of a cluster's agent: the common name of its certificate. */
export function clusterUser(cluster: string, agent: string = AGENT_NAME): string {
  return `${clusterGroup(cluster)}:${agent}`;
}
