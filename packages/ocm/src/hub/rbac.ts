/** What agents may do at the hub (upstream: pkg/registration/hub/manifests/rbac and deploy/cluster-manager). */
import {
  ClusterRole,
  ClusterRoleBinding,
  LABEL_CLUSTER_NAME,
  type PolicyRule,
  RoleBinding,
} from "@ai-edge/api";
import type { Client } from "@ai-edge/client";
import { BOOTSTRAP_GROUP, CLUSTER_LEASE, clusterGroup } from "../names.ts";

export const FIELD_MANAGER = "ai-edge-hub";

const RBAC_GROUP = "rbac.authorization.k8s.io";
const BOOTSTRAP_ROLE = "open-cluster-management:bootstrap";
const REGISTRATION_ROLE = "open-cluster-management:managedcluster:registration";
const WORK_ROLE = "open-cluster-management:managedcluster:work";

/**
 * A join token may ask for a certificate and read what became of the request. Unlike upstream's bootstrap identity
 * it may not make ManagedClusters: the hub does that, for the cluster that the token names.
 */
const BOOTSTRAP_RULES: PolicyRule[] = [
  rule("certificates.k8s.io", "certificatesigningrequests", ["create", "get", "list", "watch"]),
];

/** In the cluster's namespace: heartbeat, add-ons, events. */
const REGISTRATION_RULES: PolicyRule[] = [
  { ...rule("coordination.k8s.io", "leases", ["get", "update", "patch"]), resourceNames: [CLUSTER_LEASE] },
  rule("addon.open-cluster-management.io", "managedclusteraddons", ["get", "list", "watch"]),
  rule("addon.open-cluster-management.io", "managedclusteraddons/status", ["patch", "update"]),
  rule("", "events", ["create", "patch", "update"]),
];

/** In the cluster's namespace: manifest works, and the policies that are replicated there. */
const WORK_RULES: PolicyRule[] = [
  rule("work.open-cluster-management.io", "manifestworks", ["get", "list", "watch", "update", "patch"]),
  rule("work.open-cluster-management.io", "manifestworks/status", ["update", "patch"]),
  rule("policy.open-cluster-management.io", "policies", ["get", "list", "watch"]),
  rule("policy.open-cluster-management.io", "policies/status", ["update", "patch"]),
];

function rule(group: string, resource: string, verbs: string[]): PolicyRule {
  return { apiGroups: [group], resources: [resource], verbs };
}

/** Makes the roles that all clusters share and the right of join tokens to ask for a certificate. */
export async function applySharedRoles(client: Client, signal: AbortSignal): Promise<void> {
  const options = { fieldManager: FIELD_MANAGER, force: true, signal };
  await client.apply(ClusterRole, { metadata: { name: BOOTSTRAP_ROLE }, rules: BOOTSTRAP_RULES }, options);
  await client.apply(
    ClusterRole,
    { metadata: { name: REGISTRATION_ROLE }, rules: REGISTRATION_RULES },
    options,
  );
  await client.apply(ClusterRole, { metadata: { name: WORK_ROLE }, rules: WORK_RULES }, options);
  const binding = {
    metadata: { name: BOOTSTRAP_ROLE },
    roleRef: clusterRole(BOOTSTRAP_ROLE),
    subjects: [groupSubject(BOOTSTRAP_GROUP)],
  };
  await client.apply(ClusterRoleBinding, binding, options);
}

/** The name of a cluster's own ClusterRole and ClusterRoleBinding. */
export function clusterRoleName(cluster: string): string {
  return `open-cluster-management:managedcluster:${cluster}`;
}

/** The objects that give one cluster's agents the rights to their own ManagedCluster and namespace, nothing else. */
export function clusterRbac(cluster: string): {
  role: ClusterRole;
  binding: ClusterRoleBinding;
  roleBindings: RoleBinding[];
} {
  const name = clusterRoleName(cluster);
  const labels = { [LABEL_CLUSTER_NAME]: cluster };
  const own = { resourceNames: [cluster] };
  const subjects = [groupSubject(clusterGroup(cluster))];
  const rules: PolicyRule[] = [
    { ...rule("cluster.open-cluster-management.io", "managedclusters", ["get", "list", "watch"]), ...own },
    { ...rule("cluster.open-cluster-management.io", "managedclusters/status", ["update", "patch"]), ...own },
    {
      ...rule("register.open-cluster-management.io", "managedclusters/clientcertificates", ["renew"]),
      ...own,
    },
    rule("certificates.k8s.io", "certificatesigningrequests", ["create", "get", "list", "watch"]),
  ];
  const bind = (suffix: string, role: string): RoleBinding => ({
    apiVersion: `${RBAC_GROUP}/v1`,
    kind: "RoleBinding",
    metadata: { namespace: cluster, name: `${name}:${suffix}`, labels },
    roleRef: clusterRole(role),
    subjects,
  });
  return {
    role: { apiVersion: `${RBAC_GROUP}/v1`, kind: "ClusterRole", metadata: { name, labels }, rules },
    binding: {
      apiVersion: `${RBAC_GROUP}/v1`,
      kind: "ClusterRoleBinding",
      metadata: { name, labels },
      roleRef: clusterRole(name),
      subjects,
    },
    roleBindings: [bind("registration", REGISTRATION_ROLE), bind("work", WORK_ROLE)],
  };
}

function clusterRole(name: string): { apiGroup: string; kind: "ClusterRole"; name: string } {
  return { apiGroup: RBAC_GROUP, kind: "ClusterRole", name };
}

function groupSubject(name: string): { kind: "Group"; apiGroup: string; name: string } {
  return { kind: "Group", apiGroup: RBAC_GROUP, name };
}
