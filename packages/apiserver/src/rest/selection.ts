import {
  type FieldRequirement,
  type UnstructuredObject,
  groupResource,
  matchesRequirements,
  parseFieldSelector,
  parseLabelSelector,
  statusError,
  valueAt,
} from "@ai-edge/apimachinery";
import type { Resource } from "../resources/resource.ts";

/** Which objects a list, watch or deletecollection is about. */
export interface Selection {
  readonly namespace: string | undefined;
  /** True if every object of the resource (in the namespace) is meant. */
  readonly all: boolean;
  /** Whether a stored object of the resource and namespace is meant. */
  readonly matches: (object: UnstructuredObject) => boolean;
}

/**
 * The selection of a request.
 * @param name only this object (watching one name)
 * @throws StatusError BadRequest for a malformed selector or a field that the kind cannot be selected by
 */
export function selectionOf(
  resource: Resource,
  namespace: string | undefined,
  query: URLSearchParams,
  name?: string,
): Selection {
  const labels = parseLabelSelector(query.get("labelSelector") ?? "");
  const fields = parseFieldSelector(query.get("fieldSelector") ?? "");
  if (name !== undefined) fields.push({ path: "metadata.name", operator: "=", value: name });
  if (labels.length === 0 && fields.length === 0) return { namespace, all: true, matches: () => true };
  const tests = fields.map((field) => testOf(resource, field));
  return {
    namespace,
    all: false,
    matches: (object) =>
      matchesRequirements(labels, object.metadata.labels) && tests.every((test) => test(object)),
  };
}

function testOf(resource: Resource, requirement: FieldRequirement): (object: UnstructuredObject) => boolean {
  const path = pathOfField(resource, requirement.path);
  const wanted = requirement.operator === "=";
  return (object) => {
    const value = valueAt(object, path);
    const text = typeof value === "string" ? value : value === undefined ? "" : JSON.stringify(value);
    return (text === requirement.value) === wanted;
  };
}

function pathOfField(resource: Resource, field: string): readonly string[] {
  if (field === "metadata.name" || field === "metadata.namespace") return field.split(".");
  const path = Object.hasOwn(resource.selectable, field) ? resource.selectable[field] : undefined;
  if (path !== undefined) return path;
  throw statusError(
    "BadRequest",
    `Unable to find ${JSON.stringify(groupResource(resource.type))} that match label selector "", field selector ${JSON.stringify(field)}: field label not supported: ${field}`,
  );
}
