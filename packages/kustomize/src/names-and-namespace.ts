import type { FieldSpec } from "./field-spec.ts";
import { applyFieldSpec } from "./field-spec.ts";
import { formatId, idKey, isClusterScoped, isSelectedBy } from "./gvk.ts";
import type { ResourceMap } from "./resource-map.ts";
import type { Resource } from "./resource.ts";
import type { Value } from "./value.ts";
import { ensureMap, getIn, isMap, scalarText } from "./value.ts";

/** Names of these are not ours to change. */
function keepsName(resource: Resource): boolean {
  const { kind, group } = resource.originalId;
  return (
    kind === "Namespace" ||
    kind === "CustomResourceDefinition" ||
    (kind === "APIService" && group === "apiregistration.k8s.io")
  );
}

/** `namePrefix` or `nameSuffix`: changes names and remembers the old ones, which references are found by. */
export function affixNames(
  map: ResourceMap,
  affix: { readonly prefix: string } | { readonly suffix: string },
  specs: readonly FieldSpec[],
): void {
  const [prefix, suffix] = "prefix" in affix ? [affix.prefix, ""] : ["", affix.suffix];
  if (prefix === "" && suffix === "") return;
  for (const resource of map.resources) {
    if (keepsName(resource)) continue;
    const id = resource.originalId;
    for (const spec of specs) {
      if (!isSelectedBy(id, spec)) continue;
      if (spec.path === "metadata/name") {
        resource.addNamePrefix(prefix);
        resource.addNameSuffix(suffix);
        resource.rememberId();
      }
      const set = (value: Value) => `${prefix}${scalarText(value)}${suffix}`;
      applyFieldSpec(resource.value, resource.gvk, spec, set, "scalar");
      resource.changed();
    }
  }
}

export interface NamespaceOptions {
  readonly namespace: string;
  /** Only objects without one get it. */
  readonly unsetOnly?: boolean;
  /** Which subjects of a role binding get it: those named `default`, every ServiceAccount, or none. */
  readonly setRoleBindingSubjects?: "defaultOnly" | "allServiceAccounts" | "none";
}

/** `namespace`: of every object that is not known to be cluster-scoped, and of fields that name one. */
export function setNamespaces(
  map: ResourceMap,
  options: NamespaceOptions,
  specs: readonly FieldSpec[],
): void {
  if (options.namespace === "") return;
  for (const resource of map.resources) {
    if (resource.isEmpty) continue;
    resource.rememberId();
    setNamespace(resource, options, specs);
    resource.changed();
  }
  const seen = new Map<string, Resource>();
  for (const resource of map.resources) {
    const key = idKey(resource.id);
    const other = seen.get(key);
    if (other !== undefined) {
      throw new Error(
        `namespace transformation produces ID conflict: [${formatId(other.originalId)} ${formatId(resource.originalId)}] both become ${formatId(resource.id)}`,
      );
    }
    seen.set(key, resource);
  }
}

function setNamespace(resource: Resource, options: NamespaceOptions, specs: readonly FieldSpec[]): void {
  const set = (value: Value): string => {
    const present = scalarText(value);
    return options.unsetOnly === true && present !== "" ? present : options.namespace;
  };
  const { gvk } = resource;
  if (!isClusterScoped(gvk)) {
    const metadata = ensureMap(resource.value, "metadata");
    metadata.namespace = set(metadata.namespace ?? "");
  }
  if (gvk.kind === "RoleBinding" || gvk.kind === "ClusterRoleBinding") setSubjects(resource, options, set);
  for (const spec of specs) {
    if (spec.path === "metadata/namespace") continue;
    // `metadata/name` is for the built-in Namespace only.
    if (
      spec.path === "metadata/name" &&
      spec.kind === "Namespace" &&
      (gvk.group !== "" || gvk.kind !== "Namespace")
    )
      continue;
    applyFieldSpec(resource.value, gvk, spec, set, "scalar");
  }
}

function setSubjects(resource: Resource, options: NamespaceOptions, set: (value: Value) => string): void {
  const mode = options.setRoleBindingSubjects ?? "defaultOnly";
  const subjects = resource.value.subjects;
  if (mode === "none" || !Array.isArray(subjects)) return;
  for (const subject of subjects) {
    if (!isMap(subject)) continue;
    const applies =
      mode === "defaultOnly"
        ? scalarText(getIn(subject, "name")) === "default"
        : scalarText(getIn(subject, "kind")) === "ServiceAccount";
    if (applies) subject.namespace = set(subject.namespace ?? "");
  }
}
