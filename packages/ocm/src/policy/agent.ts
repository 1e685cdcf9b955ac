/** The policy agent: brings the replicas of the cluster's namespace at the hub to the cluster, and their state back. */
import { type ObjectKey, type UnstructuredObject, controllerReference } from "@ai-edge/apimachinery";
import { ConfigurationPolicy, type ManagedCluster, Namespace, Policy, type PolicyStatus } from "@ai-edge/api";
import { type ControllerHandle, type Informer, type Manager, mergeDiff, patchStatus } from "@ai-edge/runtime";
import { deleteIfFound } from "../delete-if-found.ts";
import { addConfigurationPolicyController } from "./configuration-policy.ts";
import { ANNOTATION_HUB_TEMPLATES_ERROR, LABEL_POLICY } from "./names.ts";
import { sumOf } from "./propagator.ts";

const FIELD_MANAGER = "policy-agent";
const MAX_HISTORY = 10;

const APPLY_OPTIONS = { fieldManager: FIELD_MANAGER, force: true };

export interface PolicyAgentOptions {
  cluster: string;
  hub: Manager;
  edge: Manager;
  /** The cluster's own ManagedCluster at the hub. */
  clusters: Informer<ManagedCluster>;
}

type Detail = NonNullable<PolicyStatus["details"]>[number];

/** Runs the agent and the evaluation of configuration policies; `resume` makes every policy due. */
export function addPolicyAgent(options: PolicyAgentOptions): { resume(): void } {
  return new PolicyAgent(options);
}

class PolicyAgent {
  readonly #cluster: string;
  readonly #hub: Manager;
  readonly #edge: Manager;
  readonly #clusters: Informer<ManagedCluster>;
  readonly #replicas: Informer<Policy>;
  readonly #locals: Informer<ConfigurationPolicy>;
  readonly #controller: ControllerHandle;

  constructor({ cluster, hub, edge, clusters }: PolicyAgentOptions) {
    this.#cluster = cluster;
    this.#hub = hub;
    this.#edge = edge;
    this.#clusters = clusters;
    this.#replicas = hub.informer(Policy, { namespace: cluster });
    this.#locals = edge.informer(ConfigurationPolicy, { namespace: cluster });
    addConfigurationPolicyController(edge);
    this.#controller = hub.addController({
      name: "policy-agent",
      for: Policy,
      options: { namespace: cluster },
      reconcile: (key) => this.#reconcile(key),
    });
    this.#locals.onEvent(({ object }) => {
      const name = object.metadata.labels?.[LABEL_POLICY];
      if (name !== undefined) this.#controller.enqueue({ namespace: cluster, name });
    });
  }

  resume(): void {
    for (const { metadata } of this.#replicas.store.list()) {
      this.#controller.enqueue({ namespace: this.#cluster, name: metadata.name });
    }
  }

  async #reconcile(key: ObjectKey): Promise<void> {
    await Promise.all([this.#clusters.synced, this.#locals.synced]);
    // A hub that does not know this cluster has nothing to say about its policies.
    if (this.#clusters.store.get({ name: this.#cluster }) === undefined) return;
    const replica = this.#replicas.store.get(key);
    if (replica === undefined) return this.#remove(key);
    const error = replica.metadata.annotations?.[ANNOTATION_HUB_TEMPLATES_ERROR] ?? "";
    if (error === "") await this.#install(replica);
    const details =
      error === ""
        ? this.#detailsOf(replica)
        : [this.#detail(replica, replica.metadata.name, "NonCompliant", `NonCompliant; ${error}`)];
    const compliant = sumOf(details.map((one) => one.compliant));
    const after = { ...replica, status: { ...(compliant === undefined ? {} : { compliant }), details } };
    await patchStatus(this.#hub.client, Policy, replica, after);
  }

  async #install(replica: Policy): Promise<void> {
    const { name } = replica.metadata;
    await this.#edge.client.apply(Namespace, { metadata: { name: this.#cluster } }, APPLY_OPTIONS);
    const labels = replica.metadata.labels ?? {};
    const copy = await this.#edge.client.apply(
      Policy,
      { metadata: { namespace: this.#cluster, name, labels }, spec: replica.spec },
      APPLY_OPTIONS,
    );
    const wanted = templatesOf(replica);
    for (const template of wanted) {
      const action = replica.spec.remediationAction ?? template.spec.remediationAction;
      const metadata = {
        namespace: this.#cluster,
        name: template.metadata.name,
        labels: { [LABEL_POLICY]: name },
        ownerReferences: [controllerReference(copy)],
      };
      const spec = { ...template.spec, remediationAction: action };
      const existing = this.#locals.store.get({ namespace: this.#cluster, name: template.metadata.name });
      if (existing !== undefined && mergeDiff(existing.spec, { ...existing.spec, ...spec }) === undefined)
        continue;
      await this.#edge.client.apply(ConfigurationPolicy, { metadata, spec }, APPLY_OPTIONS);
    }
    for (const { metadata } of this.#ofPolicy(name)) {
      if (!wanted.some((template) => template.metadata.name === metadata.name)) {
        await deleteIfFound(this.#edge.client, ConfigurationPolicy, {
          namespace: this.#cluster,
          name: metadata.name,
        });
      }
    }
  }

  /** What the policy made at the cluster stays: only the policy goes. */
  async #remove({ name }: ObjectKey): Promise<void> {
    for (const { metadata } of this.#ofPolicy(name)) {
      await deleteIfFound(this.#edge.client, ConfigurationPolicy, {
        namespace: this.#cluster,
        name: metadata.name,
      });
    }
    await deleteIfFound(this.#edge.client, Policy, { namespace: this.#cluster, name });
  }

  #ofPolicy(name: string): ConfigurationPolicy[] {
    return this.#locals.store.list({ labels: { [LABEL_POLICY]: name } });
  }

  #detailsOf(replica: Policy): Detail[] {
    return replica.spec["policy-templates"].map(({ objectDefinition }) => {
      const { name } = objectDefinition.metadata;
      if (!isConfigurationPolicy(objectDefinition)) {
        const message = `NonCompliant; template-error; ${objectDefinition.kind} is not supported here: only ConfigurationPolicy is`;
        return this.#detail(replica, name, "NonCompliant", message);
      }
      const status = this.#locals.store.get({ namespace: this.#cluster, name })?.status;
      const compliant = status?.compliant === "Terminating" ? "Pending" : status?.compliant;
      return this.#detail(replica, name, compliant, status?.history?.[0]?.message);
    });
  }

  #detail(
    replica: Policy,
    name: string,
    compliant: Detail["compliant"],
    message: string | undefined,
  ): Detail {
    const before =
      replica.status?.details?.find(({ templateMeta }) => templateMeta.name === name)?.history ?? [];
    const isNews = message !== undefined && before[0]?.message !== message;
    const lastTimestamp = this.#hub
      .now()
      .toISOString()
      .replace(/\.\d+Z$/, "Z");
    const history = isNews
      ? [
          {
            eventName: `${replica.metadata.name}.${this.#hub.now().getTime().toString(16)}`,
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
