import {
  ANNOTATION_SKIP_RECONCILE,
  AppProject,
  Application,
  type ApplicationCondition,
  type ApplicationStatus,
} from "@ai-edge/api";
import {
  createMergePatch,
  formatTime,
  isStatus,
  type KubernetesObject,
  keyOf,
  type ObjectKey,
  parseKey,
} from "@ai-edge/apimachinery";
import type { Manager, ReconcileContext, Result } from "@ai-edge/runtime";
import { removeFinalizer } from "@ai-edge/runtime";
import { GitError } from "../git/run-git.ts";
import { SourceError } from "../render/source-error.ts";
import { compareApplication, type Comparison, type ComparisonContext } from "./comparison.ts";
import { decideAutoSync, type HealState, selectedResources } from "./auto-sync.ts";
import { deleteResources, resourcesFinalizer } from "./deletion.ts";
import type { DifferenceOracle } from "./difference.ts";
import type { LiveResources } from "./live-resources.ts";
import { finishPass, historyAfter, retryWait, startOperation } from "./operation.ts";
import type { LoadedSource, SourceLoader } from "./source-loader.ts";
import { invalidSpec, sourceConditions } from "./spec-check.ts";
import { forbiddenKind, projectViolation } from "./project.ts";
import { refreshRequest, withoutRefresh } from "./refresh.ts";
import { comparedStatus, failedStatus, isComparedToSpec } from "./status.ts";
import { syncApplication } from "./sync.ts";
import { prepareTargets, type Targets } from "./target.ts";

export interface ReconcilerOptions {
  manager: Manager;
  live: LiveResources;
  oracle: DifferenceOracle;
  loader: SourceLoader;
  controlNamespace: string;
  random: () => number;
}

/** Git is asked again after this long without any other reason … */
const REFRESH_INTERVAL_MS = 120_000;
/** … plus up to this, so that sites do not ask all at once (Argo CD's defaults, v3). */
const REFRESH_JITTER_MS = 60_000;
/** After a repository did not answer. */
const RETRY_GIT_MS = 10_000;
/** After a sync, in case nothing it did causes an event. */
const AFTER_SYNC_MS = 500;
const DELETION_CHECK_MS = 1_000;
const STATUS_MANAGER = "argocd-application-controller";

interface Memory {
  /** When Git is asked next, milliseconds since the epoch. */
  nextCheck: number;
  heal?: HealState | undefined;
  failure?: ApplicationCondition | undefined;
  targets?: { loaded: LoadedSource; namespace: string | undefined; result: Targets } | undefined;
  /** What was written last: the local copy may be older. */
  written?: Application | undefined;
}

/** Reconciles one Application after the other; level-triggered, all state that matters is in the Application. */
export class ApplicationReconciler {
  readonly #options: ReconcilerOptions;
  readonly #memory = new Map<string, Memory>();
  readonly #uids = new Map<string, string>();

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /** New credentials may open a repository that refused: Applications that could not load are due. @returns their keys */
  retryFailedSources(): ObjectKey[] {
    return [...this.#uids].flatMap(([name, uid]) => {
      const memory = this.#memory.get(uid);
      if (memory?.failure === undefined) return [];
      memory.nextCheck = 0;
      return [parseKey(name)];
    });
  }

  async reconcile(key: ObjectKey, { signal, logger }: ReconcileContext): Promise<Result | void> {
    const app = await this.#current(key, signal);
    if (app === undefined) return this.#forget(key);
    if (app.metadata.annotations?.[ANNOTATION_SKIP_RECONCILE] === "true") return;
    const { manager, live, oracle, controlNamespace } = this.#options;
    const context: ComparisonContext = { client: manager.client, live, oracle, controlNamespace, signal };
    if (app.metadata.deletionTimestamp !== undefined) return this.#delete(app, context);
    const project = await this.#project(app);
    const invalid = invalidSpec(app) ?? projectViolation(app, project);
    if (invalid !== undefined) {
      await this.#write(app, { ...app, status: failedStatus(app, [invalid], manager.now()) }, signal);
      return;
    }
    const result = await this.#refreshAndSync(app, project, context);
    logger.debug({ application: key, ...result }, "application reconciled");
    return result;
  }

  /** The Application as of now: the local copy, or the server's if the copy may miss our own last write. */
  async #current(key: ObjectKey, signal: AbortSignal): Promise<Application | undefined> {
    const { manager } = this.#options;
    const local = manager.informer(Application).store.get(key);
    const memory = this.#memory.get(
      local?.metadata.uid ?? this.#uids.get(`${key.namespace}/${key.name}`) ?? "",
    );
    const written = memory?.written?.metadata.resourceVersion;
    if (memory === undefined || written === undefined || written === local?.metadata.resourceVersion)
      return local;
    try {
      const app = await manager.client.get(Application, key, { signal });
      if (app.metadata.resourceVersion === local?.metadata.resourceVersion) memory.written = undefined;
      return app;
    } catch (error) {
      if (isStatus(error, "NotFound")) return undefined;
      throw error;
    }
  }

  async #project(app: Application): Promise<AppProject | undefined> {
    const informer = this.#options.manager.informer(AppProject, {
      namespace: this.#options.controlNamespace,
    });
    await informer.synced;
    return informer.store.get({
      namespace: this.#options.controlNamespace,
      name: app.spec.project || "default",
    });
  }

  async #refreshAndSync(
    app: Application,
    project: AppProject | undefined,
    context: ComparisonContext,
  ): Promise<Result> {
    const { manager } = this.#options;
    const memory = this.#memoryOf(app);
    const loaded = await this.#load(app, memory, context.signal);
    const refreshed = withoutRefresh(app);
    if (loaded.source === undefined) {
      const failure = memory.failure ?? { type: "UnknownError", message: "the source could not be loaded" };
      await this.#write(
        app,
        {
          ...refreshed,
          status: {
            ...failedStatus(app, [failure], manager.now()),
            ...reconciledAt(loaded.fresh, manager.now()),
          },
        },
        context.signal,
      );
      return this.#wait(memory);
    }
    const targets = await this.#targets(app, loaded.source, memory);
    const forbidden = forbiddenKind(targets.items, project);
    if (forbidden !== undefined) {
      const status = failedStatus(app, [forbidden], manager.now());
      await this.#write(app, { ...refreshed, status }, context.signal);
      return this.#wait(memory);
    }
    const comparison = await compareApplication(app, targets.items, context);
    const conditions = sourceConditions(app, loaded.source, targets, comparison);
    const status = {
      ...comparedStatus(app, loaded.source, comparison, conditions, manager.now()),
      ...reconciledAt(loaded.fresh, manager.now()),
    };
    return this.#operate(
      app,
      { ...refreshed, status },
      { loaded: loaded.source, comparison, targets },
      context,
    );
  }

  /** What Git wants: asked anew when somebody asks for it, the spec changed, or it is time; else as known. */
  async #load(
    app: Application,
    memory: Memory,
    signal: AbortSignal,
  ): Promise<{ source: LoadedSource | undefined; fresh: boolean }> {
    const { loader, manager, random } = this.#options;
    const refresh = refreshRequest(app);
    const now = manager.now().getTime();
    const last = loader.last(app);
    const isDue = now >= memory.nextCheck || !isComparedToSpec(app);
    if (refresh === undefined && !isDue && (last !== undefined || memory.failure !== undefined)) {
      return { source: memory.failure === undefined ? last : undefined, fresh: false };
    }
    try {
      const source = await loader.load(app, { hard: refresh === "hard", signal });
      memory.failure = undefined;
      memory.nextCheck =
        now +
        (source.stale === undefined ? REFRESH_INTERVAL_MS + random() * REFRESH_JITTER_MS : RETRY_GIT_MS);
      return { source, fresh: true };
    } catch (error) {
      if (!(error instanceof GitError) && !(error instanceof SourceError)) throw error;
      memory.failure = { type: "ComparisonError", message: `Failed to load target state: ${error.message}` };
      memory.nextCheck =
        now + (error instanceof GitError ? RETRY_GIT_MS : REFRESH_INTERVAL_MS + random() * REFRESH_JITTER_MS);
      return { source: undefined, fresh: true };
    }
  }

  async #targets(app: Application, loaded: LoadedSource, memory: Memory): Promise<Targets> {
    const { namespace } = app.spec.destination;
    const known = memory.targets;
    if (known !== undefined && known.loaded.manifests === loaded.manifests && known.namespace === namespace)
      return known.result;
    const { manager, controlNamespace } = this.#options;
    const result = await prepareTargets(app, loaded.manifests, manager.client, controlNamespace);
    // A kind that is unknown now may be known the next time.
    memory.targets = result.items.every(({ type }) => type !== undefined)
      ? { loaded, namespace, result }
      : undefined;
    return result;
  }

  /** Starts, continues or ends an operation, and writes the status. */
  async #operate(
    before: Application,
    app: Application,
    known: Known,
    context: ComparisonContext,
  ): Promise<Result> {
    const now = this.#options.manager.now();
    const memory = this.#memoryOf(app);
    let state = app.status?.operationState;
    let requeueAfter: number | undefined;
    if (app.operation !== undefined) state = startOperation(app.operation, now);
    else if (state?.phase === "Terminating") {
      state = { ...state, phase: "Failed", message: "Operation terminated", finishedAt: formatTime(now) };
    } else if (state?.phase !== "Running" || isSuperseded(state.operation, known.loaded)) {
      const decision = decideAutoSync(
        { ...app, status: before.status ?? {} },
        known.loaded,
        known.comparison,
        memory.heal,
        now,
      );
      if (decision.operation !== undefined) state = startOperation(decision.operation, now);
      if (decision.heal !== undefined) memory.heal = decision.heal;
      if (decision.condition !== undefined) app = withCondition(app, before, decision.condition, now);
      requeueAfter = decision.requeueAfter;
    } else requeueAfter = retryWait(state, now);
    const { operation: _, ...rest } = app;
    let current = await this.#write(
      before,
      { ...rest, status: { ...app.status, ...(state === undefined ? {} : { operationState: state }) } },
      context.signal,
    );
    if (state?.phase === "Running" && (requeueAfter === undefined || requeueAfter === 0)) {
      current = await this.#runPass(current, known, context);
      requeueAfter = AFTER_SYNC_MS;
    }
    return this.#wait(memory, requeueAfter);
  }

  async #runPass(app: Application, known: Known, context: ComparisonContext): Promise<Application> {
    const { manager } = this.#options;
    const state = app.status?.operationState;
    if (state === undefined) return app;
    const { sync = {} } = state.operation;
    const selected = selectedResources(
      state.operation,
      app.spec.destination.namespace ?? "",
      known.comparison,
    );
    let { loaded, comparison, targets } = known;
    try {
      if (sync.revision !== undefined && sync.revision !== "" && sync.revision !== loaded.revision) {
        loaded = await this.#options.loader.load(app, {
          hard: false,
          revision: sync.revision,
          signal: context.signal,
        });
        targets = await prepareTargets(app, loaded.manifests, manager.client, context.controlNamespace);
        comparison = await compareApplication(app, targets.items, context);
      }
    } catch (error) {
      if (!(error instanceof GitError) && !(error instanceof SourceError)) throw error;
      return this.#finish(
        app,
        finishPass(state, { phase: "Error", message: error.message, resources: [] }, loaded, manager.now()),
        context.signal,
      );
    }
    const outcome = await syncApplication({
      app,
      targets: targets.items,
      comparison,
      prune: sync.prune === true && loaded.stale === undefined,
      dryRun: sync.dryRun === true,
      selected,
      syncOptions: new Set(sync.syncOptions ?? app.spec.syncPolicy?.syncOptions ?? []),
      client: context.client,
      signal: context.signal,
    });
    return this.#finish(app, finishPass(state, outcome, loaded, manager.now()), context.signal);
  }

  #finish(
    app: Application,
    state: NonNullable<ApplicationStatus["operationState"]>,
    signal: AbortSignal,
  ): Promise<Application> {
    const status = { ...app.status, operationState: state };
    return this.#write(
      app,
      { ...app, status: { ...status, history: historyAfter(app, status, state) } },
      signal,
    );
  }

  async #delete(app: Application, context: ComparisonContext): Promise<Result | void> {
    const finalizer = resourcesFinalizer(app);
    if (finalizer === undefined) return;
    const left = await deleteResources(app, finalizer, context);
    if (left > 0) return { requeueAfter: DELETION_CHECK_MS };
    await removeFinalizer(context.client, Application, app, finalizer);
  }

  async #write(before: Application, after: Application, signal: AbortSignal): Promise<Application> {
    const patch = createMergePatch(writable(before), writable(after));
    if (patch === undefined) return after;
    const written = await this.#options.manager.client.patch(
      Application,
      keyOf(before),
      { type: "merge", body: patch },
      { fieldManager: STATUS_MANAGER, signal },
    );
    this.#memoryOf(before).written = written;
    return written;
  }

  #wait(memory: Memory, requeueAfter?: number): Result {
    const untilCheck = Math.max(0, memory.nextCheck - this.#options.manager.now().getTime());
    return { requeueAfter: Math.min(untilCheck, requeueAfter ?? untilCheck) };
  }

  #memoryOf(app: KubernetesObject): Memory {
    const uid = app.metadata.uid ?? "";
    const known = this.#memory.get(uid);
    if (known !== undefined) return known;
    const memory: Memory = { nextCheck: 0 };
    this.#memory.set(uid, memory);
    this.#uids.set(`${app.metadata.namespace}/${app.metadata.name}`, uid);
    return memory;
  }

  #forget(key: ObjectKey): void {
    const name = `${key.namespace}/${key.name}`;
    const uid = this.#uids.get(name);
    if (uid === undefined) return;
    this.#uids.delete(name);
    this.#memory.delete(uid);
    this.#options.loader.forget(uid);
    this.#options.oracle.forget({ uid });
  }
}

interface Known {
  loaded: LoadedSource;
  comparison: Comparison;
  targets: Targets;
}

function reconciledAt(fresh: boolean, now: Date): Pick<ApplicationStatus, "reconciledAt"> {
  return fresh ? { reconciledAt: formatTime(now) } : {};
}

/** A newer commit ends the wait of an automated sync for an older one: it may be the fix. */
function isSuperseded(operation: NonNullable<Application["operation"]>, loaded: LoadedSource): boolean {
  return operation.initiatedBy?.automated === true && operation.sync?.revision !== loaded.revision;
}

function withCondition(
  app: Application,
  before: Application,
  condition: ApplicationCondition,
  now: Date,
): Application {
  const same = before.status?.conditions?.find(
    ({ type, message }) => type === condition.type && message === condition.message,
  );
  const timed = { ...condition, lastTransitionTime: same?.lastTransitionTime ?? formatTime(now) };
  return { ...app, status: { ...app.status, conditions: [...(app.status?.conditions ?? []), timed] } };
}

function writable({ metadata, operation, status }: Application): Record<string, unknown> {
  return { metadata: { annotations: metadata.annotations ?? {} }, operation, status };
}
