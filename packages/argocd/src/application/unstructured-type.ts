import type { ResourceType, UnstructuredObject } from "@ai-edge/apimachinery";

/** A resource type whose objects have fields that are not known at compile time. */
export type UnstructuredType = ResourceType<UnstructuredObject>;

export function unstructuredType({
  group,
  version,
  kind,
  plural,
  namespaced,
}: ResourceType): UnstructuredType {
  return { group, version, kind, plural, namespaced };
}
