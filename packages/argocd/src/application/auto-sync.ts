import type { Application, ApplicationCondition, ApplicationOperation, OperationState } from "@ai-edge/api";
import { deepEqual } from "@ai-edge/apimachinery";
import type { Comparison } from "./comparison.ts";
import type { LoadedSource } from "./source-loader.ts";
import { refKey, type ResourceRef } from "./tracking.ts";

/** Self-heal waits 2 s, then three times as long after each heal in a row, at most 5 min (upstream's flags). */
const HEAL_BASE_MS = 2_000;
const HEAL_FACTOR = 3;
const HEAL_MAX_MS = 300_000;
/** A heal this long after the previous one starts over with the short wait. */
const HEAL_COOLDOWN_MS = 330_000;
/** Retries of an automated sync when the Application asks for none in particular. */
const DEFAULT_RETRY_LIMIT = 5;

export interface HealState {
  attempts: number;
  /** Milliseconds since the epoch. */
  lastAt: number;
}

export interface AutoSyncDecision {
  operation?: ApplicationOperation;
  /** Why nothing is done although the Application is OutOfSync. */
  condition?: ApplicationCondition;
  requeueAfter?: number;
  heal?: HealState;
}

/** Whether to sync by itself: only what is OutOfSync, once per revision and source, then only to heal (`autoSync`). */
export function decideAutoSync(
  app: Application,
  loaded: LoadedSource,
  comparison: Comparison,
  heal: HealState | undefined,
  now: Date,
): AutoSyncDecision {
  const automated = app.spec.syncPolicy?.automated;
  if (automated === undefined || automated === null || automated.enabled === false) return {};
  if (comparison.sync !== "OutOfSync") return {};
  const prune = automated.prune === true && loaded.stale === undefined;
  const drifted = comparison.resources.filter(({ status }) => status === "OutOfSync");
  if (!prune && drifted.every(({ target }) => target === undefined)) return {};
  const wanted = comparison.resources.filter(({ target }) => target !== undefined);
  if (prune && wanted.length === 0 && automated.allowEmpty !== true) {
    return {
      condition: {
        type: "SyncError",
        message:
          "Skipping sync attempt: auto-sync will wipe out all resources; set syncPolicy.automated.allowEmpty to allow it",
      },
    };
  }
  const operation: ApplicationOperation = {
    sync: {
      revision: loaded.revision,
      prune,
      ...(app.spec.syncPolicy?.syncOptions === undefined
        ? {}
        : { syncOptions: app.spec.syncPolicy.syncOptions }),
    },
    initiatedBy: { automated: true },
    retry: app.spec.syncPolicy?.retry ?? { limit: DEFAULT_RETRY_LIMIT },
  };
  const state = app.status?.operationState;
  if (state === undefined || !wasAttempted(state, loaded)) return { operation };
  if (state.phase !== "Succeeded") {
    return {
      condition: {
        type: "SyncError",
        message: `Failed last sync attempt to [${loaded.revision}]: ${state.message ?? ""}`,
      },
    };
  }
  if (automated.selfHeal !== true) return {};
  return decideHeal(
    operation,
    drifted.map(({ ref }) => ref),
    heal,
    now,
  );
}

function decideHeal(
  operation: ApplicationOperation,
  drifted: readonly ResourceRef[],
  heal: HealState | undefined,
  now: Date,
): AutoSyncDecision {
  const recent = heal !== undefined && now.getTime() - heal.lastAt < HEAL_COOLDOWN_MS ? heal : undefined;
  if (recent !== undefined) {
    const wait = Math.min(HEAL_BASE_MS * HEAL_FACTOR ** (recent.attempts - 1), HEAL_MAX_MS);
    const left = recent.lastAt + wait - now.getTime();
    if (left > 0) return { requeueAfter: left };
  }
  const resources = drifted.map(({ group, kind, namespace, name }) => ({
    group,
    kind,
    name,
    ...(namespace === "" ? {} : { namespace }),
  }));
  return {
    operation: { ...operation, sync: { ...operation.sync, resources } },
    heal: { attempts: (recent?.attempts ?? 0) + 1, lastAt: now.getTime() },
  };
}

function wasAttempted(state: OperationState, loaded: LoadedSource): boolean {
  const { revision, source } = state.syncResult ?? {};
  return revision === loaded.revision && deepEqual(source, loaded.source);
}

/** The resources that an operation is limited to, as `refKey`s. */
export function selectedResources(
  operation: ApplicationOperation,
  destinationNamespace: string,
  comparison: Comparison,
): Set<string> | undefined {
  const resources = operation.sync?.resources;
  if (resources === undefined || resources.length === 0) return undefined;
  const selected = new Set<string>();
  for (const { group = "", kind, name, namespace } of resources) {
    for (const { ref } of comparison.resources) {
      const inNamespace = ref.namespace === "" || ref.namespace === (namespace ?? destinationNamespace);
      if (ref.group === group && ref.kind === kind && ref.name === name && inNamespace)
        selected.add(refKey(ref));
    }
  }
  return selected;
}
