/** Removing what works applied: only on the word of a hub or of somebody at the site, never because something is missing. */
import { type ResourceType, type UnstructuredObject, isStatus, keyOf } from "@ai-edge/apimachinery";
import {
  AppliedManifestWork,
  type AppliedWorkResource,
  type ManifestWork,
  type ManifestWorkDeleteOption,
} from "@ai-edge/api";
import type { Client } from "@ai-edge/client";
import { type Manager, hasFinalizer, removeFinalizer } from "@ai-edge/runtime";
import { deleteIfFound } from "../delete-if-found.ts";
import { FINALIZER_APPLIED_WORK } from "../names.ts";
import { find } from "./apply.ts";
import { saveResources } from "./applied-work.ts";
import { identifies } from "./manifest.ts";

/** Objects with finalizers take their time; nothing tells us when one of an unknown kind is gone. */
const REMAINING_CHECK_MS = 500;

/** The type of a resource as an AppliedManifestWork lists it. Its kind is not in the list and not needed in URLs. */
function typeOf({
  group = "",
  version,
  resource,
  namespace,
}: AppliedWorkResource): ResourceType<UnstructuredObject> {
  return { group, version, kind: "", plural: resource, namespaced: namespace !== undefined };
}

/**
 * Deletes one applied object, unless it is another one of that name by now or another work owns it too.
 * @returns false while the object is still there
 */
export async function removeResource(
  client: Client,
  resource: AppliedWorkResource,
  owner: AppliedManifestWork,
): Promise<boolean> {
  const type = typeOf(resource);
  const { namespace, name, uid } = resource;
  const key = namespace === undefined ? { name } : { namespace, name };
  const live = await find(client, { type, key });
  if (live === undefined || (uid !== undefined && live.metadata.uid !== uid)) return true;
  const others = (live.metadata.ownerReferences ?? []).filter(
    (reference) => reference.kind === AppliedManifestWork.kind && reference.uid !== owner.metadata.uid,
  );
  if (others.length > 0) {
    await disown(client, type, live, owner);
    return true;
  }
  if (live.metadata.deletionTimestamp !== undefined) return false;
  const preconditions = live.metadata.uid === undefined ? {} : { uid: live.metadata.uid };
  await deleteIfFound(client, type, key, { propagationPolicy: "Background", preconditions });
  return (await find(client, { type, key })) === undefined;
}

/** Prepares the removal of a work: what its delete option orphans is not listed and not owned any more. */
export async function releaseOrphans(
  client: Client,
  work: ManifestWork,
  applied: AppliedManifestWork,
): Promise<void> {
  const resources = applied.status?.appliedResources ?? [];
  const orphans = resources.filter((resource) => isOrphaned(work.spec.deleteOption, resource));
  for (const orphan of orphans) {
    const { namespace, name } = orphan;
    const type = typeOf(orphan);
    const live = await find(client, { type, key: namespace === undefined ? { name } : { namespace, name } });
    if (live !== undefined) await disown(client, type, live, applied);
  }
  await saveResources(
    client,
    applied,
    resources.filter((resource) => !orphans.includes(resource)),
  );
}

/** Whether a work's delete option leaves an object at the cluster. */
export function isOrphaned(
  option: ManifestWorkDeleteOption | undefined,
  resource: AppliedWorkResource,
): boolean {
  if (option?.propagationPolicy === "Orphan") return true;
  if (option?.propagationPolicy !== "SelectivelyOrphan") return false;
  const { group = "", resource: plural, namespace, name } = resource;
  const key = namespace === undefined ? { name } : { namespace, name };
  return (option.selectivelyOrphans?.orphaningRules ?? []).some((rule) =>
    identifies(rule, { group, plural }, key),
  );
}

/** Takes an owner from an object, so that the garbage collector leaves it. */
async function disown(
  client: Client,
  type: ResourceType<UnstructuredObject>,
  live: UnstructuredObject,
  owner: AppliedManifestWork,
): Promise<void> {
  const references = live.metadata.ownerReferences ?? [];
  const ownerReferences = references.filter(({ uid }) => uid !== owner.metadata.uid);
  if (ownerReferences.length === references.length) return;
  const { resourceVersion } = live.metadata;
  const body = {
    metadata: { resourceVersion, ownerReferences: ownerReferences.length === 0 ? null : ownerReferences },
  };
  await client.patch(type, keyOf(live), { type: "merge", body });
}

/** Cleans up after AppliedManifestWorks that are being deleted: by the work agent, or by hand at the site. */
export function addAppliedWorkController(edge: Manager): void {
  const informer = edge.informer(AppliedManifestWork);
  edge.addController({
    name: "applied-manifest-work",
    for: AppliedManifestWork,
    filter: ({ metadata }) => metadata.deletionTimestamp !== undefined,
    reconcile: async (key, { logger }) => {
      const applied = informer.store.get(key);
      if (applied?.metadata.deletionTimestamp === undefined || !hasFinalizer(applied, FINALIZER_APPLIED_WORK))
        return;
      let remaining = 0;
      // What was applied last is removed first: a namespace goes after what is in it.
      for (const resource of (applied.status?.appliedResources ?? []).toReversed()) {
        if (!(await removeResource(edge.client, resource, applied))) remaining += 1;
      }
      if (remaining > 0) return { requeueAfter: REMAINING_CHECK_MS };
      try {
        await removeFinalizer(edge.client, AppliedManifestWork, applied, FINALIZER_APPLIED_WORK);
      } catch (error) {
        if (!isStatus(error, "NotFound")) throw error;
      }
      logger.info({ work: applied.spec.manifestWorkName }, "the objects of a work were removed");
    },
  });
}
