import { createHash } from "node:crypto";
import type { Resource } from "../resources/resource.ts";
import type { ResourceRegistry } from "../resources/registry.ts";

/** Versions of a group, most stable first: v2, v1, v1beta1, v1alpha1. */
function compareVersions(a: string, b: string): number {
  return rank(b) - rank(a) || (a < b ? -1 : 1);
}

const STABILITY: Record<string, number> = { alpha: 0, beta: 1 };

/** GA beats beta beats alpha, then the higher number wins (`version.CompareKubeAwareVersionStrings`). */
function rank(version: string): number {
  const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
  if (match === null) return -1;
  const [, major = "0", stability, minor = "0"] = match;
  const level = stability === undefined ? 2 : (STABILITY[stability] ?? 0);
  return level * 1_000_000 + Number(major) * 1000 + Number(minor);
}

export interface GroupVersions {
  readonly group: string;
  readonly versions: string[];
}

/** The groups in the order in which kubectl resolves short names: core, apps, …, custom ones last, by name. */
export function groupsOf(registry: ResourceRegistry): GroupVersions[] {
  const versions = new Map<string, Set<string>>();
  const custom = new Set<string>();
  for (const { type, custom: isCustom } of registry.all()) {
    versions.set(type.group, (versions.get(type.group) ?? new Set()).add(type.version));
    if (isCustom) custom.add(type.group);
  }
  return [...versions]
    .map(([group, set]) => ({ group, versions: [...set].toSorted(compareVersions) }))
    .toSorted((a, b) => Number(custom.has(a.group)) - Number(custom.has(b.group)));
}

export function resourcesOf(registry: ResourceRegistry, group: string, version: string): Resource[] {
  return registry.all().filter(({ type }) => type.group === group && type.version === version);
}

/** `APIGroup` as in `/apis` and `/apis/GROUP`. */
export function apiGroup({ group, versions }: GroupVersions): Record<string, unknown> {
  const list = versions.map((version) => ({ groupVersion: `${group}/${version}`, version }));
  return { name: group, versions: list, preferredVersion: list[0] };
}

/** `APIResourceList`: what one version of a group serves. */
export function apiResourceList(
  registry: ResourceRegistry,
  group: string,
  version: string,
): Record<string, unknown> {
  const resources = resourcesOf(registry, group, version).flatMap((resource) => [
    {
      name: resource.type.plural,
      singularName: resource.singular,
      namespaced: resource.type.namespaced,
      kind: resource.type.kind,
      verbs: resource.verbs,
      ...(resource.shortNames.length === 0 ? {} : { shortNames: resource.shortNames }),
      ...(resource.categories.length === 0 ? {} : { categories: resource.categories }),
      storageVersionHash: hashOf(resource.storage).slice(0, 12),
    },
    ...subresourcesOf(resource).map((sub) => ({
      name: `${resource.type.plural}/${sub.name}`,
      singularName: "",
      namespaced: resource.type.namespaced,
      ...(sub.group === undefined ? {} : { group: sub.group, version: sub.version }),
      kind: sub.kind,
      verbs: sub.verbs,
    })),
  ]);
  const groupVersion = group === "" ? version : `${group}/${version}`;
  return { kind: "APIResourceList", apiVersion: "v1", groupVersion, resources };
}

/** `APIGroupDiscoveryList` (aggregated discovery) of the core group or of all others. */
export function aggregated(
  registry: ResourceRegistry,
  core: boolean,
  version: string,
): Record<string, unknown> {
  const groups = groupsOf(registry).filter(({ group }) => (group === "") === core);
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: groups.map(({ group, versions }) => ({
      metadata: { name: group, creationTimestamp: null },
      versions: versions.map((one) => ({
        version: one,
        freshness: "Current",
        resources: resourcesOf(registry, group, one).map((resource) => aggregatedResource(resource)),
      })),
    })),
  };
}

function aggregatedResource(resource: Resource): Record<string, unknown> {
  const { type } = resource;
  const subresources = subresourcesOf(resource).map((sub) => ({
    subresource: sub.name,
    responseKind: { group: sub.group ?? "", version: sub.version ?? "", kind: sub.kind },
    verbs: sub.verbs,
  }));
  return {
    resource: type.plural,
    responseKind: { group: type.group, version: type.version, kind: type.kind },
    scope: type.namespaced ? "Namespaced" : "Cluster",
    singularResource: resource.singular,
    verbs: resource.verbs,
    ...(resource.shortNames.length === 0 ? {} : { shortNames: resource.shortNames }),
    ...(resource.categories.length === 0 ? {} : { categories: resource.categories }),
    ...(subresources.length === 0 ? {} : { subresources }),
  };
}

const READ_WRITE = ["get", "patch", "update"];

function subresourcesOf(resource: Resource): Resource["subresources"] {
  const list = [...resource.subresources];
  if (resource.hasStatus) list.push({ name: "status", kind: resource.type.kind, verbs: READ_WRITE });
  if (resource.scale !== undefined) {
    list.push({ name: "scale", kind: "Scale", group: "autoscaling", version: "v1", verbs: READ_WRITE });
  }
  return list.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** A short hash for ETags and storageVersionHash. */
export function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("base64");
}
