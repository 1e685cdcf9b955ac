import {
  ConfigMap,
  GitOpsCluster,
  type GitOpsClusterStatus,
  LABEL_ARGOCD_SECRET_TYPE,
  LABEL_PLACEMENT,
  ManagedCluster,
  Placement,
  PlacementDecision,
  Secret,
} from "@ai-edge/api";
import {
  type Condition,
  deepEqual,
  formatTime,
  isStatus,
  keyOf,
  type ObjectKey,
  withCondition,
} from "@ai-edge/apimachinery";
import { type ControllerHandle, type Manager, patchStatus, type ReconcileContext } from "@ai-edge/runtime";

const FIELD_MANAGER = "gitopscluster-controller";
/** Reads placement decisions for ApplicationSets (`clusterDecisionResource.configMapRef: acm-placement`). */
const CONFIG_MAP_NAME = "acm-placement";
const CONFIG_MAP_DATA = {
  apiVersion: "cluster.open-cluster-management.io/v1beta1",
  kind: "placementdecisions",
  statusListKey: "decisions",
  matchKey: "clusterName",
};
const LABEL_ACM_CLUSTER = "apps.open-cluster-management.io/acm-cluster";
const LABEL_SECRET_CLUSTER_NAME = "apps.open-cluster-management.io/cluster-name";
const CLUSTER_SECRETS = { labelSelector: `${LABEL_ARGOCD_SECRET_TYPE}=cluster,${LABEL_ACM_CLUSTER}=true` };

/**
 * Registers the clusters of a placement with Argo CD (`multicloud-integrations`): a ConfigMap that tells ApplicationSets
 * how to read decisions, and a Secret per cluster without credentials, because sites pull.
 */
export function gitOpsClusterController(manager: Manager): ControllerHandle {
  const all = (): ObjectKey[] => manager.informer(GitOpsCluster).store.list().map(keyOf);
  const inNamespace = (namespace: string | undefined): ObjectKey[] =>
    manager.informer(GitOpsCluster).store.list({ namespace }).map(keyOf);
  return manager.addController<GitOpsCluster>({
    name: "gitopscluster",
    for: GitOpsCluster,
    watches: [
      { type: PlacementDecision, map: ({ metadata }) => inNamespace(metadata.namespace) },
      { type: Placement, map: ({ metadata }) => inNamespace(metadata.namespace) },
      { type: ManagedCluster, map: all },
      { type: Secret, options: CLUSTER_SECRETS, map: all },
    ],
    reconcile: (key, context) => reconcile(manager, key, context),
  });
}

async function reconcile(manager: Manager, key: ObjectKey, { signal }: ReconcileContext): Promise<void> {
  const gitOps = manager.informer(GitOpsCluster).store.get(key);
  if (gitOps === undefined || gitOps.metadata.deletionTimestamp !== undefined) return;
  const namespace = argoNamespace(gitOps);
  let problem: string | undefined;
  let clusters: string[] | undefined;
  try {
    await manager.client.apply(
      ConfigMap,
      { metadata: { namespace, name: CONFIG_MAP_NAME }, data: CONFIG_MAP_DATA },
      { fieldManager: FIELD_MANAGER, force: true, signal },
    );
    clusters = decidedClusters(manager, gitOps);
    if (clusters === undefined)
      problem = `${gitOps.spec.placementRef.kind} ${gitOps.spec.placementRef.name} has no decisions yet`;
    else {
      for (const cluster of clusters) await writeSecret(manager, namespace, cluster, signal);
      await removeSecrets(manager, namespace, signal);
    }
  } catch (error) {
    if (!isStatus(error, "NotFound", "Forbidden", "Invalid")) throw error;
    problem = error.message;
  }
  const status = statusOf(gitOps, clusters, problem, manager.now());
  if (deepEqual({ ...status, lastUpdateTime: "" }, { ...gitOps.status, lastUpdateTime: "" })) return;
  await patchStatus(manager.client, GitOpsCluster, gitOps, { ...gitOps, status }, { signal });
}

function argoNamespace(gitOps: GitOpsCluster): string {
  return gitOps.spec.argoServer.argoNamespace ?? gitOps.metadata.namespace ?? "";
}

/** Undefined as long as there is no complete decision: then nothing is known. */
function decidedClusters(manager: Manager, gitOps: GitOpsCluster): string[] | undefined {
  const { kind, name } = gitOps.spec.placementRef;
  if (kind !== "Placement") return undefined;
  const pages = manager
    .informer(PlacementDecision)
    .store.list({ namespace: gitOps.metadata.namespace, labels: { [LABEL_PLACEMENT]: name } });
  if (pages.length === 0 || pages.some(({ status }) => !Array.isArray(status?.decisions))) return undefined;
  return [
    ...new Set(
      pages.flatMap(({ status }) => (status?.decisions ?? []).map(({ clusterName }) => clusterName)),
    ),
  ].sort();
}

async function writeSecret(
  manager: Manager,
  namespace: string,
  cluster: string,
  signal: AbortSignal,
): Promise<void> {
  const managed = manager.informer(ManagedCluster).store.get({ name: cluster });
  const name = `${cluster}-application-manager-cluster-secret`;
  const labels: Record<string, string> = {
    ...managed?.metadata.labels,
    [LABEL_ARGOCD_SECRET_TYPE]: "cluster",
    [LABEL_ACM_CLUSTER]: "true",
    [LABEL_SECRET_CLUSTER_NAME]: cluster,
  };
  const data = {
    name: base64(cluster),
    server: base64(`https://${cluster}-control-plane`),
    config: base64("{}"),
  };
  const existing = manager.informer(Secret, CLUSTER_SECRETS).store.get({ namespace, name });
  if (existing !== undefined && deepEqual(existing.data, data) && deepEqual(existing.metadata.labels, labels))
    return;
  await manager.client.apply(
    Secret,
    { metadata: { namespace, name, labels }, type: "Opaque", data },
    { fieldManager: FIELD_MANAGER, force: true, signal },
  );
}

/** Secrets of clusters that no GitOpsCluster of this Argo CD decides for any more; none goes while one is undecided. */
async function removeSecrets(manager: Manager, namespace: string, signal: AbortSignal): Promise<void> {
  const wanted = new Set<string>();
  for (const other of manager.informer(GitOpsCluster).store.list()) {
    if (argoNamespace(other) !== namespace) continue;
    const clusters = decidedClusters(manager, other);
    if (clusters === undefined) return;
    for (const cluster of clusters) wanted.add(cluster);
  }
  for (const secret of manager.informer(Secret, CLUSTER_SECRETS).store.list({ namespace })) {
    const cluster = secret.metadata.labels?.[LABEL_SECRET_CLUSTER_NAME];
    if (
      cluster === undefined ||
      wanted.has(cluster) ||
      secret.metadata.name !== `${cluster}-application-manager-cluster-secret`
    )
      continue;
    try {
      await manager.client.delete(Secret, keyOf(secret), { signal });
    } catch (error) {
      if (!isStatus(error, "NotFound")) throw error;
    }
  }
}

function statusOf(
  gitOps: GitOpsCluster,
  clusters: readonly string[] | undefined,
  problem: string | undefined,
  now: Date,
): GitOpsClusterStatus {
  const conditions: Condition[] = [
    condition(
      "PlacementResolved",
      clusters !== undefined,
      clusters === undefined ? "PlacementNotFound" : "Success",
      problem ?? `${clusters?.length ?? 0} clusters are decided`,
    ),
    condition(
      "ClustersRegistered",
      problem === undefined,
      problem === undefined ? "Success" : "ClusterRegistrationFailed",
      problem ?? `Successfully registered ${clusters?.length ?? 0} managed clusters`,
    ),
    condition(
      "Ready",
      problem === undefined,
      problem === undefined ? "Success" : "ReconcileFailed",
      problem ?? "GitOpsCluster is ready",
    ),
  ];
  return {
    phase: problem === undefined ? "successful" : "failed",
    message: problem ?? "",
    lastUpdateTime: formatTime(now),
    conditions: conditions.reduce<Condition[]>(
      (before, next) => withCondition(before, next, now),
      gitOps.status?.conditions ?? [],
    ),
  };
}

function condition(type: string, isTrue: boolean, reason: string, message: string): Condition {
  return { type, status: isTrue ? "True" : "False", reason, message };
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
