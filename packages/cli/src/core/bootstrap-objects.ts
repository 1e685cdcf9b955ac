import type { KubernetesObject, ResourceType } from "@ai-edge/apimachinery";
import {
  ARGOCD_NAMESPACE,
  ClusterRole,
  ClusterRoleBinding,
  DEFAULT_CLUSTER_SET,
  ManagedClusterSet,
  Namespace,
  PIPELINES_NAMESPACE,
  Secret,
  SECRET_TYPE_DOCKER_CONFIG_JSON,
  ServiceAccount,
} from "@ai-edge/api";
import type { Client } from "@ai-edge/client";

import { NODE_PULL_SECRET } from "@ai-edge/kubelet";

import { RUN_NAMESPACE } from "./pipeline-namespace.ts";

const FIELD_MANAGER = "ai-edge-core";
const RBAC_GROUP = "rbac.authorization.k8s.io";
/** Holds the core's own ServiceAccounts: the administrator of forge and registry. */
export const SYSTEM_NAMESPACE = "ai-edge-system";
export const ADMIN_ACCOUNT = "admin";
/** Whose token the core's own node pulls candidates with. */
export const NODE_ACCOUNT = "node";

/** Applies one object as the core's own; what users added to it stays. */
async function applyOwn<T extends KubernetesObject>(
  client: Client,
  type: ResourceType<T>,
  object: NoInfer<Partial<T>> & { metadata: T["metadata"] },
): Promise<void> {
  await client.apply(type, object, { fieldManager: FIELD_MANAGER, force: true });
}

/** Namespaces, the default cluster set, and who may read and write content: applied at every start, so upgrades arrive. */
export async function applyBootstrapObjects(client: Client): Promise<void> {
  const namespaces = [ARGOCD_NAMESPACE, PIPELINES_NAMESPACE, RUN_NAMESPACE, SYSTEM_NAMESPACE];
  await Promise.all(namespaces.map((name) => applyOwn(client, Namespace, { metadata: { name } })));
  await Promise.all([
    applyOwn(client, ManagedClusterSet, {
      metadata: { name: DEFAULT_CLUSTER_SET },
      spec: { clusterSelector: { selectorType: "ExclusiveClusterSetLabel" } },
    }),
    applyOwn(client, ServiceAccount, { metadata: { namespace: SYSTEM_NAMESPACE, name: ADMIN_ACCOUNT } }),
    applyOwn(client, ServiceAccount, { metadata: { namespace: SYSTEM_NAMESPACE, name: NODE_ACCOUNT } }),
    applyOwn(client, ServiceAccount, { metadata: { namespace: RUN_NAMESPACE, name: "pipeline" } }),
    applyContentRole(
      client,
      "reader",
      ["get"],
      [{ kind: "Group", apiGroup: RBAC_GROUP, name: "system:serviceaccounts" }],
    ),
    applyContentRole(
      client,
      "writer",
      ["get", "update", "create"],
      [
        { kind: "ServiceAccount", namespace: SYSTEM_NAMESPACE, name: ADMIN_ACCOUNT },
        { kind: "ServiceAccount", namespace: RUN_NAMESPACE, name: "pipeline" },
      ],
    ),
    applyMetricsRole(client),
  ]);
}

/**
 * Content that is no Kubernetes object is authorized as `repositories` and `images` of the group `aiedge.dev`: every
 * ServiceAccount of the core reads, the administrator and the pipelines write.
 */
async function applyContentRole(
  client: Client,
  role: "reader" | "writer",
  verbs: string[],
  subjects: NonNullable<ClusterRoleBinding["subjects"]>,
): Promise<void> {
  const name = `aiedge.dev:content-${role}`;
  await applyOwn(client, ClusterRole, {
    metadata: { name },
    rules: [{ apiGroups: ["aiedge.dev"], resources: ["repositories", "images"], verbs }],
  });
  await applyOwn(client, ClusterRoleBinding, {
    metadata: { name },
    subjects,
    roleRef: { apiGroup: RBAC_GROUP, kind: "ClusterRole", name },
  });
}

/** Each site's `edge` account may write its own metrics only; the metrics handler checks the cluster's name besides. */
async function applyMetricsRole(client: Client): Promise<void> {
  const name = "aiedge.dev:metrics-writer";
  await applyOwn(client, ClusterRole, {
    metadata: { name },
    rules: [{ apiGroups: ["aiedge.dev"], resources: ["metrics"], verbs: ["update"] }],
  });
  await applyOwn(client, ClusterRoleBinding, {
    metadata: { name },
    subjects: [{ kind: "Group", apiGroup: RBAC_GROUP, name: "system:serviceaccounts" }],
    roleRef: { apiGroup: RBAC_GROUP, kind: "ClusterRole", name },
  });
}

/**
 * The Secrets of the `pipeline` ServiceAccount: registry and git credentials with Tekton's annotations, and the forge
 * token that `gitops-update-pipeline` opens pull requests with.
 * @param token a long-lived token of that ServiceAccount
 */
export async function applyPipelineSecrets(
  client: Client,
  options: {
    token: string;
    registryUrl: string;
    forgeUrl: string;
    secretNames: { git: string; forgeToken: string };
  },
): Promise<void> {
  const { token, registryUrl, forgeUrl, secretNames } = options;
  const basicAuth = { username: "pipeline", password: token };
  const secret = (
    name: string,
    annotation: Record<string, string>,
    stringData: Record<string, string>,
    type: string,
  ) =>
    applyOwn(client, Secret, {
      metadata: { namespace: RUN_NAMESPACE, name, annotations: annotation },
      type,
      stringData,
    });
  await Promise.all([
    secret(
      "registry-credentials",
      { "tekton.dev/docker-0": registryUrl },
      basicAuth,
      "kubernetes.io/basic-auth",
    ),
    secret(
      secretNames.git,
      { "tekton.dev/git-0": forgeUrl },
      {
        ...basicAuth,
        ".gitconfig": `[credential "${forgeUrl}"]\n  helper = store\n`,
        ".git-credentials": credentialsLine(forgeUrl, token),
      },
      "kubernetes.io/basic-auth",
    ),
    secret(secretNames.forgeToken, {}, { token }, "Opaque"),
  ]);
  await applyOwn(client, ServiceAccount, {
    metadata: { namespace: RUN_NAMESPACE, name: "pipeline" },
    secrets: [{ name: "registry-credentials" }, { name: secretNames.git }],
  });
}

/** The core's node pulls candidates from the core's registry; sites get the same Secret from the hub. */
export async function applyNodePullSecret(
  client: Client,
  options: { token: string; registryHost: string },
): Promise<void> {
  const { token, registryHost } = options;
  const auths = { [registryHost]: { username: NODE_ACCOUNT, password: token } };
  await applyOwn(client, Secret, {
    metadata: NODE_PULL_SECRET,
    type: SECRET_TYPE_DOCKER_CONFIG_JSON,
    stringData: { ".dockerconfigjson": JSON.stringify({ auths }) },
  });
}

/** A line of git's credential store: https://git-scm.com/docs/git-credential-store. */
function credentialsLine(forgeUrl: string, token: string): string {
  const url = new URL(forgeUrl);
  url.username = "pipeline";
  url.password = token;
  return `${url.toString().replace(/\/$/, "")}\n`;
}
