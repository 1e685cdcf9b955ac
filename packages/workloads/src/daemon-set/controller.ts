import { type ObjectKey, keyOf } from "@ai-edge/apimachinery";
import { DaemonSet, Node, Pod } from "@ai-edge/api";
import { type Informer, type Manager, type Result, patchStatus } from "@ai-edge/runtime";
import { claim } from "../adoption.ts";
import { BY_CONTROLLER, type ControllerContext, controllerUid } from "../context.ts";
import { resolveIntOrPercent } from "../deployment/int-or-percent.ts";
import { isAvailable, isFinished, isReady, podFromTemplate, podPrefix } from "../pod.ts";
import { PodWriter } from "../pod-writer.ts";
import { isOfRevision, revisionLabel, revisionOf } from "../revision.ts";

/** Runs one pod of a template on every node that its node selector names. */
export function addDaemonSetController(manager: Manager, context: ControllerContext): void {
  const daemonSets = manager.informer(DaemonSet);
  const nodes = manager.informer(Node);
  const controller = new DaemonSetController(context, daemonSets, nodes);
  manager.addController({
    name: "daemonset",
    for: DaemonSet,
    owns: [],
    watches: [
      {
        type: Pod,
        options: { indexes: { [BY_CONTROLLER]: controllerUid } },
        map: (pod: Pod) => ownerOf(pod),
      },
      { type: Node, map: () => daemonSets.store.list().map(keyOf) },
    ],
    reconcile: (key) => controller.reconcile(key),
  });
}

class DaemonSetController {
  readonly #context: ControllerContext;
  readonly #daemonSets: Informer<DaemonSet>;
  readonly #nodes: Informer<Node>;
  readonly #writer: PodWriter;

  constructor(context: ControllerContext, daemonSets: Informer<DaemonSet>, nodes: Informer<Node>) {
    this.#context = context;
    this.#daemonSets = daemonSets;
    this.#nodes = nodes;
    this.#writer = new PodWriter(context);
  }

  async reconcile(key: ObjectKey): Promise<Result | void> {
    const { client, pods: informer } = this.#context;
    const daemonSet = this.#daemonSets.store.get(key);
    if (daemonSet === undefined) return;
    const candidates = informer.store.list({ namespace: key.namespace });
    const { selector } = daemonSet.spec;
    const pods = await claim(client, Pod, { owner: daemonSet, selector, candidates });
    const nodes = eligibleNodes(daemonSet, this.#nodes.store.list());
    const wait = this.#writer.settlesIn(daemonSet);
    if (wait === undefined && daemonSet.metadata.deletionTimestamp === undefined) {
      await this.#manage(daemonSet, nodes, pods);
    }
    const status = this.#status(daemonSet, nodes, pods);
    await patchStatus(client, DaemonSet, daemonSet, { ...daemonSet, status });
    return wait === undefined ? undefined : { requeueAfter: wait };
  }

  async #manage(daemonSet: DaemonSet, nodes: ReadonlySet<string>, pods: readonly Pod[]): Promise<void> {
    const { template, updateStrategy } = daemonSet.spec;
    const revision = revisionOf(template);
    for (const node of nodes) {
      if (pods.some((pod) => pod.spec.nodeName === node)) continue;
      const metadata = {
        name: "",
        generateName: podPrefix(daemonSet.metadata.name),
        labels: revisionLabel(revision),
      };
      const pod = podFromTemplate(template, daemonSet, metadata);
      await this.#writer.create(daemonSet, { ...pod, spec: { ...pod.spec, nodeName: node } });
    }
    const living = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    const seen = new Set<string>();
    for (const pod of living) {
      const node = pod.spec.nodeName ?? "";
      // Ended pods are replaced; those on other nodes and second ones on a node go.
      if (isFinished(pod) || !nodes.has(node) || seen.has(node)) await this.#writer.delete(daemonSet, pod);
      seen.add(node);
    }
    if (updateStrategy?.type === "OnDelete") return;
    const maxUnavailable = updateStrategy?.rollingUpdate?.["maxUnavailable"] ?? 1;
    const unavailable = nodes.size - living.filter(isReady).length;
    let budget = Math.max(1, resolveIntOrPercent(maxUnavailable, nodes.size, "up")) - unavailable;
    for (const pod of living) {
      if (isOfRevision(pod, revision)) continue;
      // One that does not serve may go at any time.
      if (isReady(pod) && budget <= 0) continue;
      if (isReady(pod)) budget -= 1;
      await this.#writer.delete(daemonSet, pod);
    }
  }

  #status(
    daemonSet: DaemonSet,
    nodes: ReadonlySet<string>,
    pods: readonly Pod[],
  ): NonNullable<DaemonSet["status"]> & { numberUnavailable?: number } {
    const { template, minReadySeconds = 0 } = daemonSet.spec;
    const now = this.#context.now();
    const placed = pods.filter(({ spec }) => nodes.has(spec.nodeName ?? ""));
    const available = placed.filter((pod) => isAvailable(pod, minReadySeconds, now)).length;
    const updated = placed.filter((pod) => isOfRevision(pod, revisionOf(template))).length;
    const unavailable = nodes.size - available;
    return {
      ...daemonSet.status,
      currentNumberScheduled: placed.length,
      numberMisscheduled: pods.length - placed.length,
      desiredNumberScheduled: nodes.size,
      numberReady: placed.filter(isReady).length,
      updatedNumberScheduled: updated,
      numberAvailable: available,
      numberUnavailable: unavailable,
      observedGeneration: daemonSet.metadata.generation ?? 0,
    };
  }
}

function eligibleNodes(daemonSet: DaemonSet, nodes: readonly Node[]): ReadonlySet<string> {
  const selector = Object.entries(daemonSet.spec.template.spec.nodeSelector ?? {});
  const names = nodes
    .filter(({ metadata }) => selector.every(([label, value]) => metadata.labels?.[label] === value))
    .map(({ metadata }) => metadata.name);
  return new Set(names);
}

function ownerOf(pod: Pod): ObjectKey[] {
  const owner = pod.metadata.ownerReferences?.find(({ controller }) => controller === true);
  const { namespace } = pod.metadata;
  return owner?.kind === "DaemonSet" && namespace !== undefined ? [{ namespace, name: owner.name }] : [];
}
