/** Gives accepted clusters their namespace, rights and lease, and takes the rights from denied ones. */
import { type KubernetesObject, type ObjectKey, withCondition } from "@ai-edge/apimachinery";
import {
  ClusterRole,
  ClusterRoleBinding,
  LABEL_CLUSTER_NAME,
  Lease,
  ManagedCluster,
  ManifestWork,
  Namespace,
  RoleBinding,
} from "@ai-edge/api";
import {
  type Informer,
  type Manager,
  type ReconcileContext,
  type Result,
  addFinalizer,
  patchStatus,
} from "@ai-edge/runtime";
import { deleteIfFound } from "../delete-if-found.ts";
import { CLUSTER_LEASE, CONDITION_HUB_ACCEPTED, DEFAULT_LEASE_SECONDS, FINALIZER_CLUSTER } from "../names.ts";
import { removeCluster } from "./cluster-deletion.ts";
import { FIELD_MANAGER, applySharedRoles, clusterRbac } from "./rbac.ts";

/** Between two checks that what an accepted cluster got is still there. */
const RESYNC_MS = 10 * 60_000;

/** Runs the acceptance controller. */
export function addManagedClusterController(manager: Manager): void {
  manager.addRunnable("managed-cluster-roles", (signal) => applySharedRoles(manager.client, signal));
  new ManagedClusterController(manager).start();
}

class ManagedClusterController {
  readonly #manager: Manager;
  readonly #informer: Informer<ManagedCluster>;
  /** What was done for a cluster and when, so that each status change does not apply six objects again. */
  readonly #granted = new Map<
    string,
    { uid: string | undefined; generation: number | undefined; at: number }
  >();

  constructor(manager: Manager) {
    this.#manager = manager;
    this.#informer = manager.informer(ManagedCluster);
  }

  start(): void {
    this.#manager.addController({
      name: "managed-cluster",
      for: ManagedCluster,
      resyncPeriod: RESYNC_MS,
      // A cluster that is being deleted waits for its works.
      watches: [{ type: ManifestWork, map: (work) => this.#clusterBeingDeleted(work) }],
      reconcile: (key, context) => this.#reconcile(key, context),
    });
  }

  async #reconcile(key: ObjectKey, context: ReconcileContext): Promise<Result | void> {
    const cluster = this.#informer.store.get(key);
    if (cluster === undefined) {
      this.#granted.delete(key.name);
      return;
    }
    if (cluster.metadata.deletionTimestamp !== undefined)
      return removeCluster(this.#manager, cluster, context);
    if (this.#isGranted(cluster)) return;
    const accepted = cluster.spec?.hubAcceptsClient === true;
    if (accepted)
      await this.#grant(await addFinalizer(this.#manager.client, ManagedCluster, cluster, FINALIZER_CLUSTER));
    else await this.#revoke(cluster);
    await this.#report(cluster.metadata.name, accepted);
    const { uid, generation } = cluster.metadata;
    this.#granted.set(key.name, { uid, generation, at: Date.now() });
  }

  #clusterBeingDeleted({ metadata: { namespace: name = "" } }: KubernetesObject): ObjectKey[] {
    return this.#informer.store.get({ name })?.metadata.deletionTimestamp === undefined ? [] : [{ name }];
  }

  #isGranted({ metadata: { name, uid, generation } }: ManagedCluster): boolean {
    const last = this.#granted.get(name);
    if (last === undefined || Date.now() - last.at > RESYNC_MS * 0.8) return false;
    return last.uid === uid && last.generation === generation;
  }

  async #grant({ metadata: { name }, spec }: ManagedCluster): Promise<void> {
    const options = { fieldManager: FIELD_MANAGER, force: true };
    const labels = { [LABEL_CLUSTER_NAME]: name };
    await this.#manager.client.apply(Namespace, { metadata: { name, labels } }, options);
    const { role, binding, roleBindings } = clusterRbac(name);
    await this.#manager.client.apply(ClusterRole, role, options);
    await this.#manager.client.apply(ClusterRoleBinding, binding, options);
    for (const roleBinding of roleBindings)
      await this.#manager.client.apply(RoleBinding, roleBinding, options);
    const lease = {
      metadata: { namespace: name, name: CLUSTER_LEASE, labels },
      spec: {
        holderIdentity: CLUSTER_LEASE,
        leaseDurationSeconds: spec?.leaseDurationSeconds ?? DEFAULT_LEASE_SECONDS,
      },
    };
    await this.#manager.client.apply(Lease, lease, options);
  }

  /** The namespace stays, as upstream's does: it may hold what people made there. */
  async #revoke({ metadata: { name } }: ManagedCluster): Promise<void> {
    const { role, binding, roleBindings } = clusterRbac(name);
    for (const { metadata } of roleBindings) {
      await deleteIfFound(this.#manager.client, RoleBinding, { namespace: name, name: metadata.name });
    }
    await deleteIfFound(this.#manager.client, ClusterRoleBinding, { name: binding.metadata.name });
    await deleteIfFound(this.#manager.client, ClusterRole, { name: role.metadata.name });
  }

  async #report(name: string, accepted: boolean): Promise<void> {
    const cluster = await this.#manager.client.get(ManagedCluster, { name });
    const condition = accepted
      ? {
          status: "True" as const,
          reason: "HubClusterAdminAccepted",
          message: "Accepted by hub cluster admin",
        }
      : { status: "False" as const, reason: "HubClusterAdminDenied", message: "Denied by hub cluster admin" };
    const conditions = withCondition(
      cluster.status?.conditions,
      { type: CONDITION_HUB_ACCEPTED, ...condition },
      this.#manager.now(),
    );
    const after = { ...cluster, status: { ...cluster.status, conditions } };
    await patchStatus(this.#manager.client, ManagedCluster, cluster, after, { optimisticLock: true });
  }
}
