import { ANNOTATION_TRACKING_ID, type Application } from "@ai-edge/api";
import { isStatus, parseApiVersion, type UnstructuredObject } from "@ai-edge/apimachinery";
import type { Client } from "@ai-edge/client";
import { instanceName, refKey, refOf, type ResourceRef, trackingId } from "./tracking.ts";
import { unstructuredType, type UnstructuredType } from "./unstructured-type.ts";

/** A manifest as it will be applied. */
export interface Target {
  ref: ResourceRef;
  version: string;
  object: UnstructuredObject;
  /** Undefined: the cluster does not know the kind (yet). */
  type: UnstructuredType | undefined;
  wave: number;
  syncOptions: ReadonlySet<string>;
}

export interface Targets {
  items: Target[];
  /** Manifests that appear more than once; the last one counts. */
  repeated: string[];
  /** Hooks, which this controller does not run. */
  hooks: string[];
}

const ANNOTATION_SYNC_WAVE = "argocd.argoproj.io/sync-wave";
const ANNOTATION_SYNC_OPTIONS = "argocd.argoproj.io/sync-options";
const ANNOTATION_HOOK = "argocd.argoproj.io/hook";

/** Manifests made ready for the cluster: namespace filled in, tracked, each object once. */
export async function prepareTargets(
  app: Application,
  manifests: readonly UnstructuredObject[],
  client: Client,
  controlNamespace: string,
): Promise<Targets> {
  const items = new Map<string, Target>();
  const repeated: string[] = [];
  const hooks: string[] = [];
  const types = new TypeLookup(client, manifests);
  for (const manifest of manifests) {
    const hook = manifest.metadata.annotations?.[ANNOTATION_HOOK];
    if (hook !== undefined) {
      if (hook !== "Skip") hooks.push(`${manifest.kind}/${manifest.metadata.name} (${hook})`);
      continue;
    }
    const target = prepare(app, manifest, await types.find(manifest), controlNamespace);
    const key = refKey(target.ref);
    if (items.has(key))
      repeated.push(`${target.ref.group}/${target.ref.kind}/${target.ref.namespace}/${target.ref.name}`);
    items.set(key, target);
  }
  return { items: [...items.values()], repeated, hooks };
}

function prepare(
  app: Application,
  manifest: UnstructuredObject,
  found: FoundType,
  controlNamespace: string,
): Target {
  const destination = app.spec.destination.namespace ?? "";
  const { namespace: given, ...metadata } = manifest.metadata;
  const namespace = found.namespaced ? (given ?? destination) : "";
  const ref = { ...refOf(manifest), namespace };
  const annotations: Record<string, string> = {
    ...metadata.annotations,
    [ANNOTATION_TRACKING_ID]: trackingId(
      instanceName(app, controlNamespace),
      ref,
      namespace === "" ? destination : namespace,
    ),
  };
  const { status: _, ...content } = manifest;
  return {
    ref,
    version: parseApiVersion(manifest.apiVersion).version,
    object: {
      ...content,
      metadata: { ...metadata, ...(namespace === "" ? {} : { namespace }), annotations },
    },
    type: found.type,
    wave: waveOf(annotations[ANNOTATION_SYNC_WAVE]),
    syncOptions: optionsOf(annotations[ANNOTATION_SYNC_OPTIONS]),
  };
}

function waveOf(text: string | undefined): number {
  return text !== undefined && /^[+-]?\d{1,9}$/.test(text.trim()) ? Number(text) : 0;
}

function optionsOf(text: string | undefined): ReadonlySet<string> {
  return new Set(
    (text ?? "")
      .split(",")
      .map((option) => option.trim())
      .filter((option) => option !== ""),
  );
}

interface FoundType {
  type: UnstructuredType | undefined;
  namespaced: boolean;
}

/** Resource types by discovery; kinds that a CRD among the manifests will define are known by that. */
class TypeLookup {
  readonly #client: Client;
  readonly #found = new Map<string, Promise<FoundType>>();
  readonly #scopes = new Map<string, string>();

  constructor(client: Client, manifests: readonly UnstructuredObject[]) {
    this.#client = client;
    for (const manifest of manifests) {
      if (manifest.kind !== "CustomResourceDefinition") continue;
      const { group, names, scope } = crdSpec(manifest);
      this.#scopes.set(`${group}/${names}`, scope);
    }
  }

  find(manifest: UnstructuredObject): Promise<FoundType> {
    const key = `${manifest.apiVersion}/${manifest.kind}`;
    const known = this.#found.get(key) ?? this.#discover(manifest);
    this.#found.set(key, known);
    return known;
  }

  async #discover({ apiVersion, kind }: UnstructuredObject): Promise<FoundType> {
    try {
      const type = await this.#client.resourceFor(apiVersion, kind);
      return { type: unstructuredType(type), namespaced: type.namespaced };
    } catch (error) {
      if (!isStatus(error, "NotFound")) throw error;
      const scope = this.#scopes.get(`${parseApiVersion(apiVersion).group}/${kind}`);
      return { type: undefined, namespaced: scope !== "Cluster" };
    }
  }
}

/** The kinds that CustomResourceDefinitions among the targets define, as `group/Kind`. */
export function definedKinds(targets: readonly Target[]): ReadonlySet<string> {
  const definitions = targets.filter(({ ref }) => ref.kind === "CustomResourceDefinition");
  return new Set(
    definitions.map(({ object }) => {
      const { group, names } = crdSpec(object);
      return `${group}/${names}`;
    }),
  );
}

function crdSpec(manifest: UnstructuredObject): { group: string; names: string; scope: string } {
  const spec: Record<string, unknown> = isRecord(manifest["spec"]) ? manifest["spec"] : {};
  const names = isRecord(spec["names"]) ? spec["names"] : {};
  return { group: String(spec["group"]), names: String(names["kind"]), scope: String(spec["scope"]) };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
