import {
  type JsonObject,
  type UnstructuredObject,
  applyJsonPatch,
  applyMergePatch,
  applyServerSide,
  applyStrategicMerge,
  isJsonObject,
  statusError,
} from "@ai-edge/apimachinery";
import type { Resource } from "../resources/resource.ts";
import { checkMetadata, parseJson, parseYamlBody } from "../rest/body.ts";
import { notFound } from "../rest/errors.ts";
import { parseMediaType } from "../rest/negotiation.ts";
import type { StoredObject } from "../storage/stored-object.ts";
import { checkKind, checkNamespace } from "./check.ts";
import { createObject } from "./create.ts";
import { type WriteContext, badRequest, storageKey } from "./environment.ts";
import { ignoredFields, writerOf } from "./managed-fields.ts";
import { type Target, updateObject } from "./update.ts";

interface PatchResult {
  readonly stored: StoredObject;
  /** True if server-side apply made the object. */
  readonly created: boolean;
}

type Change = (current: UnstructuredObject) => UnstructuredObject;

export interface PatchOperation {
  run(target: Target, context: WriteContext): PatchResult;
  /** What the patch makes of an object; absent for apply, which also needs to know who asks. */
  readonly change?: Change;
}

const ACCEPTED =
  "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml";

/**
 * Reads a patch, to be run in a write.
 * @throws StatusError UnsupportedMediaType, BadRequest
 */
export function patchFor(
  resource: Resource,
  body: Uint8Array,
  contentType: string | undefined,
  options: { force: boolean; fieldManager: string; duplicates?: string[] },
): PatchOperation {
  const { type } = parseMediaType(contentType ?? "");
  switch (type) {
    case "application/json-patch+json": {
      const operations = parseJson(body);
      return update((current) => asObject(applyJsonPatch(current, operations)));
    }
    case "application/merge-patch+json": {
      const patch = objectBody(parseJson(body, options.duplicates));
      return update((current) => asObject(applyMergePatch(current, patch)));
    }
    case "application/strategic-merge-patch+json": {
      if (resource.custom)
        throw unsupported(
          type,
          "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
        );
      const patch = objectBody(parseJson(body, options.duplicates));
      return update((current) => asObject(applyStrategicMerge(current, patch, resource.mergeRules)));
    }
    case "application/apply-patch+yaml":
    case "application/apply-patch+json": {
      if (options.fieldManager === "") {
        throw statusError(
          "Invalid",
          'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
        );
      }
      return apply(objectBody(parseYamlBody(body, options.duplicates)), options.force);
    }
    default:
      throw unsupported(type, ACCEPTED);
  }
}

function update(change: Change): PatchOperation {
  return {
    run: (target, context) => ({ stored: updateObject(target, change, context), created: false }),
    change,
  };
}

function apply(applied: JsonObject, force: boolean): PatchOperation {
  const run: PatchOperation["run"] = (target, context) => {
    const { resource, namespace, name, subresource } = target;
    checkApplied(target, applied);
    const exists = context.transaction.get(storageKey(resource, namespace, name)) !== undefined;
    const writer = writerOf(resource, context, subresource);
    const ignored = ignoredFields(resource, subresource);
    const merge = (live: UnstructuredObject | undefined): UnstructuredObject => {
      const next = applyServerSide({ live, applied, schema: resource.mergeRules, writer, force, ignored });
      return asObject(next === live ? structuredClone(next) : next);
    };
    if (exists) return { stored: updateObject(target, merge, context, { tracked: true }), created: false };
    if (subresource !== undefined) throw notFound(resource.type, name);
    const object = merge(undefined);
    return { stored: createObject(resource, object, namespace, context, { tracked: true }), created: true };
  };
  return { run };
}

/** An applied configuration names its object fully, and agrees with the URL. */
function checkApplied({ resource, namespace, name }: Target, applied: JsonObject): void {
  const metadata = isJsonObject(applied["metadata"]) ? applied["metadata"] : {};
  const object = asObject({ ...applied, metadata: { ...metadata, name: metadata["name"] ?? name } });
  if (object.apiVersion === "" || object.kind === "")
    throw badRequest("apiVersion and kind must be set in an apply patch");
  checkKind(resource, object);
  checkNamespace(resource, object, namespace);
  if (object.metadata.name !== name) {
    throw badRequest(`metadata.name does not match the name on the URL: ${object.metadata.name} and ${name}`);
  }
  applied["metadata"] = object.metadata;
}

function asObject(value: unknown): UnstructuredObject {
  const copy: unknown = structuredClone(value);
  if (!isJsonObject(copy) || !isJsonObject(copy["metadata"]))
    throw badRequest("the patch does not leave an object");
  const { apiVersion, kind, metadata } = copy;
  if (apiVersion !== undefined && typeof apiVersion !== "string")
    throw badRequest("apiVersion must be a string");
  if (kind !== undefined && typeof kind !== "string") throw badRequest("kind must be a string");
  checkMetadata(metadata);
  const name = typeof metadata["name"] === "string" ? metadata["name"] : "";
  return { ...copy, apiVersion: apiVersion ?? "", kind: kind ?? "", metadata: { ...metadata, name } };
}

function objectBody(value: unknown): JsonObject {
  if (!isJsonObject(value)) throw badRequest("the patch is not a JSON object");
  return value;
}

function unsupported(type: string, accepted: string): Error {
  return statusError(
    "UnsupportedMediaType",
    `the body of the request was in an unknown format (${type}) - accepted media types include: ${accepted}`,
  );
}
