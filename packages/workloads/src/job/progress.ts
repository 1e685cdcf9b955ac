import { findCondition, isConditionTrue } from "@ai-edge/apimachinery";
import type { Job, Pod } from "@ai-edge/api";
import { isActive, restartCount } from "../pod.ts";

/** Upstream's pause before a failed pod is replaced: 10 s, doubling, at most 10 min. */
const RETRY_BASE_MS = 10_000;
const RETRY_MAX_MS = 10 * 60_000;
/** The API server's default for `backoffLimit`. */
const DEFAULT_BACKOFF_LIMIT = 6;

/** What the pods of a Job add up to. */
export interface JobProgress {
  active: Pod[];
  succeeded: number;
  failed: number;
  /** The end that the Job has come to, if it has. */
  outcome: Outcome | undefined;
  /** How many pods should run now. */
  wanted: number;
  /** Milliseconds until a failed pod may be replaced. */
  retryIn: number;
}

interface Outcome {
  type: "Complete" | "Failed";
  reason: string;
  message: string;
}

/** The type of the condition that ended a Job. */
export function finishedBy(job: Job): "Complete" | "Failed" | undefined {
  return (["Complete", "Failed"] as const).find((type) => isConditionTrue(job.status?.conditions, type));
}

/** When a finished Job ended, in milliseconds of the epoch. */
export function finishedAt(job: Job): number | undefined {
  const type = finishedBy(job);
  if (type === undefined) return undefined;
  return Date.parse(findCondition(job.status?.conditions, type)?.lastTransitionTime ?? "") || undefined;
}

/** Judges a Job by its pods (upstream's syncJob), counting also what earlier passes saw and has been deleted since. */
export function jobProgress(job: Job, pods: readonly Pod[], now: Date): JobProgress {
  const active = pods.filter(isActive);
  const failedPods = pods.filter(({ status }) => status?.phase === "Failed");
  const succeededPods = pods.filter(({ status }) => status?.phase === "Succeeded");
  const succeeded = Math.max(succeededPods.length, job.status?.succeeded ?? 0);
  const failed = Math.max(failedPods.length, job.status?.failed ?? 0);
  const { completions, parallelism = 1 } = job.spec;
  const left = completions === undefined ? (succeeded > 0 ? 0 : parallelism) : completions - succeeded;
  return {
    active,
    succeeded,
    failed,
    outcome: outcomeOf(job, { active, succeeded, failed }, now),
    wanted:
      completions === undefined && succeeded > 0 ? active.length : Math.max(0, Math.min(left, parallelism)),
    retryIn: retryIn(failedPods, failed, now),
  };
}

function outcomeOf(
  job: Job,
  { active, succeeded, failed }: Pick<JobProgress, "active" | "succeeded" | "failed">,
  now: Date,
): Outcome | undefined {
  const { completions, backoffLimit = DEFAULT_BACKOFF_LIMIT, activeDeadlineSeconds } = job.spec;
  const restarts =
    job.spec.template.spec.restartPolicy === "OnFailure"
      ? active.reduce((sum, pod) => sum + restartCount(pod), 0)
      : 0;
  if (failed > backoffLimit || (restarts > 0 && restarts > backoffLimit)) {
    const message = "Job has reached the specified backoff limit";
    return { type: "Failed", reason: "BackoffLimitExceeded", message };
  }
  const startedAt = Date.parse(job.status?.startTime ?? "");
  if (activeDeadlineSeconds !== undefined && startedAt + activeDeadlineSeconds * 1000 <= now.getTime()) {
    const message = "Job was active longer than specified deadline";
    return { type: "Failed", reason: "DeadlineExceeded", message };
  }
  const complete =
    completions === undefined ? succeeded > 0 && active.length === 0 : succeeded >= completions;
  if (!complete) return undefined;
  return {
    type: "Complete",
    reason: "CompletionsReached",
    message: "Reached expected number of succeeded pods",
  };
}

function retryIn(failedPods: readonly Pod[], failed: number, now: Date): number {
  if (failed === 0 || failedPods.length === 0) return 0;
  const last = Math.max(...failedPods.map(failedAt));
  const delay = Math.min(RETRY_MAX_MS, RETRY_BASE_MS * 2 ** (failed - 1));
  return Math.max(0, last + delay - now.getTime());
}

function failedAt(pod: Pod): number {
  const ends = (pod.status?.containerStatuses ?? []).map(
    ({ state }) => Date.parse(state?.terminated?.finishedAt ?? "") || 0,
  );
  return Math.max(Date.parse(pod.metadata.creationTimestamp ?? "") || 0, ...ends);
}
