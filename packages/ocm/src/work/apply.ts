/** Applies one manifest to the cluster by its update strategy. */
import { type OwnerReference, StatusError, type UnstructuredObject, isStatus } from "@ai-edge/apimachinery";
import { AppliedManifestWork } from "@ai-edge/api";
import type { Client } from "@ai-edge/client";
import { withoutIgnoredFields } from "./ignore-fields.ts";
import { type ResolvedManifest, isContained } from "./manifest.ts";

/** Upstream's default field manager; others must begin with it. */
const WORK_FIELD_MANAGER = "work-agent";

export interface ApplyRequest {
  item: ResolvedManifest;
  /** The AppliedManifestWork that shall own the object; undefined for objects that are to be orphaned. */
  owner: OwnerReference | undefined;
  /** The manifest is not the one applied last. */
  changed: boolean;
}

/** True if the object, as a watch has it, is not what the manifest asks for. */
export function needsApply(
  { item, owner, changed }: ApplyRequest,
  live: UnstructuredObject | undefined,
): boolean {
  const strategy = item.config?.updateStrategy?.type ?? "Update";
  if (strategy === "ReadOnly") return false;
  if (live === undefined) return true;
  if (strategy === "CreateOnly") return false;
  if (changed || live.metadata.deletionTimestamp !== undefined) return changed;
  if (owner !== undefined && !(live.metadata.ownerReferences ?? []).some(({ uid }) => uid === owner.uid))
    return true;
  return !isContained(desiredFields(withoutIgnoredFields(item.manifest, item.config, live, changed)), live);
}

/**
 * Creates or changes the object.
 * @throws StatusError as the API server gave it, for example Conflict with the managers of fields that were not forced
 */
export async function applyManifest(
  client: Client,
  request: ApplyRequest,
  signal: AbortSignal,
): Promise<void> {
  const { item, owner, changed } = request;
  const { type, key, config } = item;
  const live = await find(client, item, signal);
  const strategy = config?.updateStrategy?.type ?? "Update";
  if (strategy === "ReadOnly" || (strategy === "CreateOnly" && live !== undefined)) return;
  const fields = desiredFields(withoutIgnoredFields(item.manifest, config, live, changed));
  const { namespace: _, ...named } = fields.metadata;
  const metadata = {
    ...named,
    ...key,
    ...(owner === undefined ? {} : { ownerReferences: ownersWith(live, owner) }),
  };
  if (strategy === "CreateOnly") {
    await client.create(type, { ...fields, metadata }, { fieldManager: WORK_FIELD_MANAGER, signal });
    return;
  }
  const apply = strategy === "ServerSideApply" ? config?.updateStrategy?.serverSideApply : undefined;
  await client.apply(
    type,
    { ...fields, metadata },
    {
      fieldManager: apply?.fieldManager ?? WORK_FIELD_MANAGER,
      force: strategy === "Update" || apply?.force === true,
      signal,
    },
  );
}

/** The object as the API server has it; undefined if it is not there. */
export async function find(
  client: Client,
  { type, key }: Pick<ResolvedManifest, "type" | "key">,
  signal?: AbortSignal,
): Promise<UnstructuredObject | undefined> {
  try {
    return await client.get(type, key, { signal });
  } catch (error) {
    if (isStatus(error, "NotFound")) return undefined;
    throw error;
  }
}

/** What an error of an application says at the hub. */
export function applyErrorText(error: unknown): string {
  if (error instanceof StatusError) return `${error.reason}: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}

/** A manifest without what belongs to a server. */
function desiredFields(manifest: UnstructuredObject): UnstructuredObject {
  const { status: _, ...rest } = manifest;
  const { name, namespace, labels, annotations, finalizers } = manifest.metadata;
  const metadata = {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(labels === undefined ? {} : { labels }),
    ...(annotations === undefined ? {} : { annotations }),
    ...(finalizers === undefined ? {} : { finalizers }),
  };
  return { ...rest, apiVersion: manifest.apiVersion, kind: manifest.kind, metadata };
}

/** Works may share an object: the references of the others stay, although one field manager applies them all. */
function ownersWith(live: UnstructuredObject | undefined, owner: OwnerReference): OwnerReference[] {
  const others = (live?.metadata.ownerReferences ?? []).filter(
    ({ kind, apiVersion, uid }) =>
      kind === AppliedManifestWork.kind &&
      apiVersion.startsWith(`${AppliedManifestWork.group}/`) &&
      uid !== owner.uid,
  );
  return [...others, owner];
}
