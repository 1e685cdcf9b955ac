/** Sets of clusters: the built-in ones, whether a set is empty, and whether a binding finds its set. */
import { matchesLabelSelector, withCondition } from "@ai-edge/apimachinery";
import { LABEL_CLUSTER_SET, ManagedCluster, ManagedClusterSet, ManagedClusterSetBinding } from "@ai-edge/api";
import { type Manager, patchStatus } from "@ai-edge/runtime";
import { FIELD_MANAGER } from "./rbac.ts";

/** True if a cluster belongs to a set. */
export function isInSet(cluster: ManagedCluster, set: ManagedClusterSet): boolean {
  const selector = set.spec?.clusterSelector;
  const { labels } = cluster.metadata;
  return selector?.selectorType === "LabelSelector"
    ? matchesLabelSelector(selector.labelSelector, labels)
    : labels?.[LABEL_CLUSTER_SET] === set.metadata.name;
}

/** Runs the controllers of ManagedClusterSet and ManagedClusterSetBinding. */
export function addClusterSetControllers(
  manager: Manager,
  options: { clusterSet: string | undefined },
): void {
  manager.addRunnable("cluster-sets", (signal) => applyBuiltInSets(manager, options.clusterSet, signal));
  addSetController(manager);
  addBindingController(manager);
}

async function applyBuiltInSets(
  { client }: Manager,
  more: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  const options = { fieldManager: FIELD_MANAGER, force: true, signal };
  const exclusive = { clusterSelector: { selectorType: "ExclusiveClusterSetLabel" as const } };
  await client.apply(ManagedClusterSet, { metadata: { name: "default" }, spec: exclusive }, options);
  const everything = { clusterSelector: { selectorType: "LabelSelector" as const, labelSelector: {} } };
  await client.apply(ManagedClusterSet, { metadata: { name: "global" }, spec: everything }, options);
  if (more !== undefined) {
    await client.apply(ManagedClusterSet, { metadata: { name: more }, spec: exclusive }, options);
  }
}

function addSetController(manager: Manager): void {
  const sets = manager.informer(ManagedClusterSet);
  const clusters = manager.informer(ManagedCluster);
  manager.addController({
    name: "managed-cluster-set",
    for: ManagedClusterSet,
    watches: [
      { type: ManagedCluster, map: () => sets.store.list().map(({ metadata }) => ({ name: metadata.name })) },
    ],
    reconcile: async (key) => {
      const set = sets.store.get(key);
      if (set === undefined) return;
      const count = clusters.store.list().filter((cluster) => isInSet(cluster, set)).length;
      const condition =
        count === 0
          ? { status: "True" as const, reason: "NoClusterMatched", message: "No ManagedCluster selected" }
          : {
              status: "False" as const,
              reason: "ClustersSelected",
              message: `${count} ManagedClusters selected`,
            };
      const conditions = withCondition(
        set.status?.conditions,
        { type: "ClusterSetEmpty", ...condition },
        manager.now(),
      );
      await patchStatus(manager.client, ManagedClusterSet, set, {
        ...set,
        status: { ...set.status, conditions },
      });
    },
  });
}

function addBindingController(manager: Manager): void {
  const sets = manager.informer(ManagedClusterSet);
  const bindings = manager.informer(ManagedClusterSetBinding);
  manager.addController({
    name: "managed-cluster-set-binding",
    for: ManagedClusterSetBinding,
    watches: [
      {
        type: ManagedClusterSet,
        map: ({ metadata: { name } }) =>
          bindings.store
            .list()
            .flatMap(({ metadata }) =>
              metadata.name === name && metadata.namespace !== undefined
                ? [{ namespace: metadata.namespace, name }]
                : [],
            ),
      },
    ],
    reconcile: async (key) => {
      const binding = bindings.store.get(key);
      if (binding === undefined) return;
      const set = binding.spec?.clusterSet ?? "";
      const condition = bindingCondition(key.name, set, sets.store.get({ name: set }) !== undefined);
      const conditions = withCondition(
        binding.status?.conditions,
        { type: "Bound", ...condition },
        manager.now(),
      );
      const after = { ...binding, status: { ...binding.status, conditions } };
      await patchStatus(manager.client, ManagedClusterSetBinding, binding, after);
    },
  });
}

function bindingCondition(
  name: string,
  set: string,
  found: boolean,
): { status: "True" | "False"; reason: string; message: string } {
  if (set !== name) {
    // Upstream's CRD cannot say it; its webhook refuses such a binding.
    const message = `metadata.name "${name}" must equal spec.clusterSet "${set}": rename the binding`;
    return { status: "False", reason: "ClusterSetBindingNameMismatch", message };
  }
  return found
    ? { status: "True", reason: "ClusterSetBound", message: "" }
    : { status: "False", reason: "ClusterSetNotFound", message: `ManagedClusterSet ${set} is not found` };
}
