import {
  ANNOTATION_DEPLOYMENT_REVISION,
  type Application,
  type ApplicationResourceStatus,
  type HealthStatus,
  type SyncStatusCode,
} from "@ai-edge/api";
import {
  apiVersionOf,
  isStatus,
  type KubernetesObject,
  type UnstructuredObject,
} from "@ai-edge/apimachinery";
import type { Client } from "@ai-edge/client";
import { healthOf, isWorse } from "../health/health.ts";
import { podProblem } from "../health/pod.ts";
import type { DifferenceOracle } from "./difference.ts";
import type { LiveResources } from "./live-resources.ts";
import type { Target } from "./target.ts";
import { instanceName, refKey, refOf, type ResourceRef, trackingInstance } from "./tracking.ts";
import { unstructuredType, type UnstructuredType } from "./unstructured-type.ts";

export interface ComparedResource {
  ref: ResourceRef;
  version: string;
  status: SyncStatusCode;
  health: HealthStatus | undefined;
  /** Absent: it left Git and waits to be pruned. */
  target: Target | undefined;
  /** Absent: it is not in the cluster. */
  live: { type: UnstructuredType; object: UnstructuredObject } | undefined;
}

export interface Comparison {
  resources: ComparedResource[];
  sync: SyncStatusCode;
  health: HealthStatus;
  /** Resources that another Application tracks too. */
  shared: string[];
}

export interface ComparisonContext {
  client: Client;
  live: LiveResources;
  oracle: DifferenceOracle;
  controlNamespace: string;
  signal: AbortSignal;
}

/** Dry runs at the same time: enough to hide latency, few enough for a small API server. */
const CONCURRENT_DRY_RUNS = 8;
const ANNOTATION_COMPARE_OPTIONS = "argocd.argoproj.io/compare-options";
const ANNOTATION_IGNORE_HEALTH = "argocd.argoproj.io/ignore-healthcheck";

/**
 * Compares what Git wants with what the cluster has.
 * @throws when the cluster cannot be read: then nothing is known, and nothing may be deleted
 */
export async function compareApplication(
  app: Application,
  targets: readonly Target[],
  context: ComparisonContext,
): Promise<Comparison> {
  await watchKinds(app, targets, context);
  const instance = instanceName(app, context.controlNamespace);
  const resources: ComparedResource[] = [];
  const shared: string[] = [];
  for (let index = 0; index < targets.length; index += CONCURRENT_DRY_RUNS) {
    const batch = targets.slice(index, index + CONCURRENT_DRY_RUNS);
    resources.push(...(await Promise.all(batch.map((target) => compareTarget(app, target, context)))));
  }
  for (const { ref, live } of resources) {
    const owner = live === undefined ? undefined : trackingInstance(live.object);
    if (owner !== undefined && owner !== instance)
      shared.push(`${ref.kind}/${ref.name} is part of applications ${instance} and ${owner}`);
  }
  const known = new Set(resources.map(({ ref }) => refKey(ref)));
  for (const extra of context.live.ofInstance(instance)) {
    const ref = refOf(extra.object);
    // What a controller made from a tracked object is not ours to prune.
    if (known.has(refKey(ref)) || (extra.object.metadata.ownerReferences ?? []).length > 0) continue;
    known.add(refKey(ref));
    const ignored = hasOption(extra.object, ANNOTATION_COMPARE_OPTIONS, "IgnoreExtraneous");
    resources.push({
      ref,
      version: extra.type.version,
      status: ignored ? "Synced" : "OutOfSync",
      health: healthOf(ref.group, extra.object),
      target: undefined,
      live: extra,
    });
  }
  const sync = resources.some(({ status }) => status !== "Synced") ? "OutOfSync" : "Synced";
  return { resources, sync, health: applicationHealth(resources), shared };
}

/** Kinds of the targets, and kinds that the Application had before: only those can hold something to prune. */
async function watchKinds(
  app: Application,
  targets: readonly Target[],
  { client, live }: ComparisonContext,
): Promise<void> {
  const types = new Map<string, UnstructuredType>();
  for (const { type } of targets) if (type !== undefined) types.set(`${type.group}/${type.kind}`, type);
  for (const { group = "", version, kind } of knownResources(app)) {
    if (types.has(`${group}/${kind}`)) continue;
    try {
      types.set(
        `${group}/${kind}`,
        unstructuredType(await client.resourceFor(apiVersionOf({ group, version }), kind)),
      );
    } catch (error) {
      // The kind itself is gone, and its objects with it.
      if (!isStatus(error, "NotFound")) throw error;
    }
  }
  await Promise.all([...types.values()].map((type) => live.watch(type)));
}

function knownResources(app: Application): Pick<ApplicationResourceStatus, "group" | "version" | "kind">[] {
  return [...(app.status?.resources ?? []), ...(app.status?.operationState?.syncResult?.resources ?? [])];
}

async function compareTarget(
  app: Application,
  target: Target,
  context: ComparisonContext,
): Promise<ComparedResource> {
  const { ref, version, type } = target;
  const key = ref.namespace === "" ? { name: ref.name } : { namespace: ref.namespace, name: ref.name };
  const object = type === undefined ? undefined : context.live.get(type, key);
  if (type === undefined || object === undefined) {
    return { ref, version, status: "OutOfSync", health: { status: "Missing" }, target, live: undefined };
  }
  const differs = await context.oracle.differs(target, object, app, context.signal);
  const health = resourceHealth(ref, object, context.live);
  return { ref, version, status: differs ? "OutOfSync" : "Synced", health, target, live: { type, object } };
}

function resourceHealth(
  ref: ResourceRef,
  object: UnstructuredObject,
  live: LiveResources,
): HealthStatus | undefined {
  const health = healthOf(ref.group, object);
  if (health?.status !== "Progressing" || ref.kind !== "Deployment" || ref.group !== "apps") return health;
  const revision = revisionOf(object);
  for (const { pod, replicaSet } of live.podsOf(object)) {
    if (revision !== undefined && revisionOf(replicaSet) !== revision) continue;
    const problem = podProblem(pod);
    if (problem !== undefined) return { status: "Degraded", message: problem };
  }
  return health;
}

function revisionOf(object: KubernetesObject): string | undefined {
  return object.metadata.annotations?.[ANNOTATION_DEPLOYMENT_REVISION];
}

/**
 * The worst health of what is wanted. What is missing only counts when everything is: OutOfSync already says it. The
 * message tells which resource it is, which upstream leaves to its UI.
 */
function applicationHealth(resources: readonly ComparedResource[]): HealthStatus {
  const wanted = resources.filter(({ target }) => target !== undefined);
  if (wanted.length > 0 && wanted.every(({ live }) => live === undefined)) return { status: "Missing" };
  let worst: HealthStatus = { status: "Healthy" };
  for (const { ref, health, live } of wanted) {
    if (health?.status === undefined || live === undefined) continue;
    if (live.object.metadata.annotations?.[ANNOTATION_IGNORE_HEALTH] === "true") continue;
    if (isWorse(worst.status ?? "Healthy", health.status)) {
      const message = health.message ?? "";
      worst = {
        status: health.status,
        ...(message === "" ? {} : { message: `${ref.kind} ${ref.name}: ${message}` }),
      };
    }
  }
  return worst;
}

/** Whether an object's annotation, a comma-separated list, holds an option. */
export function hasOption(object: KubernetesObject, annotation: string, option: string): boolean {
  return (object.metadata.annotations?.[annotation] ?? "").split(",").some((text) => text.trim() === option);
}
