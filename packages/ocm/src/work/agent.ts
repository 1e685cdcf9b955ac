/**
 * The work agent (upstream: pkg/work/spoke): applies the ManifestWorks of the cluster's namespace at the hub to the
 * cluster, and reports back. It deletes only what the hub says to delete: a work with a deletion timestamp, or a
 * manifest that left a work which it has seen in its former version. A work that has vanished, a hub that is empty,
 * restored or another one, change nothing at the site.
 */
import { type ObjectKey, keyOf } from "@ai-edge/apimachinery";
import {
  AppliedManifestWork,
  type AppliedWorkResource,
  type ManagedCluster,
  ManifestWork,
} from "@ai-edge/api";
import {
  type ControllerHandle,
  type Informer,
  type Manager,
  type ReconcileContext,
  type Result,
  addFinalizer,
  hasFinalizer,
  patchStatus,
  removeFinalizer,
} from "@ai-edge/runtime";
import { deleteIfFound } from "../delete-if-found.ts";
import { FINALIZER_WORK } from "../names.ts";
import {
  ANNOTATION_HELD,
  type AppliedRecord,
  ensureAppliedWork,
  findAppliedWork,
  hubHashOf,
  ownerReferenceOf,
  recordOf,
  saveApplied,
  saveResources,
  specHashOf,
} from "./applied-work.ts";
import { applyErrorText, applyManifest, find, needsApply } from "./apply.ts";
import { type EdgeObjects, edgeObjects } from "./edge-objects.ts";
import { type ResolvedManifest, idOf, identityOf, resolveManifests } from "./manifest.ts";
import { addAppliedWorkController, isOrphaned, releaseOrphans, removeResource } from "./removal.ts";
import { invalidReason } from "./validation.ts";
import { type ManifestOutcome, heldStatus, workStatus } from "./work-status.ts";

/** On a ManifestWork at the hub: "true" accepts it although the site has applied a newer version of it. */
export const ANNOTATION_ACCEPT_RESTORED = "aiedge.dev/accept-restored";

/** Upstream's; changes arrive by watches. */
const RESYNC_MS = 4 * 60_000;
const CONCURRENCY = 4;
/** Changes of a work's objects within this time travel as one status. */
const COALESCE_MS = 100;

export interface WorkAgentOptions {
  cluster: string;
  hub: Manager;
  edge: Manager;
  /** The cluster's own ManagedCluster at the hub. */
  clusters: Informer<ManagedCluster>;
}

/** Runs the agent; `resume` makes every work due, for when the hub is back. */
export function addWorkAgent(options: WorkAgentOptions): { resume(): void } {
  return new WorkAgent(options);
}

class WorkAgent {
  readonly #cluster: string;
  readonly #hub: Manager;
  readonly #edge: Manager;
  readonly #clusters: Informer<ManagedCluster>;
  readonly #works: Informer<ManifestWork>;
  readonly #applieds: Informer<AppliedManifestWork>;
  readonly #objects: EdgeObjects;
  readonly #controller: ControllerHandle;
  /** When the status of a work was last written. */
  readonly #reported = new Map<string, number>();

  constructor({ cluster, hub, edge, clusters }: WorkAgentOptions) {
    this.#cluster = cluster;
    this.#hub = hub;
    this.#edge = edge;
    this.#clusters = clusters;
    this.#works = hub.informer(ManifestWork, { namespace: cluster });
    this.#applieds = edge.informer(AppliedManifestWork);
    this.#controller = hub.addController({
      name: "manifest-work",
      for: ManifestWork,
      options: { namespace: cluster },
      concurrency: CONCURRENCY,
      resyncPeriod: RESYNC_MS,
      reconcile: (key, context) => this.#reconcile(key, context),
    });
    this.#objects = edgeObjects(edge, (name) => this.#due(name));
    this.#applieds.onEvent(({ object }) => this.#due(object.spec.manifestWorkName));
    clusters.onEvent(({ type }) => {
      if (type === "added") this.resume();
    });
    addAppliedWorkController(edge);
  }

  resume(): void {
    for (const { metadata } of this.#works.store.list()) this.#due(metadata.name);
  }

  #due(name: string): void {
    this.#controller.enqueue({ namespace: this.#cluster, name });
  }

  async #reconcile(key: ObjectKey, context: ReconcileContext): Promise<Result | void> {
    await Promise.all([this.#clusters.synced, this.#applieds.synced]);
    const uid = this.#clusters.store.get({ name: this.#cluster })?.metadata.uid;
    // A hub that does not know this cluster has nothing to say about it.
    if (uid === undefined) return;
    const hubHash = hubHashOf(uid);
    const work = this.#works.store.get(key);
    if (work === undefined) {
      this.#objects.follow(key.name, []);
      this.#reported.delete(key.name);
      return this.#hold(key.name, context);
    }
    if (work.metadata.deletionTimestamp !== undefined) return this.#finish(work, hubHash);
    const wait = (this.#reported.get(key.name) ?? 0) + COALESCE_MS - Date.now();
    if (wait > 0) return { requeueAfter: wait };
    const guarded = await addFinalizer(this.#hub.client, ManifestWork, work, FINALIZER_WORK);
    await this.#apply(guarded, hubHash, context);
  }

  async #apply(work: ManifestWork, hubHash: string, { signal, logger }: ReconcileContext): Promise<void> {
    const applied = await ensureAppliedWork(this.#edge.client, hubHash, work.metadata.name);
    if (applied.metadata.deletionTimestamp !== undefined) return; // Its end makes the work due again.
    const before = recordOf(applied);
    const held = holdReason(work, before);
    if (held !== undefined) {
      logger.warn({ work: work.metadata.name }, held.message);
      await this.#report(work, heldStatus(work, held.reason, held.message, this.#hub.now()));
      return;
    }
    const { resolved, unresolved } = await resolveManifests(this.#edge.client, work);
    this.#objects.follow(work.metadata.name, resolved);
    const outcomes: ManifestOutcome[] = unresolved.map((item) => ({
      item,
      error: applyErrorText(item.error),
      live: undefined,
    }));
    const resources: AppliedWorkResource[] = [];
    const hashes: Record<string, string> = {};
    for (const item of resolved) {
      const outcome = await this.#applyOne(work, applied, item, before, signal);
      outcomes.push(outcome);
      const identity = identityOf(item);
      if (outcome.error === undefined) hashes[idOf(identity)] = item.hash;
      const uid = outcome.live?.metadata.uid;
      const listed = applied.status?.appliedResources?.find((resource) => idOf(resource) === idOf(identity));
      // What cannot be read now is not forgotten.
      const known = uid === undefined ? listed : { ...identity, uid };
      if (known !== undefined && item.config?.updateStrategy?.type !== "ReadOnly") resources.push(known);
    }
    const failures = outcomes.filter(({ error }) => error !== undefined).length;
    const left = leftOver(applied, resources, resolved);
    // Nothing goes before all that replaces it is there, and nothing of a work that only shares the name.
    const mayRemove = failures === 0 && (before === undefined || before.workUid === work.metadata.uid);
    const kept = mayRemove ? await this.#removeAll(applied, left, work) : left;
    const record: AppliedRecord = {
      workUid: work.metadata.uid ?? "",
      generation: work.metadata.generation ?? 0,
      specHash: specHashOf(work),
      manifests: hashes,
    };
    await saveApplied(
      this.#edge.client,
      applied,
      failures === 0 ? record : { ...record, manifests: { ...before?.manifests, ...hashes } },
      [...resources, ...kept],
    );
    if (failures === 0) await this.#adopt(work, applied);
    await this.#report(work, workStatus(work, outcomes, this.#hub.now()));
    if (failures > 0)
      throw new Error(
        `${failures} of ${outcomes.length} manifests of the work ${work.metadata.name} are not applied`,
      );
  }

  async #applyOne(
    work: ManifestWork,
    applied: AppliedManifestWork,
    item: ResolvedManifest,
    before: AppliedRecord | undefined,
    signal: AbortSignal,
  ): Promise<ManifestOutcome> {
    const identity = identityOf(item);
    const owner = isOrphaned(work.spec.deleteOption, identity) ? undefined : ownerReferenceOf(applied);
    const changed = before?.workUid !== work.metadata.uid || before?.manifests[idOf(identity)] !== item.hash;
    let live: ManifestOutcome["live"];
    try {
      live = await this.#objects.get(item.type, item.key);
      if (!needsApply({ item, owner, changed }, live)) return { item, error: undefined, live };
      await applyManifest(this.#edge.client, { item, owner, changed }, signal);
      live = await find(this.#edge.client, item, signal);
      return { item, error: undefined, live };
    } catch (error) {
      signal.throwIfAborted();
      return { item, error: applyErrorText(error), live };
    }
  }

  /** Removes what left the work. @returns what is still there */
  async #removeAll(
    applied: AppliedManifestWork,
    resources: readonly AppliedWorkResource[],
    work: ManifestWork,
  ): Promise<AppliedWorkResource[]> {
    const kept: AppliedWorkResource[] = [];
    for (const resource of resources) {
      if (isOrphaned(work.spec.deleteOption, resource)) continue;
      if (!(await removeResource(this.#edge.client, resource, applied))) kept.push(resource);
    }
    return kept;
  }

  /** Takes over what an earlier hub's work of the same name left, once all of it is in this one. */
  async #adopt(work: ManifestWork, applied: AppliedManifestWork): Promise<void> {
    const { name } = work.metadata;
    const others = this.#applieds.store
      .list()
      .filter(
        ({ spec, metadata }) => spec.manifestWorkName === name && metadata.uid !== applied.metadata.uid,
      );
    for (const other of others) {
      const current = await findAppliedWork(this.#edge.client, applied.metadata.name);
      const ids = new Set((current?.status?.appliedResources ?? []).map(idOf));
      if (!(other.status?.appliedResources ?? []).every((resource) => ids.has(idOf(resource)))) continue;
      await saveResources(this.#edge.client, other, []);
      await deleteIfFound(this.#edge.client, AppliedManifestWork, keyOf(other));
    }
  }

  /** The hub deletes the work: its objects go, except those that it orphans, and then its finalizer. */
  async #finish(work: ManifestWork, hubHash: string): Promise<void> {
    if (!hasFinalizer(work, FINALIZER_WORK)) return;
    const applied = await findAppliedWork(this.#edge.client, `${hubHash}-${work.metadata.name}`);
    if (applied === undefined) {
      this.#objects.follow(work.metadata.name, []);
      await removeFinalizer(this.#hub.client, ManifestWork, work, FINALIZER_WORK);
      return;
    }
    // Its end makes the work due again.
    if (applied.metadata.deletionTimestamp !== undefined) return;
    await releaseOrphans(this.#edge.client, work, applied);
    await deleteIfFound(this.#edge.client, AppliedManifestWork, keyOf(applied));
  }

  /** The work is not at the hub, and nobody said that it was deleted: what it applied stays and says so. */
  async #hold(name: string, { logger }: ReconcileContext): Promise<void> {
    for (const applied of this.#applieds.store.list()) {
      const { metadata, spec } = applied;
      if (spec.manifestWorkName !== name || metadata.deletionTimestamp !== undefined) continue;
      if (metadata.annotations?.[ANNOTATION_HELD] !== undefined) continue;
      const message =
        `the hub has no ManifestWork ${name} any more and never said that it was deleted: its objects stay. ` +
        `To remove them: kubectl delete appliedmanifestwork ${metadata.name}`;
      logger.warn({ work: name }, message);
      const body = { metadata: { annotations: { [ANNOTATION_HELD]: message } } };
      await this.#edge.client.patch(AppliedManifestWork, keyOf(applied), { type: "merge", body });
    }
  }

  async #report(work: ManifestWork, status: ManifestWork["status"]): Promise<void> {
    this.#reported.set(work.metadata.name, Date.now());
    await patchStatus(this.#hub.client, ManifestWork, work, {
      ...work,
      status: { ...work.status, ...status },
    });
  }
}

/** What is listed as applied and is not in the work now. */
function leftOver(
  applied: AppliedManifestWork,
  resources: readonly AppliedWorkResource[],
  resolved: readonly ResolvedManifest[],
): AppliedWorkResource[] {
  const current = new Set([...resources, ...resolved.map(identityOf)].map(idOf));
  return (applied.status?.appliedResources ?? []).filter((resource) => !current.has(idOf(resource)));
}

/** Why a work is not applied as it is now; what it applied before stays. */
function holdReason(
  work: ManifestWork,
  before: AppliedRecord | undefined,
): { reason: string; message: string } | undefined {
  const invalid = invalidReason(work);
  if (invalid !== undefined) return { reason: "InvalidManifestWork", message: invalid };
  const restored = restoredFrom(work, before);
  return restored === undefined ? undefined : { reason: "HubRestored", message: restored };
}

/** Why a work must be from an older state of the hub than the one applied here; undefined if it is not. */
function restoredFrom(work: ManifestWork, before: AppliedRecord | undefined): string | undefined {
  const { uid, generation = 0, annotations } = work.metadata;
  if (before === undefined || before.workUid !== uid || annotations?.[ANNOTATION_ACCEPT_RESTORED] === "true")
    return undefined;
  const older =
    generation < before.generation ||
    (generation === before.generation && specHashOf(work) !== before.specHash);
  if (!older) return undefined;
  return (
    `the hub was restored from an older state: it has generation ${generation} of this work, the cluster has applied ${before.generation}. ` +
    `The cluster keeps what it has; to accept the older version annotate the work with ${ANNOTATION_ACCEPT_RESTORED}=true`
  );
}
