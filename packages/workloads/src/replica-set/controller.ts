import { type ObjectKey, isStatus, keyOf, matchesLabelSelector, controllerOf } from "@ai-edge/apimachinery";
import { Pod, ReplicaSet } from "@ai-edge/api";
import { type Informer, type Manager, type Result, patchStatus } from "@ai-edge/runtime";
import { claim } from "../adoption.ts";
import { BY_CONTROLLER, type ControllerContext, controllerUid } from "../context.ts";
import { Expectations } from "../expectations.ts";
import { isActive, podFromTemplate, podPrefix } from "../pod.ts";
import { byDeletionRank } from "./ranking.ts";
import { replicaSetStatus, untilNextAvailable } from "./status.ts";

/** Upstream's burst: what one pass may create or delete at most. */
const BURST_REPLICAS = 500;
/** Upstream's slow start: one create first, then twice as many, so that a quota error costs one request, not 500. */
const SLOW_START_BATCH = 1;
/** Distinct ReplicaSets worked on at once. Upstream has 5; requests to a local API server rarely wait. */
const CONCURRENCY = 4;

type Failure = { reason: "FailedCreate" | "FailedDelete"; message: string; error: unknown };

/** Keeps as many pods of a template running as a ReplicaSet asks for. */
export function addReplicaSetController(manager: Manager, context: ControllerContext): void {
  const replicaSets = manager.informer(ReplicaSet, { indexes: { [BY_CONTROLLER]: controllerUid } });
  const controller = new ReplicaSetController(context, replicaSets);
  manager.addController({
    name: "replicaset",
    for: ReplicaSet,
    options: { indexes: { [BY_CONTROLLER]: controllerUid } },
    owns: [Pod],
    watches: [
      {
        type: Pod,
        options: { indexes: { [BY_CONTROLLER]: controllerUid } },
        map: (pod: Pod) => (controllerOf(pod) === undefined ? selectorsOf(replicaSets, pod) : []),
      },
    ],
    concurrency: CONCURRENCY,
    reconcile: (key) => controller.reconcile(key),
  });
}

class ReplicaSetController {
  readonly #context: ControllerContext;
  readonly #replicaSets: Informer<ReplicaSet>;
  readonly #expectations: Expectations<Pod>;

  constructor(context: ControllerContext, replicaSets: Informer<ReplicaSet>) {
    this.#context = context;
    this.#replicaSets = replicaSets;
    this.#expectations = new Expectations(context.pods, context.now);
  }

  async reconcile(key: ObjectKey): Promise<Result | void> {
    const { client, now, pods } = this.#context;
    const replicaSet = this.#replicaSets.store.get(key);
    if (replicaSet === undefined) return;
    const id = replicaSet.metadata.uid ?? "";
    const candidates = pods.store.list({ namespace: key.namespace }).filter(isActive);
    const selector = replicaSet.spec.selector;
    const claimed = await claim(client, Pod, { owner: replicaSet, selector, candidates });
    const settled = this.#expectations.satisfied(id);
    const failure =
      settled && replicaSet.metadata.deletionTimestamp === undefined
        ? await this.#manage(replicaSet, id, claimed)
        : undefined;
    const status = replicaSetStatus(replicaSet, claimed, now(), failure);
    await patchStatus(client, ReplicaSet, replicaSet, { ...replicaSet, status });
    if (failure !== undefined && !isNamespaceTerminating(failure.error)) throw failure.error;
    if (!this.#expectations.satisfied(id)) return { requeueAfter: this.#expectations.timeout };
    const wait = untilNextAvailable(claimed, replicaSet.spec.minReadySeconds ?? 0, now());
    return wait === undefined ? undefined : { requeueAfter: wait };
  }

  async #manage(replicaSet: ReplicaSet, id: string, pods: readonly Pod[]): Promise<Failure | undefined> {
    const missing = (replicaSet.spec.replicas ?? 1) - pods.length;
    if (missing > 0) return this.#create(replicaSet, id, Math.min(missing, BURST_REPLICAS));
    const doomed = byDeletionRank(pods).slice(0, Math.min(-missing, BURST_REPLICAS));
    return doomed.length === 0 ? undefined : this.#delete(replicaSet, id, doomed);
  }

  async #create(replicaSet: ReplicaSet, id: string, count: number): Promise<Failure | undefined> {
    const { client, events } = this.#context;
    const { template } = replicaSet.spec;
    if (template === undefined) return undefined;
    let left = count;
    for (let batch = SLOW_START_BATCH; left > 0; batch *= 2) {
      const size = Math.min(batch, left);
      const generateName = podPrefix(replicaSet.metadata.name);
      const results = await Promise.allSettled(
        Array.from({ length: size }, async () => {
          const pod = podFromTemplate(template, replicaSet, { name: "", generateName });
          const created = await client.create(Pod, pod);
          this.#expectations.created(id, created);
          events.event(replicaSet, "Normal", "SuccessfulCreate", `Created pod: ${created.metadata.name}`);
        }),
      );
      const failed = results.find((result) => result.status === "rejected");
      if (failed !== undefined) {
        const error: unknown = failed.reason;
        const message = error instanceof Error ? error.message : String(error);
        if (!isNamespaceTerminating(error)) {
          events.event(replicaSet, "Warning", "FailedCreate", `Error creating: ${message}`);
        }
        return { reason: "FailedCreate", message, error };
      }
      left -= size;
    }
    return undefined;
  }

  async #delete(replicaSet: ReplicaSet, id: string, doomed: readonly Pod[]): Promise<Failure | undefined> {
    const { client, events } = this.#context;
    const results = await Promise.allSettled(
      doomed.map(async (pod) => {
        const { uid, name } = pod.metadata;
        this.#expectations.deleting(id, pod);
        try {
          await client.delete(Pod, keyOf(pod), uid === undefined ? {} : { preconditions: { uid } });
          events.event(replicaSet, "Normal", "SuccessfulDelete", `Deleted pod: ${name}`);
        } catch (error) {
          this.#expectations.notDeleted(id, pod);
          if (!isStatus(error, "NotFound", "Conflict")) throw error;
        }
      }),
    );
    const failed = results.find((result) => result.status === "rejected");
    if (failed === undefined) return undefined;
    const error: unknown = failed.reason;
    const message = error instanceof Error ? error.message : String(error);
    events.event(replicaSet, "Warning", "FailedDelete", `Error deleting: ${message}`);
    return { reason: "FailedDelete", message, error };
  }
}

/** Orphaned pods may be adopted by ReplicaSets that select them. */
function selectorsOf(replicaSets: Informer<ReplicaSet>, pod: Pod): ObjectKey[] {
  return replicaSets.store
    .list({ namespace: pod.metadata.namespace })
    .filter(({ spec }) => matchesLabelSelector(spec.selector, pod.metadata.labels))
    .map(keyOf);
}

/** Everything in the namespace is going away; creating in it is refused and need not be. */
function isNamespaceTerminating(error: unknown): boolean {
  return (
    isStatus(error, "Forbidden") &&
    (error.status.details?.causes ?? []).some(({ reason }) => reason === "NamespaceTerminating")
  );
}
