import { createHash } from "node:crypto";
import {
  type ObjectKey,
  type ResourceType,
  type UnstructuredObject,
  deepEqual,
  keyOf,
} from "@ai-edge/apimachinery";
import type { AppliedWorkResource, ManifestConfig, ManifestWork, WorkResourceIdentifier } from "@ai-edge/api";
import type { Client } from "@ai-edge/client";

/** A manifest of a work whose resource is known at this cluster. */
export interface ResolvedManifest {
  ordinal: number;
  manifest: UnstructuredObject;
  type: ResourceType<UnstructuredObject>;
  key: ObjectKey;
  config: ManifestConfig | undefined;
  /** Changes with any field of the manifest. */
  hash: string;
}

export interface UnresolvedManifest {
  ordinal: number;
  manifest: UnstructuredObject;
  error: Error;
}

/** Upstream's order of application: what others live in or are defined by comes first, webhooks last. */
const RANKS = [
  "Namespace",
  "NetworkPolicy",
  "ResourceQuota",
  "LimitRange",
  "PodDisruptionBudget",
  "ServiceAccount",
  "Secret",
  "ConfigMap",
  "StorageClass",
  "PersistentVolume",
  "PersistentVolumeClaim",
  "CustomResourceDefinition",
  "ClusterRole",
  "ClusterRoleBinding",
  "Role",
  "RoleBinding",
  "Service",
  "DaemonSet",
  "Pod",
  "ReplicationController",
  "ReplicaSet",
  "Deployment",
  "StatefulSet",
  "Job",
  "CronJob",
  "Ingress",
  "APIService",
];
const LAST_RANKS = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/** The manifests of a work in the order in which they are applied, and those whose kind this cluster does not know. */
export async function resolveManifests(
  client: Client,
  work: ManifestWork,
): Promise<{ resolved: ResolvedManifest[]; unresolved: UnresolvedManifest[] }> {
  const resolved: ResolvedManifest[] = [];
  const unresolved: UnresolvedManifest[] = [];
  for (const [ordinal, manifest] of (work.spec.workload?.manifests ?? []).entries()) {
    try {
      const type: ResourceType<UnstructuredObject> = await resourceOf(client, manifest);
      const key = type.namespaced ? keyOf(manifest) : { name: manifest.metadata.name };
      const config = work.spec.manifestConfigs?.find(({ resourceIdentifier }) =>
        identifies(resourceIdentifier, type, key),
      );
      const hash = createHash("sha256").update(JSON.stringify(manifest)).digest("hex").slice(0, 16);
      resolved.push({ ordinal, manifest: plainSecret(manifest), type, key, config, hash });
    } catch (error) {
      unresolved.push({
        ordinal,
        manifest,
        error: error instanceof Error ? error : new Error(String(error)),
      });
    }
  }
  return {
    resolved: resolved.toSorted((a, b) => rankOf(a) - rankOf(b) || a.ordinal - b.ordinal),
    unresolved,
  };
}

/** True if an identifier of a manifest config or orphaning rule means a resource. */
export function identifies(
  identifier: WorkResourceIdentifier,
  type: { group: string; plural: string },
  key: ObjectKey,
): boolean {
  return (
    (identifier.group ?? "") === type.group &&
    identifier.resource === type.plural &&
    (identifier.namespace ?? "") === (key.namespace ?? "") &&
    identifier.name === key.name
  );
}

/** Names an object among all of a cluster: `group/resource/namespace/name`. */
export function idOf({ group = "", resource, namespace = "", name }: WorkResourceIdentifier): string {
  return [group, resource, namespace, name].join("/");
}

/** As it is listed in an AppliedManifestWork. */
export function identityOf({ type, key }: Pick<ResolvedManifest, "type" | "key">): AppliedWorkResource {
  const { group, version, plural: resource } = type;
  return {
    group,
    version,
    resource,
    ...(key.namespace === undefined ? {} : { namespace: key.namespace }),
    name: key.name,
  };
}

/** True if every field of `wanted` has that value in `live`; lists must have the same length. */
export function isContained(wanted: unknown, live: unknown): boolean {
  if (wanted === null || wanted === undefined) return true;
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(live) &&
      live.length === wanted.length &&
      wanted.every((item, index) => isContained(item, live[index]))
    );
  }
  if (typeof wanted !== "object") return deepEqual(wanted, live);
  if (typeof live !== "object" || live === null) return Object.keys(wanted).length === 0;
  return Object.entries(wanted).every(([name, value]) => isContained(value, Reflect.get(live, name)));
}

async function resourceOf(
  client: Client,
  manifest: UnstructuredObject,
): Promise<ResourceType<UnstructuredObject>> {
  const { group, version, kind, plural, namespaced } = await client.resourceFor(
    manifest.apiVersion,
    manifest.kind,
  );
  return { group, version, kind, plural, namespaced };
}

function rankOf({ type }: ResolvedManifest): number {
  if (LAST_RANKS.includes(type.kind)) return RANKS.length + 1;
  const rank = RANKS.indexOf(type.kind);
  return rank < 0 ? RANKS.length : rank;
}

/** `stringData` is write-only: as `data` the manifest can be compared with what is there. */
function plainSecret(manifest: UnstructuredObject): UnstructuredObject {
  const { stringData, ...rest } = manifest;
  if (
    manifest.kind !== "Secret" ||
    manifest.apiVersion !== "v1" ||
    typeof stringData !== "object" ||
    stringData === null
  )
    return manifest;
  const encoded = Object.entries(stringData).map(([name, text]) => [
    name,
    Buffer.from(String(text)).toString("base64"),
  ]);
  const data: object = typeof rest["data"] === "object" && rest["data"] !== null ? rest["data"] : {};
  return { ...rest, data: { ...data, ...Object.fromEntries(encoded) } };
}
