/** Keeps the decisions of every Placement (upstream: pkg/placement/controllers/scheduling). */
import { withCondition } from "@ai-edge/apimachinery";
import {
  AddOnPlacementScore,
  LABEL_PLACEMENT,
  ManagedCluster,
  ManagedClusterSet,
  ManagedClusterSetBinding,
  Placement,
  PlacementDecision,
} from "@ai-edge/api";
import {
  type EventRecorder,
  type Informer,
  type Manager,
  type Result,
  mergeDiff,
  patchStatus,
} from "@ai-edge/runtime";
import { planPages } from "./decision-page.ts";
import { pagesOf, readPages, writePage } from "./decision-store.ts";
import { MisconfiguredError } from "./misconfigured.ts";
import { type Schedule, type ScheduleInputs, schedule } from "./schedule.ts";

const RECORDED_NAMES = 5;

/** Runs the placement controller. A Placement that is misconfigured keeps the decisions that it has. */
export function addPlacementController(manager: Manager, { recorder }: { recorder: EventRecorder }): void {
  new PlacementController(manager, recorder).start();
}

class PlacementController {
  readonly #manager: Manager;
  readonly #recorder: EventRecorder;
  readonly #placements: Informer<Placement>;
  readonly #decisions: Informer<PlacementDecision>;
  readonly #clusters: Informer<ManagedCluster>;
  readonly #sets: Informer<ManagedClusterSet>;
  readonly #bindings: Informer<ManagedClusterSetBinding>;
  readonly #scores: Informer<AddOnPlacementScore>;

  constructor(manager: Manager, recorder: EventRecorder) {
    this.#manager = manager;
    this.#recorder = recorder;
    this.#placements = manager.informer(Placement);
    this.#decisions = manager.informer(PlacementDecision);
    this.#clusters = manager.informer(ManagedCluster);
    this.#sets = manager.informer(ManagedClusterSet);
    this.#bindings = manager.informer(ManagedClusterSetBinding);
    this.#scores = manager.informer(AddOnPlacementScore);
  }

  start(): void {
    const every = (): { namespace: string; name: string }[] =>
      this.#placements.store.list().map(({ metadata: { namespace = "", name } }) => ({ namespace, name }));
    const handle = this.#manager.addController({
      name: "placement",
      for: Placement,
      owns: [PlacementDecision],
      watches: [
        { type: ManagedClusterSet, map: every },
        {
          type: ManagedClusterSetBinding,
          map: ({ metadata }) => every().filter(({ namespace }) => namespace === metadata.namespace),
        },
        { type: AddOnPlacementScore, map: every },
      ],
      reconcile: async (key) => {
        // Not among the watches above, see below; an unread cluster list must not look like an empty one.
        await this.#clusters.synced;
        const placement = this.#placements.store.get(key);
        if (placement === undefined || placement.metadata.deletionTimestamp !== undefined) return;
        return this.#place(placement);
      },
    });
    // Heartbeats and conditions of clusters change nothing here: only what the scheduler reads makes Placements due.
    this.#clusters.onEvent(({ type, object, old }) => {
      const isNoise =
        type === "updated" &&
        old !== undefined &&
        mergeDiff(readByScheduler(old), readByScheduler(object)) === undefined;
      if (!isNoise) for (const key of every()) handle.enqueue(key);
    });
  }

  async #place(placement: Placement): Promise<Result | void> {
    let result: Schedule;
    try {
      result = schedule(this.#inputsFor(placement));
    } catch (error) {
      if (!(error instanceof MisconfiguredError)) throw error;
      await this.#reportMisconfigured(placement, error.message);
      return;
    }
    await this.#writeDecisions(placement, result);
    await this.#report(placement, result);
    return result.expiresAt === undefined
      ? undefined
      : { requeueAfter: Math.max(0, result.expiresAt - this.#manager.now().getTime()) };
  }

  #inputsFor(placement: Placement): ScheduleInputs {
    const selected = new Set<string>();
    const otherDecisions = new Map<string, number>();
    const { namespace, name } = placement.metadata;
    for (const { metadata, status } of this.#decisions.store.list()) {
      const own = metadata.namespace === namespace && metadata.labels?.[LABEL_PLACEMENT] === name;
      for (const { clusterName } of status?.decisions ?? []) {
        if (own) selected.add(clusterName);
        else otherDecisions.set(clusterName, (otherDecisions.get(clusterName) ?? 0) + 1);
      }
    }
    return {
      placement,
      bindings: this.#bindings.store.list({ namespace }),
      sets: this.#sets.store.list(),
      clusters: this.#clusters.store.list(),
      selected,
      otherDecisions,
      addOnScores: (cluster) => this.#scores.store.list({ namespace: cluster }),
      now: this.#manager.now(),
    };
  }

  async #writeDecisions(placement: Placement, { groups, selected }: Schedule): Promise<void> {
    const known = pagesOf(placement, this.#decisions.store.list({ namespace: placement.metadata.namespace }));
    if (planPages(known, groups).length === 0) return;
    // The store may lag behind our own last write: plan the change from what is really there.
    const pages = await readPages(this.#manager.client, placement);
    const exists = new Set(pages.map(({ number }) => number));
    for (const step of planPages(pages, groups))
      await writePage(this.#manager.client, placement, step, exists);
    const before = new Set(pages.flatMap((page) => page.clusters));
    const added = selected.filter((name) => !before.has(name));
    const removed = [...before].filter((name) => !selected.includes(name));
    if (added.length + removed.length > 0) {
      this.#recorder.event(
        placement,
        "Normal",
        "DecisionUpdate",
        `${changeText("selected", added)}${changeText("dropped", removed)}`.trim(),
      );
    }
  }

  async #report(placement: Placement, { groups, selected, satisfied }: Schedule): Promise<void> {
    const ignored =
      placement.spec.spreadPolicy === undefined
        ? ""
        : "; spec.spreadPolicy has no effect: no scheduler implements it yet";
    const conditions = withCondition(
      withCondition(
        placement.status?.conditions,
        {
          type: "PlacementMisconfigured",
          status: "False",
          reason: "Succeedconfigured",
          message: "Placement configurations check pass",
        },
        this.#manager.now(),
      ),
      { type: "PlacementSatisfied", ...satisfied, message: satisfied.message + ignored },
      this.#manager.now(),
    );
    const { name } = placement.metadata;
    const numbers = new Map(
      pagesOf(placement, this.#decisions.store.list({ namespace: placement.metadata.namespace })).map(
        (page) => [page.number, page],
      ),
    );
    const decisionGroups = groups.map((group) => ({
      decisionGroupIndex: group.index,
      decisionGroupName: group.name,
      decisions: [...numbers.values()]
        .filter((page) => page.groupIndex === group.index)
        .map(({ number }) => `${name}-decision-${number}`),
      clusterCount: group.clusters.length,
    }));
    const status = {
      ...placement.status,
      numberOfSelectedClusters: selected.length,
      decisionGroups,
      conditions,
    };
    await patchStatus(this.#manager.client, Placement, placement, { ...placement, status });
  }

  async #reportMisconfigured(placement: Placement, message: string): Promise<void> {
    const text = `${message}; the decisions stay as they are until this is mended`;
    const conditions = withCondition(
      placement.status?.conditions,
      { type: "PlacementMisconfigured", status: "True", reason: "Misconfigured", message: text },
      this.#manager.now(),
    );
    await patchStatus(this.#manager.client, Placement, placement, {
      ...placement,
      status: { ...placement.status, conditions },
    });
  }
}

/** What of a cluster a schedule depends on. */
function readByScheduler({ metadata, spec, status }: ManagedCluster): unknown {
  const { labels, deletionTimestamp } = metadata;
  return {
    labels,
    deletionTimestamp,
    taints: spec?.taints,
    claims: status?.clusterClaims,
    allocatable: status?.allocatable,
  };
}

function changeText(verb: string, names: readonly string[]): string {
  if (names.length === 0) return "";
  const shown = names.slice(0, RECORDED_NAMES).join(", ");
  return `${verb} ${names.length}: ${shown}${names.length > RECORDED_NAMES ? ", …" : ""}. `;
}
