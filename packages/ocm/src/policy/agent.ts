/** The policy agent: brings the replicas of the cluster's namespace at the hub to the cluster, and their state back. */
import { type ObjectKey, type UnstructuredObject, controllerReference } from "@ai-edge/apimachinery";
import { ConfigurationPolicy, type ManagedCluster, Namespace, Policy, type PolicyStatus } from "@ai-edge/api";
import { type Informer, type Manager, mergeDiff, patchStatus } from "@ai-edge/runtime";
import { deleteIfFound } from "../delete-if-found.ts";
import { addConfigurationPolicyController } from "./configuration-policy.ts";
import { ANNOTATION_HUB_TEMPLATES_ERROR, LABEL_POLICY } from "./names.ts";
import { sumOf } from "./propagator.ts";

const FIELD_MANAGER = "policy-agent";
const MAX_HISTORY = 10;

type Detail = NonNullable<PolicyStatus["details"]>[number];

/** Runs the agent and the evaluation of configuration policies; `resume` makes every policy due. */
export function addPolicyAgent(options: {
  cluster: string;
  hub: Manager;
  edge: Manager;
  clusters: Informer<ManagedCluster>;
}): { resume(): void } {
  const { cluster, hub, edge, clusters } = options;
  const replicas = hub.informer(Policy, { namespace: cluster });
  const locals = edge.informer(ConfigurationPolicy, { namespace: cluster });
  const applyOptions = { fieldManager: FIELD_MANAGER, force: true };
  addConfigurationPolicyController(edge);
  const handle = hub.addController({
    name: "policy-agent",
    for: Policy,
    options: { namespace: cluster },
    reconcile: async (key) => {
      await Promise.all([clusters.synced, locals.synced]);
      // A hub that does not know this cluster has nothing to say about its policies.
      if (clusters.store.get({ name: cluster }) === undefined) return;
      const replica = replicas.store.get(key);
      if (replica === undefined) return remove(key);
      const error = replica.metadata.annotations?.[ANNOTATION_HUB_TEMPLATES_ERROR] ?? "";
      if (error === "") await install(replica);
      const details =
        error === ""
          ? detailsOf(replica)
          : [detail(replica, replica.metadata.name, "NonCompliant", `NonCompliant; ${error}`)];
      const compliant = sumOf(details.map((one) => one.compliant));
      const after = { ...replica, status: { ...(compliant === undefined ? {} : { compliant }), details } };
      await patchStatus(hub.client, Policy, replica, after);
    },
  });
  locals.onEvent(({ object }) => {
    const name = object.metadata.labels?.[LABEL_POLICY];
    if (name !== undefined) handle.enqueue({ namespace: cluster, name });
  });
  return {
    resume: () => {
      for (const { metadata } of replicas.store.list())
        handle.enqueue({ namespace: cluster, name: metadata.name });
    },
  };

  async function install(replica: Policy): Promise<void> {
    const { name } = replica.metadata;
    await edge.client.apply(Namespace, { metadata: { name: cluster } }, applyOptions);
    const labels = replica.metadata.labels ?? {};
    const copy = await edge.client.apply(
      Policy,
      { metadata: { namespace: cluster, name, labels }, spec: replica.spec },
      applyOptions,
    );
    const wanted = templatesOf(replica);
    for (const template of wanted) {
      const action = replica.spec.remediationAction ?? template.spec.remediationAction;
      const metadata = {
        namespace: cluster,
        name: template.metadata.name,
        labels: { [LABEL_POLICY]: name },
        ownerReferences: [controllerReference(copy)],
      };
      const spec = { ...template.spec, remediationAction: action };
      const existing = locals.store.get({ namespace: cluster, name: template.metadata.name });
      if (existing !== undefined && mergeDiff(existing.spec, { ...existing.spec, ...spec }) === undefined)
        continue;
      await edge.client.apply(ConfigurationPolicy, { metadata, spec }, applyOptions);
    }
    for (const { metadata } of ofPolicy(name)) {
      if (!wanted.some((template) => template.metadata.name === metadata.name)) {
        await deleteIfFound(edge.client, ConfigurationPolicy, { namespace: cluster, name: metadata.name });
      }
    }
  }

  /** What the policy made at the cluster stays: only the policy goes. */
  async function remove({ name }: ObjectKey): Promise<void> {
    for (const { metadata } of ofPolicy(name)) {
      await deleteIfFound(edge.client, ConfigurationPolicy, { namespace: cluster, name: metadata.name });
    }
    await deleteIfFound(edge.client, Policy, { namespace: cluster, name });
  }

  function ofPolicy(name: string): ConfigurationPolicy[] {
    return locals.store.list({ labels: { [LABEL_POLICY]: name } });
  }

  function detailsOf(replica: Policy): Detail[] {
    return replica.spec["policy-templates"].map(({ objectDefinition }) => {
      const { name } = objectDefinition.metadata;
      if (!isConfigurationPolicy(objectDefinition)) {
        const message = `NonCompliant; template-error; ${objectDefinition.kind} is not supported here: only ConfigurationPolicy is`;
        return detail(replica, name, "NonCompliant", message);
      }
      const status = locals.store.get({ namespace: cluster, name })?.status;
      const compliant = status?.compliant === "Terminating" ? "Pending" : status?.compliant;
      return detail(replica, name, compliant, status?.history?.[0]?.message);
    });
  }

  function detail(
    replica: Policy,
    name: string,
    compliant: Detail["compliant"],
    message: string | undefined,
  ): Detail {
    const before =
      replica.status?.details?.find(({ templateMeta }) => templateMeta.name === name)?.history ?? [];
    const isNews = message !== undefined && before[0]?.message !== message;
    const lastTimestamp = hub
      .now()
      .toISOString()
      .replace(/\.\d+Z$/, "Z");
    const history = isNews
      ? [
          {
            eventName: `${replica.metadata.name}.${hub.now().getTime().toString(16)}`,
            lastTimestamp,
            message,
          },
          ...before,
        ].slice(0, MAX_HISTORY)
      : before;
    return { templateMeta: { name }, ...(compliant === undefined ? {} : { compliant }), history };
  }
}

function templatesOf(replica: Policy): (UnstructuredObject & ConfigurationPolicy)[] {
  return replica.spec["policy-templates"]
    .map((template) => template.objectDefinition)
    .filter(isConfigurationPolicy);
}

function isConfigurationPolicy(
  object: UnstructuredObject,
): object is UnstructuredObject & ConfigurationPolicy {
  const { group, kind } = ConfigurationPolicy;
  return (
    object.kind === kind &&
    object.apiVersion.startsWith(`${group}/`) &&
    typeof object["spec"] === "object" &&
    object["spec"] !== null
  );
}
