/** Copies each root policy to the namespaces of the clusters that its bindings choose (upstream: GPP controllers/propagator). */
import { type KubernetesObject, type ObjectKey, keyOf } from "@ai-edge/apimachinery";
import {
  type ComplianceState,
  LABEL_PLACEMENT,
  ManagedCluster,
  PlacementBinding,
  PlacementDecision,
  Policy,
  type PolicySpec,
} from "@ai-edge/api";
import { type Informer, type Manager, type Result, mergeDiff, patchStatus } from "@ai-edge/runtime";
import { deleteIfFound } from "../delete-if-found.ts";
import { FIELD_MANAGER } from "../hub/rbac.ts";
import { HubTemplateError, hasHubTemplate, resolveHubTemplates } from "./hub-template.ts";
import {
  ANNOTATION_HUB_TEMPLATES_ERROR,
  LABEL_POLICY_CLUSTER_NAME,
  LABEL_POLICY_CLUSTER_NAMESPACE,
  LABEL_ROOT_POLICY,
} from "./names.ts";

/** Secrets and ConfigMaps that hub templates read are not watched: their changes arrive with this delay. */
const TEMPLATE_RESYNC_MS = 30_000;

interface BoundCluster {
  cluster: string;
  placement: string;
  binding: PlacementBinding;
}

/** Runs the propagator: replicas in, replicas out, and their states summed up in the root policy. */
export function addPolicyPropagator(manager: Manager): void {
  new PolicyPropagator(manager).start();
}

class PolicyPropagator {
  readonly #manager: Manager;
  readonly #policies: Informer<Policy>;
  readonly #bindings: Informer<PlacementBinding>;
  readonly #decisions: Informer<PlacementDecision>;
  readonly #clusters: Informer<ManagedCluster>;

  constructor(manager: Manager) {
    this.#manager = manager;
    this.#policies = manager.informer(Policy);
    this.#bindings = manager.informer(PlacementBinding);
    this.#decisions = manager.informer(PlacementDecision);
    this.#clusters = manager.informer(ManagedCluster);
  }

  start(): void {
    const inNamespace = ({ metadata: { namespace } }: KubernetesObject): ObjectKey[] =>
      this.#policies.store
        .list({ namespace })
        .filter((policy) => !isReplica(policy))
        .map(keyOf);
    this.#manager.addController({
      name: "policy-propagator",
      for: Policy,
      filter: (policy) => !isReplica(policy),
      watches: [
        { type: Policy, map: (policy) => (isReplica(policy) ? [rootKeyOf(policy)] : []) },
        { type: PlacementBinding, map: inNamespace },
        { type: PlacementDecision, map: inNamespace },
      ],
      reconcile: (key) => this.#reconcile(key),
    });
  }

  async #reconcile(key: ObjectKey): Promise<Result | void> {
    await this.#clusters.synced;
    const root = this.#policies.store.get(key);
    if (root !== undefined && isReplica(root)) return;
    const deleted = root === undefined || root.metadata.deletionTimestamp !== undefined;
    const bound = deleted || root.spec.disabled ? [] : this.#boundClusters(root);
    const replicas = this.#policies.store.list({
      labels: { [LABEL_ROOT_POLICY]: `${key.namespace}.${key.name}` },
    });
    for (const replica of replicas) {
      if (bound.some(({ cluster }) => cluster === replica.metadata.namespace)) continue;
      await deleteIfFound(this.#manager.client, Policy, keyOf(replica));
    }
    if (deleted) return;
    for (const one of bound) await this.#replicate(root, one, replicas);
    await this.#report(root, bound, replicas);
    return hasHubTemplate(root.spec) ? { requeueAfter: TEMPLATE_RESYNC_MS } : undefined;
  }

  /** The clusters that bindings of the policy choose, each once, by name. */
  #boundClusters({ metadata: { namespace, name } }: Policy): BoundCluster[] {
    const found = new Map<string, BoundCluster>();
    for (const binding of this.#bindings.store.list({ namespace })) {
      if (!binding.subjects.some((subject) => subject.kind === "Policy" && subject.name === name)) continue;
      if (binding.placementRef.kind !== "Placement") continue;
      const placement = binding.placementRef.name;
      for (const { status } of this.#decisions.store.list({
        namespace,
        labels: { [LABEL_PLACEMENT]: placement },
      })) {
        for (const { clusterName } of status?.decisions ?? []) {
          if (!found.has(clusterName)) found.set(clusterName, { cluster: clusterName, placement, binding });
        }
      }
    }
    return [...found.values()].toSorted((a, b) => (a.cluster < b.cluster ? -1 : 1));
  }

  async #replicate(
    root: Policy,
    { cluster, binding }: BoundCluster,
    replicas: readonly Policy[],
  ): Promise<void> {
    const { namespace = "", name } = root.metadata;
    const labels = {
      [LABEL_ROOT_POLICY]: `${namespace}.${name}`,
      [LABEL_POLICY_CLUSTER_NAME]: cluster,
      [LABEL_POLICY_CLUSTER_NAMESPACE]: cluster,
    };
    const { spec, error } = await this.#resolve(root, cluster);
    const action = binding.bindingOverrides?.remediationAction;
    const wanted = {
      metadata: {
        namespace: cluster,
        name: `${namespace}.${name}`,
        labels,
        annotations: { [ANNOTATION_HUB_TEMPLATES_ERROR]: error },
      },
      spec: action === undefined ? spec : { ...spec, remediationAction: action },
    };
    const existing = replicas.find(({ metadata }) => metadata.namespace === cluster);
    const before = existing?.metadata.annotations?.[ANNOTATION_HUB_TEMPLATES_ERROR] ?? "";
    if (existing !== undefined && before === error && mergeDiff(existing.spec, wanted.spec) === undefined)
      return;
    await this.#manager.client.apply(Policy, wanted, { fieldManager: FIELD_MANAGER, force: true });
  }

  async #resolve(
    { metadata: { namespace = "" }, spec }: Policy,
    cluster: string,
  ): Promise<{ spec: PolicySpec; error: string }> {
    if (!hasHubTemplate(spec)) return { spec, error: "" };
    const clusterLabels = this.#clusters.store.get({ name: cluster })?.metadata.labels ?? {};
    const context = { client: this.#manager.client, namespace, clusterName: cluster, clusterLabels };
    try {
      const templates = await Promise.all(
        spec["policy-templates"].map(async (template) => {
          const objectDefinition = await resolveHubTemplates(template.objectDefinition, context);
          return {
            ...template,
            objectDefinition: {
              ...template.objectDefinition,
              ...(typeof objectDefinition === "object" ? objectDefinition : {}),
            },
          };
        }),
      );
      return { spec: { ...spec, "policy-templates": templates }, error: "" };
    } catch (error) {
      if (!(error instanceof HubTemplateError)) throw error;
      return { spec, error: error.message };
    }
  }

  async #report(root: Policy, bound: readonly BoundCluster[], replicas: readonly Policy[]): Promise<void> {
    const status = bound.map(({ cluster }) => {
      const compliant = replicas.find(({ metadata }) => metadata.namespace === cluster)?.status?.compliant;
      return {
        clustername: cluster,
        clusternamespace: cluster,
        ...(compliant === undefined ? {} : { compliant }),
      };
    });
    const placement = [
      ...new Map(bound.map((one) => [`${one.placement}/${one.binding.metadata.name}`, one])).values(),
    ].map((one) => ({
      placement: one.placement,
      placementBinding: one.binding.metadata.name,
      decisions: bound
        .filter((other) => other.placement === one.placement)
        .map(({ cluster }) => ({ clusterName: cluster, clusterNamespace: cluster })),
    }));
    const compliant = sumOf(status.map((one) => one.compliant));
    const after = {
      ...root,
      status: { ...(compliant === undefined ? {} : { compliant }), placement, status },
    };
    await patchStatus(this.#manager.client, Policy, root, after);
  }
}

/** NonCompliant before Pending before not known before Compliant. */
export function sumOf(states: readonly (ComplianceState | undefined)[]): ComplianceState | undefined {
  if (states.includes("NonCompliant")) return "NonCompliant";
  if (states.includes("Pending")) return "Pending";
  return states.length === 0 || states.includes(undefined) ? undefined : "Compliant";
}

function isReplica({ metadata }: KubernetesObject): boolean {
  return metadata.labels?.[LABEL_ROOT_POLICY] !== undefined;
}

function rootKeyOf({ metadata }: KubernetesObject): ObjectKey {
  const root = metadata.labels?.[LABEL_ROOT_POLICY] ?? "";
  const dot = root.indexOf(".");
  return { namespace: root.slice(0, dot), name: root.slice(dot + 1) };
}
