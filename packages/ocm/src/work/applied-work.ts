/** AppliedManifestWorks: what a work applied here, kept at the cluster so that it outlives agent and hub. */
import { createHash } from "node:crypto";
import { type OwnerReference, isStatus, keyOf } from "@ai-edge/apimachinery";
import { AppliedManifestWork, type AppliedWorkResource, type ManifestWork } from "@ai-edge/api";
import type { Client } from "@ai-edge/client";
import { mergeDiff } from "@ai-edge/runtime";
import { FINALIZER_APPLIED_WORK } from "../names.ts";

/** What of a work was applied last; it survives restarts in an annotation. */
export interface AppliedRecord {
  workUid: string;
  generation: number;
  specHash: string;
  /** Hash of each manifest by the id of its object. */
  manifests: Record<string, string>;
}

const ANNOTATION_RECORD = "aiedge.dev/applied-work";
/** Says at the cluster why an AppliedManifestWork whose work has vanished is kept, and how to let it go. */
export const ANNOTATION_HELD = "aiedge.dev/held";
/** Hex digits: enough to tell the hubs of one site apart. */
const HASH_LENGTH = 16;

/** Names a hub by the UID of this cluster's ManagedCluster there: an emptied or other hub has another one. */
export function hubHashOf(managedClusterUid: string): string {
  return createHash("sha256").update(managedClusterUid).digest("hex").slice(0, HASH_LENGTH);
}

/** Changes with any field of a work's spec. */
export function specHashOf(work: ManifestWork): string {
  return createHash("sha256").update(JSON.stringify(work.spec)).digest("hex").slice(0, HASH_LENGTH);
}

/** The AppliedManifestWork of a work, made when missing. */
export async function ensureAppliedWork(
  client: Client,
  hubHash: string,
  work: string,
): Promise<AppliedManifestWork> {
  const name = `${hubHash}-${work}`;
  const found = await findAppliedWork(client, name);
  if (found !== undefined) return found;
  return client.create(AppliedManifestWork, {
    metadata: { name, finalizers: [FINALIZER_APPLIED_WORK] },
    spec: { hubHash, manifestWorkName: work },
  });
}

/** Undefined if it is not there. */
export async function findAppliedWork(
  client: Client,
  name: string,
): Promise<AppliedManifestWork | undefined> {
  try {
    return await client.get(AppliedManifestWork, { name });
  } catch (error) {
    if (isStatus(error, "NotFound")) return undefined;
    throw error;
  }
}

/** The reference that makes the garbage collector remove objects with their AppliedManifestWork. */
export function ownerReferenceOf({
  apiVersion,
  kind,
  metadata: { name, uid },
}: AppliedManifestWork): OwnerReference {
  return { apiVersion, kind, name, uid: uid ?? "" };
}

/** What was recorded, or undefined for a work of which nothing was applied yet. */
export function recordOf(applied: AppliedManifestWork): AppliedRecord | undefined {
  try {
    const value: unknown = JSON.parse(applied.metadata.annotations?.[ANNOTATION_RECORD] ?? "null");
    if (typeof value !== "object" || value === null || !("workUid" in value) || !("manifests" in value))
      return undefined;
    const { workUid, manifests } = value;
    const generation = "generation" in value ? value.generation : undefined;
    const specHash = "specHash" in value ? value.specHash : undefined;
    if (typeof manifests !== "object" || manifests === null) return undefined;
    return {
      workUid: String(workUid),
      generation: Number(generation),
      specHash: String(specHash),
      manifests: Object.fromEntries(Object.entries(manifests).map(([id, hash]) => [id, String(hash)])),
    };
  } catch {
    // Somebody edited it: as if nothing had been applied, which deletes nothing.
    return undefined;
  }
}

/** Writes the record and the list of resources where they differ. */
export async function saveApplied(
  client: Client,
  applied: AppliedManifestWork,
  record: AppliedRecord,
  resources: readonly AppliedWorkResource[],
): Promise<void> {
  const annotations = { [ANNOTATION_RECORD]: JSON.stringify(record), [ANNOTATION_HELD]: null };
  const before = applied.metadata.annotations ?? {};
  if (before[ANNOTATION_RECORD] !== annotations[ANNOTATION_RECORD] || before[ANNOTATION_HELD] !== undefined) {
    await client.patch(AppliedManifestWork, keyOf(applied), {
      type: "merge",
      body: { metadata: { annotations } },
    });
  }
  await saveResources(client, applied, resources);
}

/** Replaces the list of resources. */
export async function saveResources(
  client: Client,
  applied: AppliedManifestWork,
  resources: readonly AppliedWorkResource[],
): Promise<void> {
  if (mergeDiff(applied.status?.appliedResources ?? [], resources) === undefined) return;
  const body = { status: { appliedResources: resources } };
  await client.patch(AppliedManifestWork, keyOf(applied), { type: "merge", body }, { subresource: "status" });
}
