import { isClusterScopedKind } from "./cluster-scoped-kinds.ts";

/** Group, version and kind; "" stands for "not given" (and for the core group). */
export interface Gvk {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/** Splits an `apiVersion`. */
export function gvkOf(apiVersion: string, kind: string): Gvk {
  const slash = apiVersion.indexOf("/");
  return slash < 0
    ? { group: "", version: apiVersion, kind }
    : { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1), kind };
}

/** The `apiVersion` of a group and version. */
export function apiVersionOf(gvk: Gvk): string {
  return gvk.group === "" ? gvk.version : `${gvk.group}/${gvk.version}`;
}

/** True if every part that the selector gives is equal. */
export function isSelectedBy(gvk: Gvk, selector: Partial<Gvk>): boolean {
  return (
    (!selector.group || selector.group === gvk.group) &&
    (!selector.version || selector.version === gvk.version) &&
    (!selector.kind || selector.kind === gvk.kind)
  );
}

/** Spelt as in kustomize's messages: `Deployment.v1.apps`, `Service.v1.[noGrp]`. */
export function formatGvk(gvk: Gvk): string {
  return [gvk.kind || "[noKind]", gvk.version || "[noVer]", gvk.group || "[noGrp]"].join(".");
}

/** An object's identity at one moment of the build. */
export interface ResourceId extends Gvk {
  readonly name: string;
  readonly namespace: string;
}

/** True for kinds that are known to have no namespace; unknown kinds count as namespaced. */
export function isClusterScoped(id: Gvk): boolean {
  return isClusterScopedKind(id.group, id.kind);
}

/** The namespace that counts in comparisons: none for cluster-scoped kinds, `default` where none is given. */
export function effectiveNamespace(id: ResourceId): string {
  if (isClusterScoped(id)) return "_non_namespaceable_";
  return id.namespace === "" ? "default" : id.namespace;
}

/** A text that is equal for equal ids. */
export function idKey(id: ResourceId): string {
  return `${id.group}|${id.version}|${id.kind}|${effectiveNamespace(id)}|${id.name}`;
}

export function idsEqual(left: ResourceId, right: ResourceId): boolean {
  return (
    left.name === right.name &&
    left.kind === right.kind &&
    left.group === right.group &&
    left.version === right.version &&
    effectiveNamespace(left) === effectiveNamespace(right)
  );
}

/** Spelt as in kustomize's messages: `Deployment.v1.apps/web.[noNs]`. */
export function formatId(id: ResourceId): string {
  return `${formatGvk(id)}/${id.name || "[noName]"}.${id.namespace || "[noNs]"}`;
}
