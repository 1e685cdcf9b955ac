import { type KubernetesObject, resourceType } from "@ai-edge/apimachinery";
import type { LabelSelector } from "./core.ts";

export interface PolicyRule {
  verbs: string[];
  apiGroups?: string[];
  resources?: string[];
  resourceNames?: string[];
  nonResourceURLs?: string[];
}

export interface RoleRef {
  apiGroup: string;
  kind: "Role" | "ClusterRole";
  name: string;
}

export interface Subject {
  kind: "User" | "Group" | "ServiceAccount";
  apiGroup?: string;
  name: string;
  namespace?: string;
}

export interface Role extends KubernetesObject {
  rules?: PolicyRule[];
}
export const Role = resourceType<Role>("rbac.authorization.k8s.io/v1", "Role", "roles", { namespaced: true });

export interface ClusterRole extends KubernetesObject {
  rules?: PolicyRule[];
  /** `rules` is then filled by the API server from the ClusterRoles that match. */
  aggregationRule?: { clusterRoleSelectors?: LabelSelector[] };
}
export const ClusterRole = resourceType<ClusterRole>(
  "rbac.authorization.k8s.io/v1",
  "ClusterRole",
  "clusterroles",
  {
    namespaced: false,
  },
);

export interface RoleBinding extends KubernetesObject {
  subjects?: Subject[];
  roleRef: RoleRef;
}
export const RoleBinding = resourceType<RoleBinding>(
  "rbac.authorization.k8s.io/v1",
  "RoleBinding",
  "rolebindings",
  {
    namespaced: true,
  },
);

export interface ClusterRoleBinding extends KubernetesObject {
  subjects?: Subject[];
  roleRef: RoleRef;
}
export const ClusterRoleBinding = resourceType<ClusterRoleBinding>(
  "rbac.authorization.k8s.io/v1",
  "ClusterRoleBinding",
  "clusterrolebindings",
  { namespaced: false },
);
