import {
  ANNOTATION_DEPLOYMENT_REVISION,
  ANNOTATION_DESIRED_REPLICAS,
  ANNOTATION_MAX_REPLICAS,
  type Deployment,
  type ReplicaSet,
} from "@ai-edge/api";
import { desiredReplicas, fenceposts } from "./bounds.ts";

const REVISION_HISTORY = "deployment.kubernetes.io/revision-history";
/** A ReplicaSet's annotations that are its own, not the Deployment's. */
const NOT_COPIED = new Set([
  "kubectl.kubernetes.io/last-applied-configuration",
  ANNOTATION_DEPLOYMENT_REVISION,
  REVISION_HISTORY,
  ANNOTATION_DESIRED_REPLICAS,
  ANNOTATION_MAX_REPLICAS,
  "deprecated.deployment.rollback.to",
]);

/** The revision of a ReplicaSet, which `kubectl rollout history|undo` reads; 0 if it has none yet. */
export function revisionOf(replicaSet: ReplicaSet): number {
  const revision = Number(replicaSet.metadata.annotations?.[ANNOTATION_DEPLOYMENT_REVISION] ?? 0);
  return Number.isSafeInteger(revision) ? revision : 0;
}

export function nextRevision(old: readonly ReplicaSet[]): number {
  return 1 + Math.max(0, ...old.map(revisionOf));
}

/** The annotations of the new ReplicaSet: the Deployment's, its revision, and the revisions that it had before. */
export function revisionAnnotations(
  deployment: Deployment,
  existing: Record<string, string> | undefined,
  revision: number,
): Record<string, string> {
  const annotations = { ...existing };
  for (const [name, value] of Object.entries(deployment.metadata.annotations ?? {})) {
    if (!NOT_COPIED.has(name)) annotations[name] = value;
  }
  const previous = annotations[ANNOTATION_DEPLOYMENT_REVISION];
  const before = Number(previous ?? 0);
  if (revision > before) {
    annotations[ANNOTATION_DEPLOYMENT_REVISION] = String(revision);
    if (previous !== undefined) {
      const history = annotations[REVISION_HISTORY];
      annotations[REVISION_HISTORY] =
        history === undefined || history === "" ? previous : `${history},${previous}`;
    }
  }
  return annotations;
}

/** The annotations by which a later pass sees that the Deployment was scaled, and by how much in proportion. */
export function sizeAnnotations(deployment: Deployment): Record<string, string> {
  const desired = desiredReplicas(deployment);
  return {
    [ANNOTATION_DESIRED_REPLICAS]: String(desired),
    [ANNOTATION_MAX_REPLICAS]: String(desired + fenceposts(deployment).maxSurge),
  };
}

/** What {@link sizeAnnotations} wrote last time. */
export function recordedSize(replicaSet: ReplicaSet): {
  desired: number | undefined;
  max: number | undefined;
} {
  const read = (name: string): number | undefined => {
    const value = replicaSet.metadata.annotations?.[name];
    return value === undefined || !/^\d+$/.test(value) ? undefined : Number(value);
  };
  return { desired: read(ANNOTATION_DESIRED_REPLICAS), max: read(ANNOTATION_MAX_REPLICAS) };
}

/** The fully scaled-down old ReplicaSets beyond the history limit, oldest revision first. */
export function beyondHistory(deployment: Deployment, old: readonly ReplicaSet[]): ReplicaSet[] {
  const limit = deployment.spec.revisionHistoryLimit ?? 10;
  const living = old.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const excess = living.length - limit;
  if (excess <= 0) return [];
  return living
    .sort((a, b) => revisionOf(a) - revisionOf(b))
    .slice(0, excess)
    .filter(
      ({ spec, status, metadata }) =>
        (status?.replicas ?? 0) === 0 &&
        (spec.replicas ?? 1) === 0 &&
        (metadata.generation ?? 0) <= (status?.observedGeneration ?? 0),
    );
}
