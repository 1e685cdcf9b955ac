import {
  type Condition,
  type ObjectKey,
  findCondition,
  formatTime,
  isConditionTrue,
  keyOf,
  withCondition,
} from "@ai-edge/apimachinery";
import { Job, type JobStatus, Pod } from "@ai-edge/api";
import { type Informer, type Manager, type Result, patchStatus } from "@ai-edge/runtime";
import { BY_CONTROLLER, type ControllerContext, controllerUid } from "../context.ts";
import { PodWriter } from "../pod-writer.ts";
import { isReady, podFromTemplate, podPrefix } from "../pod.ts";
import { type JobProgress, finishedAt, finishedBy, jobProgress } from "./progress.ts";

/** Distinct Jobs worked on at once. */
const CONCURRENCY = 4;
/** Upstream's bound on what one pass creates. */
const MAX_CREATES = 500;

/** Runs pods of Jobs to completion. */
export function addJobController(manager: Manager, context: ControllerContext): void {
  const jobs = manager.informer(Job);
  const controller = new JobController(context, jobs);
  manager.addController({
    name: "job",
    for: Job,
    watches: [
      {
        type: Pod,
        options: { indexes: { [BY_CONTROLLER]: controllerUid } },
        map: (pod: Pod) => jobOf(pod),
      },
    ],
    concurrency: CONCURRENCY,
    reconcile: (key) => controller.reconcile(key),
  });
}

class JobController {
  readonly #context: ControllerContext;
  readonly #jobs: Informer<Job>;
  readonly #writer: PodWriter;

  constructor(context: ControllerContext, jobs: Informer<Job>) {
    this.#context = context;
    this.#jobs = jobs;
    this.#writer = new PodWriter(context);
  }

  async reconcile(key: ObjectKey): Promise<Result | void> {
    const job = this.#jobs.store.get(key);
    if (job === undefined || job.metadata.deletionTimestamp !== undefined) return;
    if (finishedBy(job) !== undefined) return this.#expire(job);
    const refusal = unsupported(job);
    if (refusal !== undefined) return this.#refuse(job, refusal);
    const wait = this.#writer.settlesIn(job);
    if (wait !== undefined) return { requeueAfter: wait };
    const now = this.#context.now();
    const pods = this.#context.pods.store.byIndex(BY_CONTROLLER, job.metadata.uid ?? "");
    const progress = jobProgress(job, pods, now);
    if (job.spec.suspend === true || progress.outcome !== undefined) {
      await this.#deletePods(job, progress.active);
    } else {
      await this.#resize(job, progress);
    }
    const status = this.#status(job, progress, now);
    await patchStatus(this.#context.client, Job, job, { ...job, status });
    this.#announce(job, progress);
    const deadline = untilDeadline(job, status, now);
    const waits = [progress.retryIn, deadline].filter((wait) => wait > 0 && Number.isFinite(wait));
    return waits.length === 0 ? undefined : { requeueAfter: Math.min(...waits) };
  }

  async #resize(job: Job, progress: JobProgress): Promise<void> {
    const { active, wanted, retryIn } = progress;
    if (active.length > wanted) {
      // The youngest have done least.
      const doomed = active
        .toSorted((a, b) =>
          (a.metadata.creationTimestamp ?? "") < (b.metadata.creationTimestamp ?? "") ? 1 : -1,
        )
        .slice(0, active.length - wanted);
      return this.#deletePods(job, doomed);
    }
    if (retryIn > 0) return;
    const count = Math.min(wanted - active.length, MAX_CREATES);
    for (let index = 0; index < count; index += 1) await this.#createPod(job);
  }

  async #createPod(job: Job): Promise<void> {
    const { name, uid = "" } = job.metadata;
    const labels = {
      "batch.kubernetes.io/controller-uid": uid,
      "batch.kubernetes.io/job-name": name,
      "controller-uid": uid,
      "job-name": name,
    };
    const metadata = { name: "", generateName: podPrefix(name), labels };
    await this.#writer.create(job, podFromTemplate(job.spec.template, job, metadata));
  }

  async #deletePods(job: Job, pods: readonly Pod[]): Promise<void> {
    for (const pod of pods) await this.#writer.delete(job, pod);
  }

  #status(job: Job, progress: JobProgress, now: Date): JobStatus {
    const { outcome, succeeded, failed } = progress;
    const suspended = job.spec.suspend === true;
    const wasSuspended = isConditionTrue(job.status?.conditions, "Suspended");
    const startTime = suspended || wasSuspended ? undefined : job.status?.startTime;
    const active = outcome !== undefined || suspended ? [] : progress.active;
    const conditions = [...this.#conditions(job, progress, now)];
    return {
      ...(conditions.length === 0 ? {} : { conditions }),
      ...(suspended ? {} : { startTime: startTime ?? formatTime(now) }),
      ...(outcome?.type === "Complete" ? { completionTime: formatTime(now) } : {}),
      ...(active.length > 0 ? { active: active.length } : {}),
      ready: active.filter(isReady).length,
      ...(succeeded > 0 ? { succeeded } : {}),
      ...(failed > 0 ? { failed } : {}),
    };
  }

  #conditions(job: Job, { outcome }: JobProgress, now: Date): Condition[] {
    let conditions: Condition[] = [...(job.status?.conditions ?? [])];
    const set = (condition: Condition): void => {
      const lastProbeTime = formatTime(now);
      const next = withCondition(conditions, condition, now);
      const changed = findCondition(conditions, condition.type)?.status !== condition.status;
      conditions = changed
        ? next.map((entry) => (entry.type === condition.type ? { ...entry, lastProbeTime } : entry))
        : conditions;
    };
    if (job.spec.suspend === true) {
      set({ type: "Suspended", status: "True", reason: "JobSuspended", message: "Job suspended" });
    } else if (isConditionTrue(conditions, "Suspended")) {
      set({ type: "Suspended", status: "False", reason: "JobResumed", message: "Job resumed" });
    }
    if (outcome !== undefined) {
      const { type, reason, message } = outcome;
      // Since 1.31 each end is announced by a first condition (KEP-3998).
      set({
        type: type === "Complete" ? "SuccessCriteriaMet" : "FailureTarget",
        status: "True",
        reason,
        message,
      });
      set({ type, status: "True", reason, message });
    }
    return conditions;
  }

  #announce(job: Job, { outcome }: JobProgress): void {
    const { events } = this.#context;
    if (outcome?.type === "Complete") events.event(job, "Normal", "Completed", "Job completed");
    if (outcome?.type === "Failed") events.event(job, "Warning", outcome.reason, outcome.message);
  }

  /** Deletes a finished Job when its time is up. */
  async #expire(job: Job): Promise<Result | void> {
    const ttl = job.spec.ttlSecondsAfterFinished;
    const end = finishedAt(job);
    if (ttl === undefined || end === undefined) return;
    const wait = end + ttl * 1000 - this.#context.now().getTime();
    if (wait > 0) return { requeueAfter: wait };
    const { uid, resourceVersion } = job.metadata;
    const preconditions = {
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    };
    await this.#context.client.delete(Job, keyOf(job), { propagationPolicy: "Background", preconditions });
  }

  async #refuse(job: Job, message: string): Promise<void> {
    const now = this.#context.now();
    const outcome = { type: "Failed", reason: "UnsupportedField", message } as const;
    const conditions = this.#conditions(job, { ...jobProgress(job, [], now), outcome }, now);
    await patchStatus(this.#context.client, Job, job, { ...job, status: { ...job.status, conditions } });
  }
}

/** Fields that would change which pods run; running them as if the field were not there would be wrong. */
function unsupported(job: Job): string | undefined {
  if (job.spec.completionMode === "Indexed") {
    return "spec.completionMode Indexed is not supported by the embedded cluster; use NonIndexed";
  }
  if (job.spec.podFailurePolicy !== undefined) {
    return "spec.podFailurePolicy is not supported by the embedded cluster; use backoffLimit";
  }
  return undefined;
}

function untilDeadline(job: Job, status: JobStatus, now: Date): number {
  const { activeDeadlineSeconds } = job.spec;
  if (activeDeadlineSeconds === undefined || status.startTime === undefined) return Infinity;
  return Math.max(1, Date.parse(status.startTime) + activeDeadlineSeconds * 1000 - now.getTime());
}

function jobOf(pod: Pod): ObjectKey[] {
  const { namespace, ownerReferences = [] } = pod.metadata;
  const owner = ownerReferences.find(({ controller }) => controller === true);
  return owner?.kind === "Job" && namespace !== undefined ? [{ namespace, name: owner.name }] : [];
}
