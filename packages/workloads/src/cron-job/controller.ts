import { type ObjectKey, controllerReference, formatTime, isStatus, keyOf } from "@ai-edge/apimachinery";
import { CronJob, Job } from "@ai-edge/api";
import { type Informer, type Manager, type Result, patchStatus } from "@ai-edge/runtime";
import { BY_CONTROLLER, type ControllerContext, controllerUid } from "../context.ts";
import { finishedAt, finishedBy } from "../job/progress.ts";
import { type Schedule, ScheduleError, nextTime, parseSchedule } from "./schedule.ts";

const SCHEDULED_AT = "batch.kubernetes.io/cronjob-scheduled-timestamp";
/** Upstream warns and upstream's users find out: more missed runs than this mean a clock that jumped. */
const MAX_MISSED = 100;
/** Defaults of the API. */
const SUCCESSFUL_HISTORY = 3;
const FAILED_HISTORY = 1;

/** Starts Jobs on a schedule. */
export function addCronJobController(manager: Manager, context: ControllerContext): void {
  const cronJobs = manager.informer(CronJob);
  const jobs = manager.informer(Job, { indexes: { [BY_CONTROLLER]: controllerUid } });
  const controller = new CronJobController(context, cronJobs, jobs);
  manager.addController({
    name: "cronjob",
    for: CronJob,
    owns: [Job],
    reconcile: (key) => controller.reconcile(key),
  });
}

class CronJobController {
  readonly #context: ControllerContext;
  readonly #cronJobs: Informer<CronJob>;
  readonly #jobs: Informer<Job>;

  constructor(context: ControllerContext, cronJobs: Informer<CronJob>, jobs: Informer<Job>) {
    this.#context = context;
    this.#cronJobs = cronJobs;
    this.#jobs = jobs;
  }

  async reconcile(key: ObjectKey): Promise<Result | void> {
    const cronJob = this.#cronJobs.store.get(key);
    if (cronJob === undefined || cronJob.metadata.deletionTimestamp !== undefined) return;
    const jobs = this.#jobs.store.byIndex(BY_CONTROLLER, cronJob.metadata.uid ?? "");
    await this.#forgetOld(cronJob, jobs);
    const recorded = await this.#record(cronJob, jobs);
    if (recorded.spec.suspend === true) return;
    const schedule = this.#schedule(recorded);
    if (schedule === undefined) return;
    const now = this.#context.now();
    const due = this.#due(recorded, schedule, now);
    if (due !== undefined) await this.#start(recorded, jobs, due);
    const next = nextTime(schedule, now);
    return next === undefined ? undefined : { requeueAfter: next.getTime() - now.getTime() };
  }

  #schedule(cronJob: CronJob): Schedule | undefined {
    const { events } = this.#context;
    const { schedule, timeZone } = cronJob.spec;
    if (timeZone !== undefined && timeZone !== "UTC" && timeZone !== "Etc/UTC") {
      const message = `spec.timeZone "${timeZone}" is not supported by the embedded cluster; use UTC`;
      events.event(cronJob, "Warning", "UnsupportedTimeZone", message);
      return undefined;
    }
    try {
      return parseSchedule(schedule);
    } catch (error) {
      if (!(error instanceof ScheduleError)) throw error;
      const message = `unparseable schedule "${schedule}": ${error.message}`;
      events.event(cronJob, "Warning", "UnparseableSchedule", message);
      return undefined;
    }
  }

  /** The latest time that has passed since the last run and is not too late to start. */
  #due(cronJob: CronJob, schedule: Schedule, now: Date): Date | undefined {
    const { lastScheduleTime } = cronJob.status ?? {};
    const { startingDeadlineSeconds } = cronJob.spec;
    const since = Date.parse(lastScheduleTime ?? cronJob.metadata.creationTimestamp ?? "") || now.getTime();
    const earliest =
      startingDeadlineSeconds === undefined
        ? since
        : Math.max(since, now.getTime() - startingDeadlineSeconds * 1000);
    let due: Date | undefined;
    let missed = 0;
    for (let time = nextTime(schedule, new Date(earliest)); time !== undefined && time <= now;) {
      due = time;
      missed += 1;
      // After a long sleep only the last run counts; look for it from close by.
      const from =
        missed === MAX_MISSED ? new Date(Math.max(time.getTime(), now.getTime() - 86_400_000)) : time;
      time = nextTime(schedule, from);
    }
    if (missed > MAX_MISSED) {
      const message = `too many missed start times: ${missed}; only the last is started`;
      this.#context.events.event(cronJob, "Warning", "TooManyMissedTimes", message);
    }
    return due;
  }

  async #start(cronJob: CronJob, jobs: readonly Job[], due: Date): Promise<void> {
    const { client, events } = this.#context;
    const active = jobs.filter((job) => finishedBy(job) === undefined);
    const policy = cronJob.spec.concurrencyPolicy ?? "Allow";
    if (policy === "Forbid" && active.length > 0) {
      const message = "Not starting job because prior execution is running and concurrency policy is Forbid";
      events.event(cronJob, "Normal", "JobAlreadyActive", message);
      return;
    }
    if (policy === "Replace") {
      for (const job of active) await this.#delete(job);
    }
    const { metadata, spec } = cronJob.spec.jobTemplate;
    const { namespace } = cronJob.metadata;
    // Upstream's name: the minute since the epoch, so that a second start of the same run fails.
    const name = `${cronJob.metadata.name}-${Math.floor(due.getTime() / 60_000)}`;
    try {
      await client.create(Job, {
        metadata: {
          ...(namespace === undefined ? {} : { namespace }),
          name,
          labels: metadata?.labels ?? {},
          annotations: { ...metadata?.annotations, [SCHEDULED_AT]: formatTime(due) },
          ownerReferences: [controllerReference(cronJob)],
        },
        spec: structuredClone(spec),
      });
      events.event(cronJob, "Normal", "SuccessfulCreate", `Created job ${name}`);
    } catch (error) {
      if (!isStatus(error, "AlreadyExists")) throw error;
    }
    const status = { ...cronJob.status, lastScheduleTime: formatTime(due) };
    await patchStatus(client, CronJob, cronJob, { ...cronJob, status });
  }

  /** Brings `status.active` and `lastSuccessfulTime` in line with the Jobs that exist. */
  async #record(cronJob: CronJob, jobs: readonly Job[]): Promise<CronJob> {
    const active = jobs
      .filter((job) => finishedBy(job) === undefined)
      .map((job) => {
        const { namespace, name, uid } = job.metadata;
        return {
          apiVersion: "batch/v1",
          kind: "Job",
          name,
          ...(namespace === undefined ? {} : { namespace }),
          ...(uid === undefined ? {} : { uid }),
        };
      });
    const successes = jobs
      .filter((job) => finishedBy(job) === "Complete")
      .flatMap(({ status }) => (status?.completionTime === undefined ? [] : [status.completionTime]));
    const lastSuccessfulTime = [...successes, cronJob.status?.lastSuccessfulTime ?? ""].reduce((a, b) =>
      a > b ? a : b,
    );
    const { active: _, ...rest } = cronJob.status ?? {};
    const status = {
      ...rest,
      ...(active.length === 0 ? {} : { active }),
      ...(lastSuccessfulTime === "" ? {} : { lastSuccessfulTime }),
    };
    await patchStatus(this.#context.client, CronJob, cronJob, { ...cronJob, status });
    return { ...cronJob, status };
  }

  async #forgetOld(cronJob: CronJob, jobs: readonly Job[]): Promise<void> {
    const { successfulJobsHistoryLimit, failedJobsHistoryLimit } = cronJob.spec;
    const keep = {
      Complete: successfulJobsHistoryLimit ?? SUCCESSFUL_HISTORY,
      Failed: failedJobsHistoryLimit ?? FAILED_HISTORY,
    };
    for (const type of ["Complete", "Failed"] as const) {
      const finished = jobs
        .filter((job) => finishedBy(job) === type && job.metadata.deletionTimestamp === undefined)
        .toSorted((a, b) => (finishedAt(b) ?? 0) - (finishedAt(a) ?? 0));
      for (const job of finished.slice(keep[type])) await this.#delete(job);
    }
  }

  async #delete(job: Job): Promise<void> {
    try {
      await this.#context.client.delete(Job, keyOf(job), { propagationPolicy: "Background" });
    } catch (error) {
      if (!isStatus(error, "NotFound")) throw error;
    }
  }
}
