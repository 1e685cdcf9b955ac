import { type UnstructuredObject, deepEqual } from "@ai-edge/apimachinery";
import type { Resource } from "../resources/resource.ts";
import { MODIFIED, conflict, forbiddenField, invalid, invalidValue, notFound } from "../rest/errors.ts";
import type { StoredObject } from "../storage/stored-object.ts";
import { checkKind, checkNamespace, conformBody, validateObject } from "./check.ts";
import { fromStorage, toStorage } from "./create.ts";
import { removeIfFinal } from "./delete.ts";
import { type WriteContext, badRequest, storageKey, withoutUndefined } from "./environment.ts";
import { trackUpdate } from "./managed-fields.ts";

export interface Target {
  readonly resource: Resource;
  readonly namespace: string | undefined;
  readonly name: string;
  /** `status` and other subresources that write to the object; undefined for the object itself. */
  readonly subresource?: string | undefined;
}

export interface UpdateOptions {
  /** The candidate has been through server-side apply, which did the field tracking. */
  readonly tracked?: boolean;
  /** A PUT: an absent resourceVersion is not always allowed. */
  readonly replace?: boolean;
}

/**
 * Replaces an object by what `change` makes of the current one. A change that changes nothing is not stored.
 * @param change gets the served form, shared: it must not modify it; what it returns is completed in place
 * @throws StatusError NotFound, Conflict, Invalid, BadRequest
 */
export function updateObject(
  target: Target,
  change: (current: UnstructuredObject) => UnstructuredObject,
  context: WriteContext,
  options: UpdateOptions = {},
): StoredObject {
  const { resource, name } = target;
  const key = storageKey(resource, target.namespace, name);
  const stored = context.transaction.get(key);
  if (stored === undefined) throw notFound(resource.type, name);
  const current = fromStorage(resource, stored.object);
  const candidate = change(current);
  checkIdentity(target, candidate, current, options);
  conformBody(resource, candidate, context);
  const next = combine(target, candidate, current, context);
  const { metadata } = next;
  checkFinalizers(resource, next, current);
  if (resource.tracksGeneration && !sameSpec(next, current))
    metadata.generation = (metadata.generation ?? 0) + 1;
  validateObject(resource, next, current);
  const tracked =
    options.tracked === true ? next : trackUpdate(resource, current, next, context, target.subresource);
  const final = withoutUndefined(toStorage(resource, tracked));
  const removed = removeIfFinal(resource, key, final, context);
  if (removed !== undefined) return removed;
  if (unchanged(final, stored.object)) return stored;
  return context.transaction.put(key, final);
}

function checkIdentity(
  { resource, namespace, name }: Target,
  candidate: UnstructuredObject,
  current: UnstructuredObject,
  options: UpdateOptions,
): void {
  checkKind(resource, candidate);
  checkNamespace(resource, candidate, namespace);
  const { metadata } = candidate;
  if (metadata.name === "") metadata.name = name;
  if (metadata.name !== name) {
    throw badRequest(
      `the name of the object (${metadata.name}) does not match the name on the URL (${name})`,
    );
  }
  if (metadata.uid !== undefined && metadata.uid !== "" && metadata.uid !== current.metadata.uid) {
    const cause = `Precondition failed: UID in precondition: ${metadata.uid}, UID in object meta: ${current.metadata.uid}`;
    throw conflict(resource.type, name, cause);
  }
  const { resourceVersion = "" } = metadata;
  if (resourceVersion === "" && options.replace === true && resource.custom) {
    throw invalid(resource.type, name, [
      {
        ...invalidValue("metadata.resourceVersion", 0, "must be specified for an update"),
        message: "Invalid value: 0x0: must be specified for an update",
      },
    ]);
  }
  if (resourceVersion !== "" && resourceVersion !== current.metadata.resourceVersion) {
    throw conflict(resource.type, name, MODIFIED);
  }
}

/** What of the candidate counts: a main update keeps the status, a status update keeps everything else. */
function combine(
  { resource, subresource }: Target,
  candidate: UnstructuredObject,
  current: UnstructuredObject,
  context: WriteContext,
): UnstructuredObject {
  const hook = { user: context.user, now: context.environment.now(), transaction: context.transaction };
  if (subresource === "status") {
    const metadata = { ...current.metadata, managedFields: candidate.metadata.managedFields };
    if (!resource.custom) {
      // Built-in kinds take labels and annotations with a status, custom ones do not (subresource strategies upstream).
      metadata.labels = candidate.metadata.labels;
      metadata.annotations = candidate.metadata.annotations;
    }
    return structuredClone({ ...current, status: candidate["status"], metadata });
  }
  const next = candidate;
  const { uid, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds, generation, generateName } =
    current.metadata;
  Object.assign(next.metadata, {
    uid,
    creationTimestamp,
    deletionTimestamp,
    deletionGracePeriodSeconds,
    generation,
    generateName: next.metadata.generateName ?? generateName,
  });
  if (resource.hasStatus && subresource === undefined) {
    if (current["status"] === undefined) delete next["status"];
    else next["status"] = structuredClone(current["status"]);
  }
  if (subresource === undefined) resource.strategy.prepareForUpdate?.(next, current, hook);
  resource.strategy.applyDefaults?.(next);
  return next;
}

function checkFinalizers(resource: Resource, next: UnstructuredObject, current: UnstructuredObject): void {
  if (current.metadata.deletionTimestamp === undefined) return;
  const before = new Set(current.metadata.finalizers);
  const added = (next.metadata.finalizers ?? []).filter((finalizer) => !before.has(finalizer));
  if (added.length === 0) return;
  throw invalid(resource.type, next.metadata.name, [
    forbiddenField(
      "metadata.finalizers",
      `no new finalizers can be added if the object is being deleted, found new finalizers ${JSON.stringify(added)}`,
    ),
  ]);
}

function sameSpec(a: UnstructuredObject, b: UnstructuredObject): boolean {
  return deepEqual(
    { ...a, metadata: undefined, status: undefined },
    { ...b, metadata: undefined, status: undefined },
  );
}

/** Timestamps of managedFields alone do not make a change (`ignoreManagedFieldsTimestampsTransformer`). */
function unchanged(next: UnstructuredObject, current: UnstructuredObject): boolean {
  return deepEqual(comparable(next), comparable(current));
}

function comparable(object: UnstructuredObject): UnstructuredObject {
  const { managedFields, ...metadata } = object.metadata;
  const entries = managedFields?.map((entry) => ({ ...entry, time: undefined }));
  return {
    ...object,
    metadata: { ...metadata, resourceVersion: undefined, managedFields: entries },
  } as UnstructuredObject;
}
