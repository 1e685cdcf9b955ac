import { randomUUID } from "node:crypto";
import { type UnstructuredObject, generateName, statusError } from "@ai-edge/apimachinery";
import type { Resource } from "../resources/resource.ts";
import { alreadyExists, invalid, notFound, required } from "../rest/errors.ts";
import type { StoredObject } from "../storage/stored-object.ts";
import { checkKind, checkNamespace, conformBody, validateObject } from "./check.ts";
import { type WriteContext, badRequest, storageKey, timestamp } from "./environment.ts";
import { trackUpdate } from "./managed-fields.ts";

/** As kube-apiserver tries before it gives up on a generated name. */
const GENERATE_NAME_ATTEMPTS = 8;

/**
 * Creates an object. It becomes the caller's no more: it is completed in place and stored.
 * @param namespace of the request; undefined for cluster-scoped resources
 * @throws StatusError AlreadyExists, Invalid, BadRequest, NotFound (namespace), Forbidden (namespace terminating)
 */
export function createObject(
  resource: Resource,
  object: UnstructuredObject,
  namespace: string | undefined,
  context: WriteContext,
  options: { tracked?: boolean } = {},
): StoredObject {
  checkKind(resource, object);
  checkNamespace(resource, object, namespace);
  conformBody(resource, object, context);
  const { environment, transaction } = context;
  if (resource.type.namespaced) checkNamespaceAccepts(resource, object, context);
  const { metadata } = object;
  if (metadata.resourceVersion !== undefined && metadata.resourceVersion !== "") {
    throw badRequest("resourceVersion should not be set on objects to be created");
  }
  chooseName(resource, object, context);
  const key = storageKey(resource, metadata.namespace, metadata.name);
  if (transaction.get(key) !== undefined) throw alreadyExists(resource.type, metadata.name);
  metadata.uid = randomUUID();
  metadata.creationTimestamp = timestamp(environment);
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata.generation;
  const { strategy } = resource;
  const hook = { user: context.user, now: environment.now(), transaction };
  if (resource.custom && resource.hasStatus) delete object["status"];
  strategy.prepareForCreate?.(object, hook);
  strategy.applyDefaults?.(object);
  if (resource.tracksGeneration) metadata.generation = 1;
  validateObject(resource, object, undefined);
  const tracked = options.tracked === true ? object : trackUpdate(resource, undefined, object, context);
  const stored = transaction.put(key, toStorage(resource, tracked));
  strategy.afterCreate?.(stored.object, hook);
  return transaction.get(key) ?? stored;
}

/** The object in the form in which it is stored. */
export function toStorage(resource: Resource, object: UnstructuredObject): UnstructuredObject {
  return resource.convert === undefined ? object : resource.convert.toStorage(object);
}

/** The object in the form in which this resource serves it. */
export function fromStorage(resource: Resource, object: UnstructuredObject): UnstructuredObject {
  return resource.convert === undefined ? object : resource.convert.fromStorage(object);
}

function chooseName(resource: Resource, object: UnstructuredObject, context: WriteContext): void {
  const { metadata } = object;
  if (metadata.name !== "") return;
  const prefix = metadata.generateName;
  if (prefix === undefined || prefix === "") {
    throw invalid(resource.type, "", [required("metadata.name", "name or generateName is required")]);
  }
  for (let attempt = 0; attempt < GENERATE_NAME_ATTEMPTS; attempt += 1) {
    metadata.name = generateName(prefix, context.environment.random);
    if (context.transaction.get(storageKey(resource, metadata.namespace, metadata.name)) === undefined)
      return;
  }
  throw alreadyExists(resource.type, metadata.name);
}

/** The NamespaceLifecycle admission plugin: nothing new in a namespace that is missing or going. */
function checkNamespaceAccepts(resource: Resource, object: UnstructuredObject, context: WriteContext): void {
  const name = object.metadata.namespace ?? "";
  const stored = context.transaction.get({ resource: "namespaces", namespace: "", name });
  if (stored === undefined) throw notFound({ group: "", plural: "namespaces" }, name);
  if (stored.object.metadata.deletionTimestamp === undefined) return;
  const subject = `${resource.type.plural}${resource.type.group === "" ? "" : `.${resource.type.group}`}`;
  throw statusError(
    "Forbidden",
    `${subject} ${JSON.stringify(object.metadata.name)} is forbidden: unable to create new content in namespace ${name} because it is being terminated`,
    {
      name: object.metadata.name,
      kind: resource.type.plural,
      causes: [
        {
          reason: "NamespaceTerminating",
          message: `namespace ${name} is being terminated`,
          field: "metadata.namespace",
        },
      ],
    },
  );
}
