import {
  type StatusError,
  type UnstructuredObject,
  formatTime,
  isJsonObject,
  valueAt,
} from "@ai-edge/apimachinery";
import type { Resource } from "../resources/resource.ts";
import { conflict, notFound } from "../rest/errors.ts";
import type { StorageKey } from "../storage/event.ts";
import type { StoredObject } from "../storage/stored-object.ts";
import { type WriteContext, badRequest, storageKey } from "./environment.ts";

export interface DeleteOptions {
  readonly propagationPolicy?: "Background" | "Foreground" | "Orphan" | undefined;
  readonly gracePeriodSeconds?: number | undefined;
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
}

export interface Deletion {
  /** False if the object is still there: finalizers or a grace period hold it. */
  readonly gone: boolean;
  readonly object: StoredObject;
}

const FOREGROUND = "foregroundDeletion";
const ORPHAN = "orphan";
/** `DefaultTerminationGracePeriodSeconds` of Pods. */
const DEFAULT_GRACE_SECONDS = 30;

/**
 * Deletes an object, or marks it as being deleted when finalizers or a grace period hold it.
 * @throws StatusError NotFound, Conflict (preconditions), Forbidden (protected)
 */
export function deleteObject(
  resource: Resource,
  namespace: string | undefined,
  name: string,
  options: DeleteOptions,
  context: WriteContext,
): Deletion {
  const key = storageKey(resource, namespace, name);
  const stored = context.transaction.get(key);
  if (stored === undefined) throw notFound(resource.type, name);
  const current = stored.object;
  checkPreconditions(resource, current, options);
  resource.strategy.checkDelete?.(current);
  const finalizers = finalizersFor(current, options);
  const grace = graceOf(resource, current, options);
  const held = finalizers.length > 0 || namespaceFinalizers(resource, current) > 0;
  if (!held && grace === 0) return { gone: true, object: remove(resource, key, context) };
  const marked = mark(resource, current, finalizers, grace, context);
  if (marked === undefined) return { gone: false, object: stored };
  return { gone: false, object: context.transaction.put(key, marked) };
}

/**
 * The end of an object that is being deleted: removes it when an update took away what held it.
 * @returns its last state, or undefined if it stays
 */
export function removeIfFinal(
  resource: Resource,
  key: StorageKey,
  next: UnstructuredObject,
  context: WriteContext,
): StoredObject | undefined {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, finalizers = [] } = next.metadata;
  if (deletionTimestamp === undefined || finalizers.length > 0 || deletionGracePeriodSeconds > 0)
    return undefined;
  if (namespaceFinalizers(resource, next) > 0) return undefined;
  return remove(resource, key, context);
}

function remove(resource: Resource, key: StorageKey, context: WriteContext): StoredObject {
  const { transaction, user, environment } = context;
  const removed = transaction.delete(key);
  resource.strategy.afterDelete?.(removed.object, { user, now: environment.now(), transaction });
  return removed;
}

function checkPreconditions(resource: Resource, current: UnstructuredObject, options: DeleteOptions): void {
  const { uid, resourceVersion, name } = current.metadata;
  if (options.uid !== undefined && options.uid !== uid) {
    throw conflict(
      resource.type,
      name,
      `Precondition failed: UID in precondition: ${options.uid}, UID in object meta: ${uid}`,
    );
  }
  if (options.resourceVersion !== undefined && options.resourceVersion !== resourceVersion) {
    throw conflict(
      resource.type,
      name,
      `Precondition failed: ResourceVersion in precondition: ${options.resourceVersion}, ResourceVersion in object meta: ${resourceVersion}`,
    );
  }
}

function finalizersFor(current: UnstructuredObject, options: DeleteOptions): string[] {
  const finalizers = current.metadata.finalizers ?? [];
  if (options.propagationPolicy === undefined) return finalizers;
  const others = finalizers.filter((finalizer) => finalizer !== FOREGROUND && finalizer !== ORPHAN);
  if (options.propagationPolicy === "Foreground") return [...others, FOREGROUND];
  if (options.propagationPolicy === "Orphan") return [...others, ORPHAN];
  return others;
}

/** Seconds that a Pod gets to end; 0 for everything else and for Pods that no node runs. */
function graceOf(resource: Resource, current: UnstructuredObject, options: DeleteOptions): number {
  if (resource.storage !== "pods") return 0;
  const node = valueAt(current, ["spec", "nodeName"]);
  const phase = valueAt(current, ["status", "phase"]);
  if (node === undefined || node === "" || phase === "Succeeded" || phase === "Failed") return 0;
  const declared = valueAt(current, ["spec", "terminationGracePeriodSeconds"]);
  return options.gracePeriodSeconds ?? (typeof declared === "number" ? declared : DEFAULT_GRACE_SECONDS);
}

function namespaceFinalizers(resource: Resource, object: UnstructuredObject): number {
  if (resource.storage !== "namespaces") return 0;
  const finalizers = valueAt(object, ["spec", "finalizers"]);
  return Array.isArray(finalizers) ? finalizers.length : 0;
}

/** The object marked as being deleted, or undefined if it is so already and nothing gets shorter. */
function mark(
  resource: Resource,
  current: UnstructuredObject,
  finalizers: string[],
  grace: number,
  context: WriteContext,
): UnstructuredObject | undefined {
  const { metadata } = current;
  const sameFinalizers = finalizers.join() === (metadata.finalizers ?? []).join();
  const shorter = grace < (metadata.deletionGracePeriodSeconds ?? Number.POSITIVE_INFINITY);
  if (metadata.deletionTimestamp !== undefined && sameFinalizers && !shorter) return undefined;
  const seconds =
    metadata.deletionTimestamp !== undefined && !shorter ? (metadata.deletionGracePeriodSeconds ?? 0) : grace;
  const deadline = new Date(context.environment.now().getTime() + seconds * 1000);
  const marked: UnstructuredObject = {
    ...current,
    metadata: {
      ...metadata,
      finalizers: finalizers.length === 0 ? undefined : finalizers,
      deletionTimestamp: shorter ? formatTime(deadline) : metadata.deletionTimestamp,
      deletionGracePeriodSeconds: seconds,
      generation:
        metadata.deletionTimestamp === undefined && metadata.generation !== undefined
          ? metadata.generation + 1
          : metadata.generation,
    } as UnstructuredObject["metadata"],
  };
  if (resource.storage === "namespaces") {
    const status = isJsonObject(current["status"]) ? current["status"] : {};
    marked["status"] = { ...status, phase: "Terminating" };
  }
  return marked;
}

/**
 * DeleteOptions from a body or query.
 * @throws StatusError BadRequest
 */
export function parseDeleteOptions(
  body: unknown,
  query: URLSearchParams,
): DeleteOptions & { dryRun: boolean } {
  const fields = isJsonObject(body) ? body : {};
  const policy = text(fields["propagationPolicy"]) ?? query.get("propagationPolicy") ?? undefined;
  const orphan = fields["orphanDependents"] ?? query.get("orphanDependents");
  const seconds = fields["gracePeriodSeconds"] ?? query.get("gracePeriodSeconds") ?? undefined;
  const preconditions = isJsonObject(fields["preconditions"]) ? fields["preconditions"] : {};
  const dryRun = Array.isArray(fields["dryRun"]) ? fields["dryRun"] : query.getAll("dryRun");
  const grace = seconds === undefined || seconds === null ? undefined : Number(seconds);
  if (grace !== undefined && (!Number.isInteger(grace) || grace < 0)) throw badGrace();
  return {
    propagationPolicy: parsePolicy(policy, orphan),
    gracePeriodSeconds: grace,
    uid: text(preconditions["uid"]),
    resourceVersion: text(preconditions["resourceVersion"]),
    dryRun: dryRun.includes("All"),
  };
}

function parsePolicy(policy: string | undefined, orphan: unknown): DeleteOptions["propagationPolicy"] {
  if (policy === undefined) {
    if (orphan === undefined || orphan === null) return undefined;
    return orphan === true || orphan === "true" ? "Orphan" : "Background";
  }
  if (policy === "Background" || policy === "Foreground" || policy === "Orphan") return policy;
  throw badRequest(
    `propagationPolicy: Unsupported value: "${policy}": supported values: "Background", "Foreground", "Orphan"`,
  );
}

function badGrace(): StatusError {
  return badRequest("gracePeriodSeconds must be a non-negative integer");
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
