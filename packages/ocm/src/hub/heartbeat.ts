/** Marks clusters Unknown whose Lease is not renewed any more (upstream: pkg/registration/hub/lease). */
import {
  type Condition,
  type KubernetesObject,
  type ObjectKey,
  findCondition,
  isConditionTrue,
  withCondition,
} from "@ai-edge/apimachinery";
import { LABEL_CLUSTER_NAME, Lease, ManagedCluster } from "@ai-edge/api";
import { type Informer, type Manager, type Result, patchStatus } from "@ai-edge/runtime";
import {
  CLUSTER_LEASE,
  CONDITION_AVAILABLE,
  CONDITION_CLOCK_SYNCED,
  CONDITION_HUB_ACCEPTED,
  DEFAULT_LEASE_SECONDS,
  REASON_LEASE_STOPPED,
} from "../names.ts";

/** Upstream waits for five missed beats, which for its 60 s is five minutes (ocm#117 asks for less). */
const UPSTREAM_GRACE = 5;
/** For short leases: one beat may get lost, two not. With the embedded 10 s a stopped edge shows within 25 s. */
const SHORT_GRACE = 2.5;
/** Beats further apart than this keep upstream's meaning exactly. */
const SHORT_LEASE_BELOW_SECONDS = 60;
/** Upstream's window for the clocks of hub and cluster, in lease durations. For information only. */
const CLOCK_WINDOW = 5;

/** Seconds without a beat after which a cluster counts as out of reach. */
export function graceSeconds(leaseDurationSeconds: number): number {
  return (
    leaseDurationSeconds * (leaseDurationSeconds < SHORT_LEASE_BELOW_SECONDS ? SHORT_GRACE : UPSTREAM_GRACE)
  );
}

const LEASES = { labelSelector: LABEL_CLUSTER_NAME };

interface Beat {
  renewTime: string | undefined;
  /** When this hub saw it, so that the cluster's clock does not matter. */
  receivedAt: number;
}

/**
 * Watches leases and judges each cluster exactly when its grace ends. A restarted hub gives every cluster a full
 * grace again. Recovery is the agent's: it sees its condition Unknown and sets it True.
 */
export function addHeartbeatController(manager: Manager): void {
  new HeartbeatController(manager).start();
}

class HeartbeatController {
  readonly #manager: Manager;
  readonly #clusters: Informer<ManagedCluster>;
  readonly #leases: Informer<Lease>;
  readonly #beats = new Map<string, Beat>();

  constructor(manager: Manager) {
    this.#manager = manager;
    this.#clusters = manager.informer(ManagedCluster);
    this.#leases = manager.informer(Lease, LEASES);
  }

  start(): void {
    this.#leases.onEvent(({ type, object }) => {
      for (const { name } of clusterOfLease(object)) {
        if (type === "deleted") this.#beats.delete(name);
        else this.#noteBeat(name, object.spec?.renewTime);
      }
    });
    this.#manager.addController({
      name: "managed-cluster-lease",
      for: ManagedCluster,
      watches: [{ type: Lease, options: LEASES, map: clusterOfLease }],
      reconcile: async ({ name }) => {
        const cluster = this.#clusters.store.get({ name });
        if (cluster === undefined || cluster.metadata.deletionTimestamp !== undefined) return;
        if (!isConditionTrue(cluster.status?.conditions, CONDITION_HUB_ACCEPTED)) return;
        return this.#judge(cluster);
      },
    });
  }

  #noteBeat(cluster: string, renewTime: string | undefined): Beat {
    const last = this.#beats.get(cluster);
    if (last !== undefined && last.renewTime === renewTime) return last;
    const beat = { renewTime, receivedAt: this.#manager.now().getTime() };
    this.#beats.set(cluster, beat);
    return beat;
  }

  async #judge(cluster: ManagedCluster): Promise<Result> {
    const { name } = cluster.metadata;
    const lease = this.#leases.store.get({ namespace: name, name: CLUSTER_LEASE });
    const beat = this.#noteBeat(name, lease?.spec?.renewTime);
    const seconds = cluster.spec?.leaseDurationSeconds ?? DEFAULT_LEASE_SECONDS;
    const deadline = beat.receivedAt + graceSeconds(seconds) * 1000;
    const left = deadline - this.#manager.now().getTime();
    const conditions =
      left > 0 ? this.#clockConditions(cluster, beat, seconds) : this.#unknownConditions(cluster, beat);
    const after = { ...cluster, status: { ...cluster.status, conditions } };
    await patchStatus(this.#manager.client, ManagedCluster, cluster, after, { optimisticLock: true });
    return left > 0 ? { requeueAfter: left } : {};
  }

  #clockConditions(cluster: ManagedCluster, beat: Beat, seconds: number): Condition[] {
    const conditions = cluster.status?.conditions ?? [];
    if (beat.renewTime === undefined) return conditions;
    const synced = Math.abs(Date.parse(beat.renewTime) - beat.receivedAt) < CLOCK_WINDOW * seconds * 1000;
    const condition: Condition = synced
      ? {
          type: CONDITION_CLOCK_SYNCED,
          status: "True",
          reason: "ManagedClusterClockSynced",
          message: "The clock of the managed cluster is synced with the hub.",
        }
      : {
          type: CONDITION_CLOCK_SYNCED,
          status: "False",
          reason: "ManagedClusterClockOutOfSync",
          message:
            "The clock of hub and agent is out of sync. For information only: leases are judged by the hub's clock.",
        };
    return withCondition(conditions, condition, this.#manager.now());
  }

  #unknownConditions(cluster: ManagedCluster, beat: Beat): Condition[] {
    const conditions = cluster.status?.conditions ?? [];
    const available = findCondition(conditions, CONDITION_AVAILABLE);
    if (available?.reason === REASON_LEASE_STOPPED) return conditions;
    return withCondition(
      conditions,
      {
        type: CONDITION_AVAILABLE,
        status: "Unknown",
        reason: REASON_LEASE_STOPPED,
        message: `Registration agent stopped updating its lease; the last beat was ${beat.renewTime === undefined ? "never" : `at ${beat.renewTime}`}.`,
      },
      this.#manager.now(),
    );
  }
}

/** The cluster whose heartbeat a lease is: the one of its namespace. */
function clusterOfLease({ metadata: { name, namespace } }: KubernetesObject): ObjectKey[] {
  return name === CLUSTER_LEASE && namespace !== undefined ? [{ name: namespace }] : [];
}
