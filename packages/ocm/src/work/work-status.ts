/** The status of a ManifestWork from what happened to its manifests; conditions and reasons are upstream's. */
import {
  type Condition,
  type UnstructuredObject,
  parseApiVersion,
  withCondition,
} from "@ai-edge/apimachinery";
import type { ManifestCondition, ManifestResourceMeta, ManifestWork, ManifestWorkStatus } from "@ai-edge/api";
import { readFeedback } from "./feedback.ts";
import type { ResolvedManifest, UnresolvedManifest } from "./manifest.ts";

export interface ManifestOutcome {
  item: ResolvedManifest | UnresolvedManifest;
  /** Why it was not applied; undefined if it was. */
  error: string | undefined;
  /** The object at the cluster. */
  live: UnstructuredObject | undefined;
}

/** The status after all manifests were looked at. Transition times are kept from the work's status. */
export function workStatus(
  work: ManifestWork,
  outcomes: readonly ManifestOutcome[],
  now: Date,
): ManifestWorkStatus {
  const previous = work.status?.resourceStatus?.manifests ?? [];
  const manifests = outcomes
    .toSorted((a, b) => a.item.ordinal - b.item.ordinal)
    .map((outcome) => manifestCondition(outcome, previous, now));
  const failed = outcomes.filter(({ error }) => error !== undefined);
  const missing = outcomes.filter(({ live }) => live === undefined).length;
  const applied: Condition =
    failed.length === 0
      ? {
          type: "Applied",
          status: "True",
          reason: "AppliedManifestWorkComplete",
          message: "Apply manifest work complete",
        }
      : {
          type: "Applied",
          status: "False",
          reason: "AppliedManifestWorkFailed",
          message: failureText(failed),
        };
  const available: Condition =
    missing === 0
      ? {
          type: "Available",
          status: "True",
          reason: "ResourcesAvailable",
          message: "All resources are available",
        }
      : {
          type: "Available",
          status: "False",
          reason: "ResourcesNotAvailable",
          message: `${missing} of ${outcomes.length} resources are not available`,
        };
  const observedGeneration = work.metadata.generation ?? 0;
  const conditions = [applied, available].reduce(
    (list, condition) => withCondition(list, { ...condition, observedGeneration }, now),
    work.status?.conditions ?? [],
  );
  return { conditions, resourceStatus: { manifests } };
}

/** The status of a work that is not applied for a reason of its own. */
export function heldStatus(
  work: ManifestWork,
  reason: string,
  message: string,
  now: Date,
): ManifestWorkStatus {
  const condition: Condition = {
    type: "Applied",
    status: "False",
    reason,
    message,
    observedGeneration: work.metadata.generation ?? 0,
  };
  return { ...work.status, conditions: withCondition(work.status?.conditions, condition, now) };
}

function manifestCondition(
  { item, error, live }: ManifestOutcome,
  previous: readonly ManifestCondition[],
  now: Date,
): ManifestCondition {
  const resourceMeta = metaOf(item);
  const before = previous.find((condition) =>
    isSameResource(condition.resourceMeta, resourceMeta),
  )?.conditions;
  let conditions = withCondition(
    before,
    error === undefined
      ? {
          type: "Applied",
          status: "True",
          reason: "AppliedManifestComplete",
          message: "Apply manifest complete",
        }
      : {
          type: "Applied",
          status: "False",
          reason: "AppliedManifestFailed",
          message: `Failed to apply manifest: ${error}`,
        },
    now,
  );
  conditions = withCondition(
    conditions,
    live === undefined
      ? {
          type: "Available",
          status: "False",
          reason: "ResourceNotAvailable",
          message: "Resource is not available",
        }
      : { type: "Available", status: "True", reason: "ResourceAvailable", message: "Resource is available" },
    now,
  );
  const rules = "type" in item ? (item.config?.feedbackRules ?? []) : [];
  if (live === undefined || rules.length === 0) return { resourceMeta, conditions };
  const { values, errors } = readFeedback(live, rules);
  conditions = withCondition(
    conditions,
    errors.length === 0
      ? { type: "StatusFeedbackSynced", status: "True", reason: "StatusFeedbackSynced", message: "" }
      : {
          type: "StatusFeedbackSynced",
          status: "False",
          reason: "StatusFeedbackSyncFailed",
          message: errors.join("; "),
        },
    now,
  );
  return { resourceMeta, conditions, ...(values.length === 0 ? {} : { statusFeedback: { values } }) };
}

function metaOf(item: ResolvedManifest | UnresolvedManifest): ManifestResourceMeta {
  const { group, version } = parseApiVersion(item.manifest.apiVersion);
  const { kind, metadata } = item.manifest;
  const resource = "type" in item ? item.type.plural : "";
  return {
    ordinal: item.ordinal,
    group,
    version,
    kind,
    resource,
    name: metadata.name,
    namespace: metadata.namespace ?? "",
  };
}

function isSameResource(a: ManifestResourceMeta, b: ManifestResourceMeta): boolean {
  return a.group === b.group && a.kind === b.kind && a.name === b.name && a.namespace === b.namespace;
}

function failureText(failed: readonly ManifestOutcome[]): string {
  const [first] = failed;
  if (first === undefined) return "";
  const { kind, metadata } = first.item.manifest;
  const more = failed.length > 1 ? ` (and ${failed.length - 1} more)` : "";
  return `Failed to apply manifest work: ${kind} ${metadata.namespace === undefined ? "" : `${metadata.namespace}/`}${metadata.name}: ${first.error ?? ""}${more}`;
}
