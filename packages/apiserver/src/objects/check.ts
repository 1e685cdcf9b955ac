import { type UnstructuredObject, apiVersionOf, statusError } from "@ai-edge/apimachinery";
import type { Resource } from "../resources/resource.ts";
import { invalid } from "../rest/errors.ts";
import { type WriteContext, badRequest } from "./environment.ts";
import { validateMetadata } from "./metadata.ts";

/** Checks that a body is of the kind that its URL says, and fills in what may be left out. */
export function checkKind(resource: Resource, object: UnstructuredObject): void {
  const apiVersion = apiVersionOf(resource.type);
  if (object.apiVersion === "") object.apiVersion = apiVersion;
  if (object.kind === "") object.kind = resource.type.kind;
  if (object.kind !== resource.type.kind) {
    throw badRequest(
      `the kind in the data (${object.kind}) does not match the expected kind (${resource.type.kind})`,
    );
  }
  if (object.apiVersion !== apiVersion) {
    throw badRequest(
      `the API version in the data (${object.apiVersion}) does not match the expected API version (${apiVersion})`,
    );
  }
}

/** Checks the namespace of a body against its URL and sets it. */
export function checkNamespace(
  resource: Resource,
  object: UnstructuredObject,
  namespace: string | undefined,
): void {
  const { metadata } = object;
  if (!resource.type.namespaced) {
    delete metadata.namespace;
    return;
  }
  if (metadata.namespace === undefined || metadata.namespace === "") {
    if (namespace === undefined) throw badRequest("an empty namespace may not be set during creation");
    metadata.namespace = namespace;
  }
  if (metadata.namespace !== namespace) {
    throw badRequest(`the namespace of the provided object does not match the namespace sent on the request`);
  }
}

/** Types, unknown fields and defaults of a body: what decoding does in a Go server. */
export function conformBody(resource: Resource, object: UnstructuredObject, context: WriteContext): void {
  const unknown = resource.schema.conform(object);
  context.warnings.push(...(resource.strategy.warnings?.(object) ?? []));
  const messages = [...unknown.map((path) => `unknown field "${path}"`), ...(context.duplicates ?? [])];
  if (messages.length === 0 || context.fieldValidation === "Ignore") return;
  if (context.fieldValidation === "Strict") {
    const text = `strict decoding error: ${messages.join(", ")}`;
    throw statusError(
      "BadRequest",
      `${resource.type.kind} in version "${resource.type.version}" cannot be handled as a ${resource.type.kind}: ${text}`,
    );
  }
  context.warnings.push(...messages);
}

/** @throws StatusError Invalid */
export function validateObject(
  resource: Resource,
  object: UnstructuredObject,
  old: UnstructuredObject | undefined,
): void {
  const causes = [
    ...validateMetadata(resource, object),
    ...resource.schema.validate(object, old),
    ...(resource.strategy.validate?.(object, old) ?? []),
  ];
  if (causes.length > 0) throw invalid(resource.type, object.metadata.name, causes);
}
