import { type Application, Namespace, type OperationPhase, type ResourceResult } from "@ai-edge/api";
import { apiVersionOf, groupResource, isStatus, type ObjectKey } from "@ai-edge/apimachinery";
import type { Client } from "@ai-edge/client";
import type { Comparison, ComparedResource } from "./comparison.ts";
import { FIELD_MANAGER } from "./difference.ts";
import { compareForApply } from "./order.ts";
import { pruneResources } from "./prune.ts";
import { definedKinds, type Target } from "./target.ts";
import { refKey, type ResourceRef } from "./tracking.ts";
import { unstructuredType } from "./unstructured-type.ts";

export interface SyncRequest {
  app: Application;
  targets: readonly Target[];
  comparison: Comparison;
  prune: boolean;
  dryRun: boolean;
  /** Only these resources (`refKey`); absent: all. */
  selected?: ReadonlySet<string> | undefined;
  syncOptions: ReadonlySet<string>;
  client: Client;
  signal: AbortSignal;
}

export interface SyncOutcome {
  phase: OperationPhase;
  message: string;
  resources: ResourceResult[];
}

/**
 * One pass of a sync: namespace, dry run of everything, then wave by wave in kind order, then pruning. With several
 * waves the pass stops before the first whose predecessors are not healthy (`Running`); the next pass goes on.
 */
export async function syncApplication(request: SyncRequest): Promise<SyncOutcome> {
  const targets = request.targets
    .filter(({ ref }) => isSelected(request, ref))
    .toSorted((a, b) => a.wave - b.wave || compareForApply(a.ref, b.ref));
  if (!request.dryRun) await createNamespace(request);
  const failures = await dryRun(request, targets);
  if (failures.length > 0)
    return {
      phase: "Failed",
      message: `one or more objects failed to apply (dry run), reason: ${reasonsOf(failures)}`,
      resources: failures,
    };
  if (request.dryRun) return { phase: "Succeeded", message: "successfully synced (dry run)", resources: [] };
  const resources: ResourceResult[] = [];
  const waves = [...new Set(targets.map(({ wave }) => wave))];
  for (const [index, wave] of waves.entries()) {
    const members = targets.filter((target) => target.wave === wave);
    for (const target of members) resources.push(await applyTarget(request, target));
    const failed = resources.filter(({ status }) => status === "SyncFailed");
    if (failed.length > 0)
      return {
        phase: "Failed",
        message: `one or more objects failed to apply, reason: ${reasonsOf(failed)}`,
        resources,
      };
    if (index === waves.length - 1) break;
    const waiting = waveState(request.comparison, members);
    if (waiting !== undefined) return { ...waiting, resources };
  }
  const pruned = await pruneResources(
    request,
    request.comparison.resources.filter(
      ({ target, ref }) => target === undefined && isSelected(request, ref),
    ),
  );
  const all = [...resources, ...pruned];
  const failed = all.filter(({ status }) => status === "SyncFailed");
  if (failed.length > 0)
    return {
      phase: "Failed",
      message: `one or more synchronization tasks completed unsuccessfully, reason: ${reasonsOf(failed)}`,
      resources: all,
    };
  return { phase: "Succeeded", message: "successfully synced (all tasks run)", resources: all };
}

function isSelected({ selected }: SyncRequest, ref: ResourceRef): boolean {
  return selected === undefined || selected.has(refKey(ref));
}

async function createNamespace({ app, syncOptions, client, signal }: SyncRequest): Promise<void> {
  const name = app.spec.destination.namespace ?? "";
  if (name === "" || !syncOptions.has("CreateNamespace=true")) return;
  const metadata = app.spec.syncPolicy?.managedNamespaceMetadata;
  if (metadata === undefined) {
    try {
      await client.get(Namespace, { name }, { signal });
      return;
    } catch (error) {
      if (!isStatus(error, "NotFound")) throw error;
    }
  }
  await client.apply(
    Namespace,
    { metadata: { name, ...metadata } },
    { fieldManager: FIELD_MANAGER, force: true, signal },
  );
}

/** Finds what cannot be applied before anything is changed. Kinds that a CRD of this sync defines cannot be tried. */
async function dryRun(request: SyncRequest, targets: readonly Target[]): Promise<ResourceResult[]> {
  const failures: ResourceResult[] = [];
  const kinds = definedKinds(targets);
  const namespaces = new Set(
    targets.filter(({ ref }) => ref.kind === "Namespace" && ref.group === "").map(({ ref }) => ref.name),
  );
  for (const target of targets) {
    if (target.type === undefined) {
      const isExpected = kinds.has(`${target.ref.group}/${target.ref.kind}`);
      const isSkipped = hasSyncOption(request, target, "SkipDryRunOnMissingResource=true");
      if (!isExpected && !isSkipped) failures.push(resultOf(target, "SyncFailed", unknownKind(target.ref)));
      continue;
    }
    try {
      await request.client.apply(target.type, target.object, {
        fieldManager: FIELD_MANAGER,
        force: true,
        dryRun: true,
        signal: request.signal,
      });
    } catch (error) {
      if (isStatus(error, "NotFound") && namespaces.has(target.ref.namespace)) continue;
      if (hasSyncOption(request, target, "Replace=true") && isStatus(error, "Invalid")) continue;
      failures.push(resultOf(target, "SyncFailed", messageOf(error)));
    }
  }
  return failures;
}

async function applyTarget(request: SyncRequest, target: Target): Promise<ResourceResult> {
  const { client, signal } = request;
  const { ref, version } = target;
  try {
    const type =
      target.type ??
      unstructuredType(await client.resourceFor(apiVersionOf({ group: ref.group, version }), ref.kind));
    if (hasSyncOption(request, target, "Replace=true")) {
      await replace(client, type, target, signal);
      return resultOf(target, "Synced", `${groupResource(type)}/${ref.name} replaced`);
    }
    await client.apply(type, target.object, { fieldManager: FIELD_MANAGER, force: true, signal });
    return resultOf(target, "Synced", `${groupResource(type)}/${ref.name} serverside-applied`);
  } catch (error) {
    if (isStatus(error, "NotFound") && target.type === undefined) {
      return resultOf(target, "SyncFailed", unknownKind(ref));
    }
    return resultOf(target, "SyncFailed", messageOf(error));
  }
}

async function replace(
  client: Client,
  type: NonNullable<Target["type"]>,
  target: Target,
  signal: AbortSignal,
): Promise<void> {
  const key: ObjectKey = {
    name: target.ref.name,
    ...(target.ref.namespace === "" ? {} : { namespace: target.ref.namespace }),
  };
  const options = { fieldManager: FIELD_MANAGER, signal };
  try {
    const { metadata } = await client.get(type, key, { signal });
    const { resourceVersion } = metadata;
    await client.update(
      type,
      {
        ...target.object,
        metadata: {
          ...target.object.metadata,
          ...(resourceVersion === undefined ? {} : { resourceVersion }),
        },
      },
      options,
    );
  } catch (error) {
    if (!isStatus(error, "NotFound")) throw error;
    await client.create(type, target.object, options);
  }
}

/** Why the next wave has to wait, or undefined when it may start. */
function waveState(
  comparison: Comparison,
  members: readonly Target[],
): Omit<SyncOutcome, "resources"> | undefined {
  const compared = new Map(comparison.resources.map((resource) => [refKey(resource.ref), resource]));
  const states = members
    .map((target) => compared.get(refKey(target.ref)))
    .filter((resource) => resource !== undefined);
  const degraded = states.find(({ health, status }) => health?.status === "Degraded" && status === "Synced");
  if (degraded !== undefined) {
    return {
      phase: "Failed",
      message: `one or more synchronization tasks completed unsuccessfully: ${degraded.ref.kind} ${degraded.ref.name}: ${degraded.health?.message ?? "Degraded"}`,
    };
  }
  const waiting = states.filter((resource) => !isDone(resource));
  const [first] = waiting;
  if (first === undefined) return undefined;
  const more = waiting.length > 1 ? ` and ${waiting.length - 1} more resources` : "";
  return {
    phase: "Running",
    message: `waiting for healthy state of ${first.ref.group}/${first.ref.kind}/${first.ref.name}${more}`,
  };
}

function isDone({ status, health }: ComparedResource): boolean {
  return (
    status === "Synced" &&
    (health?.status === undefined || health.status === "Healthy" || health.status === "Suspended")
  );
}

function resultOf(
  { ref, version }: Target,
  status: ResourceResult["status"],
  message: string,
): ResourceResult {
  return { ...ref, version, ...(status === undefined ? {} : { status }), message, syncPhase: "Sync" };
}

/** Options are set on the Application or on the resource. */
function hasSyncOption(request: SyncRequest, target: Target, option: string): boolean {
  return request.syncOptions.has(option) || target.syncOptions.has(option);
}

function unknownKind({ group, kind, namespace, name }: ResourceRef): string {
  return `The Kubernetes API could not find ${group}/${kind} for requested resource ${namespace}/${name}. Make sure the "${kind}" CRD is installed on the destination cluster`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Messages name the objects; the first few are enough to act on. */
const REASONS_SHOWN = 3;

function reasonsOf(results: readonly ResourceResult[]): string {
  const texts = results
    .slice(0, REASONS_SHOWN)
    .map(({ kind, name, message = "" }) => `${kind} ${name}: ${message}`);
  return (
    texts.join("; ") + (results.length > REASONS_SHOWN ? `; and ${results.length - REASONS_SHOWN} more` : "")
  );
}
