import type { KubernetesObject } from "./object.ts";

/**
 * A resource (GVR), its kind (GVK) and the TypeScript type of its objects, in one value: what a client needs to
 * address it. `T` is carried by the type only.
 */
export interface ResourceType<T extends KubernetesObject = KubernetesObject> {
  /** "" for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** The plural, lower-case name in URLs. */
  readonly plural: string;
  readonly namespaced: boolean;
  /** Never set: binds `T` to the value, so that `client.get(Pod, key)` is a `Pod`. */
  readonly __object?: T;
}

/** Declares a resource type: `const Pod = resourceType<Pod>("v1", "Pod", "pods", { namespaced: true })`. */
export function resourceType<T extends KubernetesObject>(
  apiVersion: string,
  kind: string,
  plural: string,
  options: { namespaced: boolean },
): ResourceType<T> {
  const { group, version } = parseApiVersion(apiVersion);
  return { group, version, kind, plural, namespaced: options.namespaced };
}

/** `apps/v1` → `{group: "apps", version: "v1"}`; `v1` → the core group. */
export function parseApiVersion(apiVersion: string): { group: string; version: string } {
  const slash = apiVersion.indexOf("/");
  return slash < 0
    ? { group: "", version: apiVersion }
    : { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) };
}

/** The inverse of {@link parseApiVersion}. */
export function apiVersionOf(type: { group: string; version: string }): string {
  return type.group === "" ? type.version : `${type.group}/${type.version}`;
}

/** `deployments.apps`, `pods`: how kubectl and error messages spell a resource. */
export function groupResource(type: { group: string; plural: string }): string {
  return type.group === "" ? type.plural : `${type.plural}.${type.group}`;
}

/**
 * The URL path of a collection or, with a name, of one object.
 * @param namespace absent for cluster-scoped kinds and for a list over all namespaces
 */
export function resourcePath(
  type: ResourceType,
  location: {
    namespace?: string | undefined;
    name?: string | undefined;
    subresource?: string | undefined;
  } = {},
): string {
  const root = type.group === "" ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`;
  const namespace =
    type.namespaced && location.namespace !== undefined
      ? `/namespaces/${encodeURIComponent(location.namespace)}`
      : "";
  const name = location.name === undefined ? "" : `/${encodeURIComponent(location.name)}`;
  const subresource = location.subresource === undefined ? "" : `/${location.subresource}`;
  return `${root}${namespace}/${type.plural}${name}${subresource}`;
}
