/** Lets a deleted ManagedCluster go: first its works, then its rights, last its namespace and finalizer. */
import { isStatus, keyOf, withCondition } from "@ai-edge/apimachinery";
import {
  ClusterRole,
  ClusterRoleBinding,
  LABEL_CLUSTER_NAME,
  ManagedCluster,
  ManifestWork,
  Namespace,
} from "@ai-edge/api";
import {
  type Manager,
  type ReconcileContext,
  type Result,
  patchStatus,
  removeFinalizer,
} from "@ai-edge/runtime";
import { deleteIfFound } from "../delete-if-found.ts";
import { ANNOTATION_FORCE_DETACH, CONDITION_DELETING, FINALIZER_CLUSTER, FINALIZER_WORK } from "../names.ts";
import { clusterRoleName } from "./rbac.ts";

/** Upstream's. Works go when the agent at the site has cleaned up; a watch tells, this is the fallback. */
const REQUEUE_MS = 5_000;

/** One step of a cluster's removal; asks to be called again while works remain. */
export async function removeCluster(
  manager: Manager,
  cluster: ManagedCluster,
  { logger }: ReconcileContext,
): Promise<Result | void> {
  const { client } = manager;
  const { name } = cluster.metadata;
  if (!(cluster.metadata.finalizers ?? []).includes(FINALIZER_CLUSTER)) return;
  const works = (await client.list(ManifestWork, { namespace: name })).items;
  const force = cluster.metadata.annotations?.[ANNOTATION_FORCE_DETACH] === "true";
  for (const work of works) {
    if (work.metadata.deletionTimestamp === undefined) await deleteIfFound(client, ManifestWork, keyOf(work));
    // The site keeps what it runs and holds it: its agent never takes a vanished work for a deletion.
    if (force) await dropWork(manager, work);
  }
  if (works.length > 0 && !force) {
    const names = works
      .slice(0, 5)
      .map((work) => work.metadata.name)
      .join(", ");
    const message =
      `${works.length} ManifestWorks remain (${names}): the cluster's agent has to remove them. If it will not come back, ` +
      `annotate the ManagedCluster with ${ANNOTATION_FORCE_DETACH}=true; the site then keeps what it runs`;
    await report(manager, cluster, message);
    return { requeueAfter: REQUEUE_MS };
  }
  await deleteIfFound(client, ClusterRoleBinding, { name: clusterRoleName(name) });
  await deleteIfFound(client, ClusterRole, { name: clusterRoleName(name) });
  await deleteNamespace(manager, name);
  await removeFinalizer(client, ManagedCluster, cluster, FINALIZER_CLUSTER);
  logger.info({ cluster: name }, "managed cluster removed");
}

async function deleteNamespace({ client }: Manager, name: string): Promise<void> {
  try {
    const namespace = await client.get(Namespace, { name });
    // Only the one that was made for the cluster.
    if (namespace.metadata.labels?.[LABEL_CLUSTER_NAME] === name)
      await deleteIfFound(client, Namespace, { name });
  } catch (error) {
    if (!isStatus(error, "NotFound")) throw error;
  }
}

async function report(manager: Manager, cluster: ManagedCluster, message: string): Promise<void> {
  const condition = {
    type: CONDITION_DELETING,
    status: "False" as const,
    reason: "ResourceRemaining",
    message,
  };
  const conditions = withCondition(cluster.status?.conditions, condition, manager.now());
  const after = { ...cluster, status: { ...cluster.status, conditions } };
  await patchStatus(manager.client, ManagedCluster, cluster, after, { optimisticLock: true });
}

async function dropWork({ client }: Manager, work: ManifestWork): Promise<void> {
  try {
    await removeFinalizer(client, ManifestWork, await client.get(ManifestWork, keyOf(work)), FINALIZER_WORK);
  } catch (error) {
    if (!isStatus(error, "NotFound")) throw error;
  }
}
