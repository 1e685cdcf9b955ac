import { type UnstructuredObject, apiVersionOf, updateManagedFields } from "@ai-edge/apimachinery";
import type { FieldWriter } from "@ai-edge/apimachinery";
import type { Resource } from "../resources/resource.ts";
import type { WriteContext } from "./environment.ts";

const STATUS: readonly (readonly string[])[] = [["status"]];
const SPEC: readonly (readonly string[])[] = [["spec"]];
const NOTHING: readonly (readonly string[])[] = [];

/** The field paths that an endpoint does not write, and so nobody comes to own through it. */
export function ignoredFields(
  resource: Resource,
  subresource: string | undefined,
): readonly (readonly string[])[] {
  if (subresource === "status") return SPEC;
  return resource.hasStatus && subresource === undefined ? STATUS : NOTHING;
}

/** Who a write's fields belong to. */
export function writerOf(
  resource: Resource,
  context: WriteContext,
  subresource: string | undefined,
): FieldWriter {
  return {
    manager: context.fieldManager,
    apiVersion: apiVersionOf(resource.type),
    subresource,
    now: context.environment.now(),
  };
}

/**
 * Records which fields a create, update or patch set.
 * @param old absent on create
 */
export function trackUpdate(
  resource: Resource,
  old: UnstructuredObject | undefined,
  object: UnstructuredObject,
  context: WriteContext,
  subresource?: string,
): UnstructuredObject {
  const writer = writerOf(resource, context, subresource);
  const ignored = ignoredFields(resource, subresource);
  const managedFields = updateManagedFields(old, object, resource.mergeRules, writer, ignored);
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata: managedFields.length === 0 ? metadata : { ...metadata, managedFields } };
}
