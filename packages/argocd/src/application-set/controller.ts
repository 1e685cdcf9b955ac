import {
  Application,
  ApplicationSet,
  type ApplicationSetCondition,
  type ApplicationSetStatus,
  ConfigMap,
  LABEL_ARGOCD_SECRET_TYPE,
  Secret,
} from "@ai-edge/api";
import { controllerOf, deepEqual, formatTime, isStatus, keyOf, type ObjectKey } from "@ai-edge/apimachinery";
import {
  type ControllerHandle,
  type Manager,
  patchStatus,
  type ReconcileContext,
  type Result,
} from "@ai-edge/runtime";
import { DecisionSource } from "./decision-generator.ts";
import { generateApplications, type Generated } from "./generate.ts";
import { GeneratorError } from "./generator-error.ts";

const FIELD_MANAGER = "argocd-applicationset-controller";
/** An Application has to be unwanted for this long: decisions move between pages one write after the other (ocm#1346). */
const REMOVAL_GRACE_MS = 2_000;
/** Fallback when a watch missed something; upstream polls every 3 min. */
const DEFAULT_REQUEUE_MS = 180_000;
const INDEX = "argocd-applicationset";
const CLUSTER_SECRETS = { labelSelector: `${LABEL_ARGOCD_SECRET_TYPE}=cluster` };

function bySet(application: Application): string[] {
  const owner = controllerOf(application);
  return owner?.kind === "ApplicationSet" ? [owner.uid] : [];
}

/** Argo CD's ApplicationSet controller: one Application per decision or list element. */
export function applicationSetController(manager: Manager): ControllerHandle {
  const sets = () => manager.informer(ApplicationSet).store;
  const inNamespace = (namespace: string | undefined): ObjectKey[] => sets().list({ namespace }).map(keyOf);
  const source = new DecisionSource(manager, (namespace) => {
    for (const key of inNamespace(namespace)) handle.enqueue(key);
  });
  const reconciler = new ApplicationSetReconciler(manager, source);
  const handle = manager.addController<ApplicationSet>({
    name: "applicationset",
    for: ApplicationSet,
    owns: [Application],
    watches: [
      { type: Secret, options: CLUSTER_SECRETS, map: ({ metadata }) => inNamespace(metadata.namespace) },
      {
        type: ConfigMap,
        map: ({ metadata }) =>
          sets()
            .list({ namespace: metadata.namespace })
            .filter((set) =>
              set.spec.generators.some(
                (generator) => generator.clusterDecisionResource?.configMapRef === metadata.name,
              ),
            )
            .map(keyOf),
      },
    ],
    reconcile: (key, context) => reconciler.reconcile(key, context),
  });
  return handle;
}

class ApplicationSetReconciler {
  readonly #manager: Manager;
  readonly #source: DecisionSource;
  /** Since when an Application (by uid) is unwanted, milliseconds since the epoch. */
  readonly #unwanted = new Map<string, number>();

  constructor(manager: Manager, source: DecisionSource) {
    this.#manager = manager;
    this.#source = source;
  }

  async reconcile(key: ObjectKey, context: ReconcileContext): Promise<Result | void> {
    const set = this.#manager.informer(ApplicationSet).store.get(key);
    if (set === undefined || set.metadata.deletionTimestamp !== undefined) return;
    const secrets = this.#manager.informer(Secret, CLUSTER_SECRETS);
    await secrets.synced;
    try {
      const generated = await generateApplications(
        set,
        this.#source,
        secrets.store.list({ namespace: set.metadata.namespace }),
      );
      const { problems, requeueAfter } = await this.#bring(set, generated, context.signal);
      await this.#report(set, problems, generated, context.signal);
      return { requeueAfter: requeueAfter ?? requeuePeriod(set) };
    } catch (error) {
      if (!(error instanceof GeneratorError)) throw error;
      // Nobody can say what should be there, so everything that is there stays.
      await this.#report(set, [error.message], undefined, context.signal);
      return { requeueAfter: requeuePeriod(set) };
    }
  }

  async #bring(
    set: ApplicationSet,
    generated: Generated,
    signal: AbortSignal,
  ): Promise<{ problems: string[]; requeueAfter?: number }> {
    const informer = this.#manager.informer(Application, { indexes: { [INDEX]: bySet } });
    await informer.synced;
    const owned = informer.store.byIndex(INDEX, set.metadata.uid ?? "");
    const policy = set.spec.syncPolicy?.applicationsSync ?? "sync";
    const problems: string[] = [];
    for (const name of generated.held)
      problems.push(
        `Application ${name}: its cluster has no Argo CD cluster Secret; nothing is made or changed for it`,
      );
    for (const application of generated.applications) {
      const existing = informer.store.get(keyOf(application));
      if (existing !== undefined && controllerOf(existing)?.uid !== set.metadata.uid) {
        problems.push(`Application ${application.metadata.name} exists and belongs to somebody else`);
      } else if (existing === undefined || (updates(policy) && !isCovered(existing, application))) {
        await this.#manager.client.apply(Application, application, {
          fieldManager: FIELD_MANAGER,
          force: true,
          signal,
        });
      }
    }
    const wanted = new Set([
      ...generated.applications.map(({ metadata }) => metadata.name),
      ...generated.held,
    ]);
    for (const { metadata } of owned)
      if (wanted.has(metadata.name)) this.#unwanted.delete(metadata.uid ?? "");
    if (policy === "create-only" || policy === "create-update") return { problems };
    const requeueAfter = await this.#remove(
      owned.filter(({ metadata }) => !wanted.has(metadata.name)),
      signal,
    );
    return { problems, ...(requeueAfter === undefined ? {} : { requeueAfter }) };
  }

  /** @returns when to look again, if something is not unwanted for long enough yet */
  async #remove(unwanted: readonly Application[], signal: AbortSignal): Promise<number | undefined> {
    const now = this.#manager.now().getTime();
    let waiting = false;
    for (const application of unwanted) {
      const { uid = "", deletionTimestamp } = application.metadata;
      if (deletionTimestamp !== undefined) continue;
      const since = this.#unwanted.get(uid);
      if (since === undefined) this.#unwanted.set(uid, now);
      if (since === undefined || now - since < REMOVAL_GRACE_MS) {
        waiting = true;
        continue;
      }
      try {
        await this.#manager.client.delete(Application, keyOf(application), {
          preconditions: { uid },
          signal,
        });
        this.#unwanted.delete(uid);
      } catch (error) {
        if (!isStatus(error, "NotFound", "Conflict")) throw error;
      }
    }
    return waiting ? REMOVAL_GRACE_MS : undefined;
  }

  async #report(
    set: ApplicationSet,
    problems: readonly string[],
    generated: Generated | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const now = this.#manager.now();
    const status: ApplicationSetStatus = {
      ...set.status,
      conditions: conditionsOf(set, problems, generated !== undefined, now),
      ...(generated === undefined
        ? {}
        : { resourcesCount: generated.applications.length, resources: this.#resources(generated) }),
    };
    await patchStatus(this.#manager.client, ApplicationSet, set, { ...set, status }, { signal });
  }

  #resources(generated: Generated): NonNullable<ApplicationSetStatus["resources"]> {
    const { store } = this.#manager.informer(Application, { indexes: { [INDEX]: bySet } });
    return generated.applications
      .map((application) => {
        const { namespace = "", name } = application.metadata;
        const { health, sync } = store.get({ namespace, name })?.status ?? {};
        return {
          group: Application.group,
          version: Application.version,
          kind: Application.kind,
          namespace,
          name,
          ...(sync === undefined ? {} : { status: sync.status }),
          ...(health === undefined ? {} : { health }),
        };
      })
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }
}

function updates(policy: string): boolean {
  return policy === "sync" || policy === "create-update";
}

/** Whether an Application already is as generated; labels and annotations of others do not count. */
function isCovered(existing: Application, wanted: Application): boolean {
  const has = (all: Record<string, string> | undefined, some: Record<string, string> | undefined) =>
    Object.entries(some ?? {}).every(([key, value]) => all?.[key] === value);
  return (
    deepEqual(existing.spec, wanted.spec) &&
    has(existing.metadata.labels, wanted.metadata.labels) &&
    has(existing.metadata.annotations, wanted.metadata.annotations) &&
    (wanted.metadata.finalizers ?? []).every((finalizer) => existing.metadata.finalizers?.includes(finalizer))
  );
}

/** The shortest wish of the generators, in milliseconds. */
function requeuePeriod(set: ApplicationSet): number {
  const seconds = set.spec.generators
    .map((generator) => generator.clusterDecisionResource?.requeueAfterSeconds ?? 0)
    .filter((period) => period > 0);
  return seconds.length === 0 ? DEFAULT_REQUEUE_MS : Math.min(...seconds) * 1_000;
}

function conditionsOf(
  set: ApplicationSet,
  problems: readonly string[],
  isGenerated: boolean,
  now: Date,
): ApplicationSetCondition[] {
  const message = problems.join("; ");
  const failed = problems.length > 0;
  const wanted: ApplicationSetCondition[] = [
    {
      type: "ErrorOccurred",
      status: failed ? "True" : "False",
      reason: failed ? "ApplicationGenerationFromParamsError" : "ApplicationSetUpToDate",
      message: failed ? message : "All applications have been generated successfully",
    },
    {
      type: "ParametersGenerated",
      status: isGenerated ? "True" : "False",
      reason: isGenerated ? "ParametersGenerated" : "ErrorOccurred",
      message: isGenerated ? "Successfully generated parameters for all Applications" : message,
    },
    {
      type: "ResourcesUpToDate",
      status: failed ? "False" : "True",
      reason: failed ? "ApplicationGenerationFromParamsError" : "ApplicationSetUpToDate",
      message: failed ? message : "All applications have been generated successfully",
    },
  ];
  return wanted.map((condition) => {
    const before = set.status?.conditions?.find(({ type }) => type === condition.type);
    const isSame = before?.status === condition.status && before.message === condition.message;
    return {
      ...condition,
      lastTransitionTime: (isSame ? before.lastTransitionTime : undefined) ?? formatTime(now),
    };
  });
}
