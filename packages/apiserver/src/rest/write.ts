import { type ResourceType, type UnstructuredObject, apiVersionOf, statusError } from "@ai-edge/apimachinery";
import { createObject } from "../objects/create.ts";
import { type Deletion, deleteObject, parseDeleteOptions } from "../objects/delete.ts";
import { type Target, updateObject } from "../objects/update.ts";
import { patchFor } from "../objects/patch.ts";
import { fromStorage } from "../objects/create.ts";
import { storageKey } from "../objects/environment.ts";
import { type Call, nameOf, writeFor } from "./call.ts";
import { decodeObject, decodeValue, readBody } from "./body.ts";
import { methodNotAllowed } from "./errors.ts";
import { negotiate } from "./negotiation.ts";
import { sendBody, sendStored, success } from "./respond.ts";
import { selectionOf } from "./selection.ts";

/** POST to a collection. */
export async function handleCreate(call: Call): Promise<void> {
  const object = await objectOf(call, call.resource.type);
  const stored = await writeFor(call, (context) =>
    createObject(call.resource, object, call.target.namespace, context),
  );
  sendStored(call, 201, stored);
}

/** PUT of an object or of its status. An object that does not exist is not created. */
export async function handleUpdate(call: Call): Promise<void> {
  const object = await objectOf(call, call.resource.type);
  const target = targetOf(call);
  const stored = await writeFor(call, (context) =>
    updateObject(target, () => object, context, { replace: true }),
  );
  sendStored(call, 200, stored);
}

/** PATCH of an object or of its status: JSON, merge, strategic or apply. */
export async function handlePatch(call: Call): Promise<void> {
  const body = await readBody(call.request);
  const target = targetOf(call);
  const patch = patchFor(call.resource, body, call.request.headers["content-type"], {
    force: call.query.get("force") === "true",
    fieldManager: call.query.get("fieldManager") ?? "",
    duplicates: call.duplicates,
  });
  const { stored, created } = await writeFor(call, (context) => patch.run(target, context));
  sendStored(call, created ? 201 : 200, stored);
}

/** DELETE of one object. */
export async function handleDelete(call: Call): Promise<void> {
  const { dryRun, ...options } = parseDeleteOptions(await optionsOf(call), call.query);
  const { resource, target } = call;
  const isDryRun = dryRun || call.query.getAll("dryRun").includes("All");
  const deletion = await writeFor(
    call,
    (context) => deleteObject(resource, target.namespace, nameOf(call), options, context),
    isDryRun,
  );
  sendDeletion(call, deletion);
}

/** DELETE of a collection: every object that the selectors match. */
export async function handleDeleteCollection(call: Call): Promise<void> {
  const { dryRun, ...options } = parseDeleteOptions(await optionsOf(call), call.query);
  const { resource, target, environment } = call;
  const namespace = resource.type.namespaced ? target.namespace : undefined;
  if (resource.type.namespaced && namespace === undefined)
    throw methodNotAllowed("deletecollection", resource.type);
  const selection = selectionOf(resource, namespace, call.query);
  const output = negotiate(call.request.headers.accept, ["object"]);
  const items = await writeFor(
    call,
    (context) =>
      context.transaction
        .list(resource.storage, namespace)
        .filter((stored) => selection.matches(stored.object))
        .map(({ object }) =>
          deleteObject(resource, object.metadata.namespace, object.metadata.name, options, context),
        ),
    dryRun,
  );
  sendBody(call.response, 200, output.media, {
    kind: resource.listKind,
    apiVersion:
      resource.type.group === "" ? resource.type.version : `${resource.type.group}/${resource.type.version}`,
    metadata: { resourceVersion: String(environment.store.revision) },
    items: items.map(({ object }) => fromStorage(resource, object.object)),
  });
}

/** GET of one object, or of its status. */
export function handleGet(call: Call): void {
  const { resource, target, environment } = call;
  const stored = environment.store.get(storageKey(resource, target.namespace, nameOf(call)));
  if (stored === undefined) throw notFoundFor(call);
  sendStored(call, 200, stored);
}

function notFoundFor(call: Call): Error {
  const { type } = call.resource;
  const subject = type.group === "" ? type.plural : `${type.plural}.${type.group}`;
  return statusError("NotFound", `${subject} ${JSON.stringify(nameOf(call))} not found`, {
    name: nameOf(call),
    ...(type.group === "" ? {} : { group: type.group }),
    kind: type.plural,
  });
}

/** The object that a write's URL names. */
function targetOf(call: Call): Target {
  const { resource, target } = call;
  return { resource, namespace: target.namespace, name: nameOf(call), subresource: target.subresource };
}

/** The object in a write's body. @param expected the kind of protobuf bodies that do not name it */
export async function objectOf(call: Call, expected?: ResourceType): Promise<UnstructuredObject> {
  const body = await readBody(call.request);
  const kind =
    expected === undefined ? undefined : { apiVersion: apiVersionOf(expected), kind: expected.kind };
  return decodeObject(body, call.request.headers["content-type"], {
    expected: kind,
    duplicates: call.duplicates,
  });
}

async function optionsOf(call: Call): Promise<unknown> {
  const body = await readBody(call.request);
  return body.length === 0 ? undefined : decodeValue(body, call.request.headers["content-type"]);
}

function sendDeletion(call: Call, deletion: Deletion): void {
  const { resource } = call;
  if (!deletion.gone || resource.returnsDeleted) {
    sendStored(call, 200, deletion.object);
    return;
  }
  const { name, uid } = deletion.object.object.metadata;
  const { group, plural } = resource.type;
  const details = {
    name,
    ...(group === "" ? {} : { group }),
    kind: plural,
    ...(uid === undefined ? {} : { uid }),
  };
  sendBody(call.response, 200, "json", success(details), call.warnings);
}
