import { ANNOTATION_REFRESH, Application, ManagedCluster, ManifestWork } from "@ai-edge/api";
import {
  createMergePatch,
  deepEqual,
  formatTime,
  isStatus,
  keyOf,
  type ObjectKey,
} from "@ai-edge/apimachinery";
import {
  type ControllerHandle,
  type Manager,
  type ReconcileContext,
  removeFinalizer,
  type Result,
} from "@ai-edge/runtime";
import { resourcesFinalizer } from "../application/deletion.ts";
import { ANNOTATION_REFRESH_TIMESTAMP } from "../application/refresh.ts";
import { feedbackOf, hubStatus } from "./feedback.ts";
import {
  ANNOTATION_HUB_NAME,
  ANNOTATION_HUB_NAMESPACE,
  buildWork,
  clusterOf,
  isPulled,
  workKeyOf,
} from "./work.ts";

const FIELD_MANAGER = "argocd-pull-integration";
/** What the site had started last when an operation was sent: a newer start means that it took it. */
const ANNOTATION_OPERATION_AFTER = "aiedge.dev/operation-after";
/** Works are not missing for long while their deletion waits for the site. */
const DELETION_CHECK_MS = 5_000;
const INDEX = "argocd-hub-application";

function byApplication(work: ManifestWork): string[] {
  const key = hubKeyOf(work);
  return key === undefined ? [] : [`${key.namespace}/${key.name}`];
}

function hubKeyOf({ metadata }: ManifestWork): ObjectKey | undefined {
  const namespace = metadata.annotations?.[ANNOTATION_HUB_NAMESPACE];
  const name = metadata.annotations?.[ANNOTATION_HUB_NAME];
  return namespace === undefined || name === undefined ? undefined : { namespace, name };
}

/**
 * OCM's pull model for Argo CD: a hub Application travels to its cluster in a ManifestWork, and the site's word on it
 * travels back into the hub Application's status.
 */
export function propagationController(manager: Manager): ControllerHandle {
  const ofCluster = (cluster: string): ObjectKey[] =>
    manager
      .informer(Application)
      .store.list()
      .filter((app) => isPulled(app) && clusterOf(app) === cluster)
      .map(keyOf);
  const works = manager.informer(ManifestWork, { indexes: { [INDEX]: byApplication } });
  const handle = manager.addController<Application>({
    name: "application-propagation",
    for: Application,
    watches: [{ type: ManagedCluster, map: ({ metadata }) => ofCluster(metadata.name) }],
    concurrency: 4,
    reconcile: (key, context) => reconcile(manager, key, context),
  });
  works.onEvent(({ object }) => {
    const key = hubKeyOf(object);
    if (key !== undefined) handle.enqueue(key);
  });
  return handle;
}

async function reconcile(
  manager: Manager,
  key: ObjectKey,
  { signal }: ReconcileContext,
): Promise<Result | void> {
  const works = manager.informer(ManifestWork, { indexes: { [INDEX]: byApplication } });
  await works.synced;
  await manager.informer(ManagedCluster).synced;
  const mine = works.store.byIndex(INDEX, `${key.namespace}/${key.name}`);
  const app = manager.informer(Application).store.get(key);
  if (app === undefined) return removeOrphans(manager, key, mine, signal);
  if (app.metadata.deletionTimestamp !== undefined) return removeWorks(manager, app, mine, signal);
  const wanted = isPulled(app) ? workKeyOf(app) : undefined;
  for (const work of mine) {
    const isWanted =
      wanted !== undefined &&
      work.metadata.namespace === wanted.namespace &&
      work.metadata.name === wanted.name;
    if (!isWanted) await deleteWork(manager, work, signal);
  }
  if (wanted === undefined) return;
  const cluster = clusterOf(app);
  if (manager.informer(ManagedCluster).store.get({ name: cluster }) === undefined) {
    const message = `ManagedCluster ${cluster} does not exist; the Application goes there as soon as it has joined`;
    return writeApplication(
      manager,
      app,
      {
        ...app,
        status: {
          ...app.status,
          conditions: [
            { type: "InvalidSpecError", message, lastTransitionTime: timeOf(app, message, manager.now()) },
          ],
        },
      },
      signal,
    );
  }
  const stamped = await withRefreshTimestamp(manager, app, signal);
  const work = await writeWork(manager, stamped, works.store.get(wanted), signal);
  await takeBack(manager, stamped, work, signal);
}

function timeOf(app: Application, message: string, now: Date): string {
  return (
    app.status?.conditions?.find((condition) => condition.message === message)?.lastTransitionTime ??
    formatTime(now)
  );
}

/** A refresh gets the time of its request, so that it can be told from the next one. */
async function withRefreshTimestamp(
  manager: Manager,
  app: Application,
  signal: AbortSignal,
): Promise<Application> {
  const annotations = app.metadata.annotations ?? {};
  if (
    annotations[ANNOTATION_REFRESH] === undefined ||
    annotations[ANNOTATION_REFRESH_TIMESTAMP] !== undefined
  )
    return app;
  const body = { metadata: { annotations: { [ANNOTATION_REFRESH_TIMESTAMP]: manager.now().toISOString() } } };
  return manager.client.patch(
    Application,
    keyOf(app),
    { type: "merge", body },
    { fieldManager: FIELD_MANAGER, signal },
  );
}

async function writeWork(
  manager: Manager,
  app: Application,
  existing: ManifestWork | undefined,
  signal: AbortSignal,
): Promise<ManifestWork> {
  const work = buildWork(app);
  if (app.operation !== undefined) {
    const known = existing?.metadata.annotations?.[ANNOTATION_OPERATION_AFTER];
    const before =
      known ?? (existing === undefined ? "" : (feedbackOf(existing).operationStateStartedAt ?? ""));
    work.metadata.annotations = { ...work.metadata.annotations, [ANNOTATION_OPERATION_AFTER]: before };
  }
  if (
    existing !== undefined &&
    deepEqual(existing.spec, work.spec) &&
    hasAnnotations(existing, work.metadata.annotations ?? {})
  )
    return existing;
  return manager.client.apply(ManifestWork, work, { fieldManager: FIELD_MANAGER, force: true, signal });
}

function hasAnnotations(work: ManifestWork, wanted: Record<string, string>): boolean {
  const present = work.metadata.annotations ?? {};
  const isDone =
    present[ANNOTATION_OPERATION_AFTER] !== undefined && wanted[ANNOTATION_OPERATION_AFTER] === undefined;
  return !isDone && Object.entries(wanted).every(([key, value]) => present[key] === value);
}

/** Writes the site's word into the hub Application, and takes back requests that the site has served. */
async function takeBack(
  manager: Manager,
  app: Application,
  work: ManifestWork,
  signal: AbortSignal,
): Promise<void> {
  const feedback = feedbackOf(work);
  const status = hubStatus(app, work, manager.now());
  const next: Application = status === undefined ? { ...app } : { ...app, status };
  const {
    [ANNOTATION_REFRESH]: refresh,
    [ANNOTATION_REFRESH_TIMESTAMP]: stamp,
    ...annotations
  } = app.metadata.annotations ?? {};
  if (refresh !== undefined && stamp !== undefined && feedback.refreshed === stamp)
    next.metadata = { ...app.metadata, annotations };
  const before = work.metadata.annotations?.[ANNOTATION_OPERATION_AFTER];
  const startedAt = feedback.operationStateStartedAt ?? "";
  if (app.operation !== undefined && before !== undefined && startedAt !== before) delete next.operation;
  await writeApplication(manager, app, next, signal);
}

async function writeApplication(
  manager: Manager,
  before: Application,
  after: Application,
  signal: AbortSignal,
): Promise<void> {
  const parts = ({ metadata, operation, status }: Application) => ({
    metadata: { annotations: metadata.annotations ?? {} },
    operation,
    status,
  });
  const patch = createMergePatch(parts(before), parts(after));
  if (patch !== undefined)
    await manager.client.patch(
      Application,
      keyOf(before),
      { type: "merge", body: patch },
      { fieldManager: FIELD_MANAGER, signal },
    );
}

/** The Application waits with its finalizer until its works, and with them what runs at the site, are gone. */
async function removeWorks(
  manager: Manager,
  app: Application,
  works: readonly ManifestWork[],
  signal: AbortSignal,
): Promise<Result | void> {
  for (const work of works) await deleteWork(manager, work, signal);
  if (works.length > 0) return { requeueAfter: DELETION_CHECK_MS };
  const finalizer = resourcesFinalizer(app);
  if (isPulled(app) && finalizer !== undefined)
    await removeFinalizer(manager.client, Application, app, finalizer);
}

/** Works whose Application is gone: asked of the server itself, because a local copy that lacks it proves nothing. */
async function removeOrphans(
  manager: Manager,
  key: ObjectKey,
  works: readonly ManifestWork[],
  signal: AbortSignal,
): Promise<void> {
  if (works.length === 0) return;
  try {
    await manager.client.get(Application, key, { signal });
  } catch (error) {
    if (!isStatus(error, "NotFound")) throw error;
    for (const work of works) await deleteWork(manager, work, signal);
  }
}

async function deleteWork(manager: Manager, work: ManifestWork, signal: AbortSignal): Promise<void> {
  if (work.metadata.deletionTimestamp !== undefined) return;
  try {
    await manager.client.delete(ManifestWork, keyOf(work), { signal });
  } catch (error) {
    if (!isStatus(error, "NotFound")) throw error;
  }
}
