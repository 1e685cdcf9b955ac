/** What the cluster tells the hub about itself: conditions, version, resources, claims (upstream: spoke/managedcluster). */
import { type Condition, withCondition } from "@ai-edge/apimachinery";
import { ClusterClaim, ManagedCluster, Node } from "@ai-edge/api";
import { type ControllerHandle, type Informer, type Manager, patchStatus } from "@ai-edge/runtime";
import { CONDITION_AVAILABLE, CONDITION_JOINED } from "../names.ts";
import { sumQuantities } from "../quantity.ts";
import type { EdgeHealth } from "./edge-health.ts";

/** Upstream: reserved claims first, then the custom ones up to this many. */
const MAX_CUSTOM_CLAIMS = 20;
const RESERVED_CLAIMS = [
  "id.k8s.io",
  "kubeversion.open-cluster-management.io",
  "platform.open-cluster-management.io",
  "product.open-cluster-management.io",
];
/** A claim with this label stays at the cluster. */
const LABEL_SPOKE_ONLY = "open-cluster-management.io/spoke-only";

export interface ClusterStatusOptions {
  cluster: string;
  hub: Manager;
  edge: Manager;
  clusters: Informer<ManagedCluster>;
  health: EdgeHealth;
  /** Whether heartbeats arrive: before that the hub would at once take back that the cluster is available. */
  isConnected: () => boolean;
  /** Conditions of other agents, by type. */
  extraConditions: ReadonlyMap<string, Condition>;
}

/** Writes ManagedCluster.status whenever something in it changes, never otherwise. */
export function addClusterStatusController(options: ClusterStatusOptions): ControllerHandle {
  const { cluster, hub, edge, clusters, health, isConnected, extraConditions } = options;
  const nodes = edge.informer(Node);
  const claims = edge.informer(ClusterClaim);
  const key = { name: cluster };
  const handle = hub.addController({
    name: "managed-cluster-status",
    for: ManagedCluster,
    options: { fieldSelector: `metadata.name=${cluster}` },
    reconcile: async () => {
      const before = clusters.store.get(key);
      if (!isConnected() || before === undefined || before.metadata.deletionTimestamp !== undefined) return;
      await Promise.all([nodes.synced, claims.synced]);
      const after = {
        ...before,
        status: {
          ...before.status,
          ...facts(nodes.store.list(), claims.store.list(), health.version()),
          conditions: conditions(before),
        },
      };
      await patchStatus(hub.client, ManagedCluster, before, after, { optimisticLock: true });
    },
  });
  const due = (): void => handle.enqueue(key);
  nodes.onEvent(({ object, old }) => {
    if (resourcesOf(object) !== (old === undefined ? undefined : resourcesOf(old))) due();
  });
  claims.onEvent(due);
  health.onChange(due);
  return handle;

  function conditions({ status }: ManagedCluster): Condition[] {
    const joined: Condition = {
      type: CONDITION_JOINED,
      status: "True",
      reason: "ManagedClusterJoined",
      message: "Managed cluster joined",
    };
    const available: Condition = health.healthy()
      ? {
          type: CONDITION_AVAILABLE,
          status: "True",
          reason: "ManagedClusterAvailable",
          message: "Managed cluster is available",
        }
      : {
          type: CONDITION_AVAILABLE,
          status: "False",
          reason: "ManagedClusterKubeAPIServerUnavailable",
          message: `The kube-apiserver is not ok: ${health.message()}`,
        };
    return [joined, available, ...extraConditions.values()].reduce(
      (list, condition) => withCondition(list, condition, hub.now()),
      status?.conditions ?? [],
    );
  }
}

function facts(
  nodes: readonly Node[],
  claims: readonly ClusterClaim[],
  version: string | undefined,
): Omit<NonNullable<ManagedCluster["status"]>, "conditions"> {
  const schedulable = nodes.filter(({ spec }) => spec?.unschedulable !== true);
  return {
    capacity: sumQuantities(nodes.map(({ status }) => status?.capacity ?? {})),
    allocatable: sumQuantities(schedulable.map(({ status }) => status?.allocatable ?? {})),
    ...(version === undefined ? {} : { version: { kubernetes: version } }),
    clusterClaims: clusterClaims(claims),
  };
}

/** The claims that the hub shall know, reserved names first. */
export function clusterClaims(claims: readonly ClusterClaim[]): { name: string; value: string }[] {
  const told = claims
    .filter(({ metadata }) => metadata.labels?.[LABEL_SPOKE_ONLY] === undefined)
    .map(({ metadata: { name }, spec }) => ({ name, value: spec?.value ?? "" }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const reserved = told.filter(({ name }) => RESERVED_CLAIMS.includes(name));
  const custom = told.filter(({ name }) => !RESERVED_CLAIMS.includes(name));
  return [...reserved, ...custom.slice(0, MAX_CUSTOM_CLAIMS)];
}

function resourcesOf({ spec, status }: Node): string {
  return JSON.stringify([spec?.unschedulable, status?.capacity, status?.allocatable]);
}
