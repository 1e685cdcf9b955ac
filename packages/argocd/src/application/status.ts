import type {
  Application,
  ApplicationCondition,
  ApplicationResourceStatus,
  ApplicationStatus,
  HealthStatus,
} from "@ai-edge/api";
import { deepEqual, formatTime, isJsonObject } from "@ai-edge/apimachinery";
import { fieldsOf, listOf } from "../health/fields.ts";
import type { ComparedResource, Comparison } from "./comparison.ts";
import { compareForApply } from "./order.ts";
import type { LoadedSource } from "./source-loader.ts";

/** The status after a comparison; what an operation adds comes later. */
export function comparedStatus(
  app: Application,
  loaded: LoadedSource,
  comparison: Comparison,
  conditions: ApplicationCondition[],
  now: Date,
): ApplicationStatus {
  const { destination, ignoreDifferences } = app.spec;
  return {
    ...app.status,
    sync: {
      status: comparison.sync,
      revision: loaded.revision,
      comparedTo: {
        source: loaded.source,
        destination,
        ...(ignoreDifferences === undefined ? {} : { ignoreDifferences }),
      },
    },
    health: withTransition(app.status?.health, comparison.health, now),
    resources: comparison.resources.toSorted((a, b) => compareForApply(a.ref, b.ref)).map(resourceStatus),
    conditions: withTimes(app.status?.conditions, conditions, now),
    sourceType: loaded.sourceType,
    summary: { ...app.status?.summary, images: imagesOf(comparison) },
    controllerNamespace: app.metadata.namespace ?? "",
  };
}

/** The status when what Git wants could not be found out: nothing is known about sync, what was known last stays. */
export function failedStatus(
  app: Application,
  conditions: ApplicationCondition[],
  now: Date,
): ApplicationStatus {
  const { destination, source } = app.spec;
  const { sync, health } = app.status ?? {};
  return {
    ...app.status,
    sync: {
      status: "Unknown",
      ...(sync?.revision === undefined ? {} : { revision: sync.revision }),
      comparedTo: sync?.comparedTo ?? { destination, ...(source === undefined ? {} : { source }) },
    },
    health: withTransition(health, health?.status === undefined ? { status: "Unknown" } : { ...health }, now),
    conditions: withTimes(app.status?.conditions, conditions, now),
  };
}

function withTransition(before: HealthStatus | undefined, next: HealthStatus, now: Date): HealthStatus {
  const { lastTransitionTime: _, ...health } = next;
  const since = before?.status === next.status ? before?.lastTransitionTime : undefined;
  return { ...health, lastTransitionTime: since ?? formatTime(now) };
}

/** A condition keeps its time as long as it says the same. */
function withTimes(
  before: readonly ApplicationCondition[] | undefined,
  next: readonly ApplicationCondition[],
  now: Date,
): ApplicationCondition[] {
  return next.map((condition) => {
    const same = before?.find(
      ({ type, message }) => type === condition.type && message === condition.message,
    );
    return { ...condition, lastTransitionTime: same?.lastTransitionTime ?? formatTime(now) };
  });
}

function resourceStatus({
  ref,
  version,
  status,
  health,
  target,
}: ComparedResource): ApplicationResourceStatus {
  const { group, kind, namespace, name } = ref;
  return {
    ...(group === "" ? {} : { group }),
    version,
    kind,
    ...(namespace === "" ? {} : { namespace }),
    name,
    status,
    ...(health === undefined ? {} : { health }),
    ...(target === undefined ? { requiresPruning: true } : {}),
    ...(target !== undefined && target.wave !== 0 ? { syncWave: target.wave } : {}),
  };
}

/** Images of all containers in what is live, sorted (`status.summary.images`). */
function imagesOf(comparison: Comparison): string[] {
  const images = new Set<string>();
  for (const { live } of comparison.resources) collectImages(live?.object["spec"], images);
  return [...images].sort();
}

function collectImages(spec: unknown, images: Set<string>): void {
  const { containers, initContainers, template, jobTemplate } = fieldsOf(spec);
  for (const container of [...listOf(containers), ...listOf(initContainers)]) {
    const { image } = fieldsOf(container);
    if (typeof image === "string" && image !== "") images.add(image);
  }
  if (isJsonObject(template)) collectImages(template["spec"], images);
  if (isJsonObject(jobTemplate)) collectImages(jobTemplate["spec"], images);
}

/** Whether the spec asks for something else than what the status compares to. */
export function isComparedToSpec(app: Application): boolean {
  const { source, destination } = app.status?.sync?.comparedTo ?? {};
  return deepEqual(source, app.spec.source) && deepEqual(destination, app.spec.destination);
}
