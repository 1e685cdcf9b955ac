import { randomUUID } from "node:crypto";
import type { CronJob, Job, JobSpec } from "@ai-edge/api";
import { type StatusCause, deepEqual } from "@ai-edge/apimachinery";
import type { Strategy } from "../resources/resource.ts";
import { invalidValue, notSupported, required } from "../rest/errors.ts";
import { defaultPodSpec } from "./pod-defaults.ts";
import { validatePodSpec } from "./pod-validation.ts";

const UID_LABEL = "batch.kubernetes.io/controller-uid";
const NAME_LABEL = "batch.kubernetes.io/job-name";
const POLICIES = ["Allow", "Forbid", "Replace"];

export const jobStrategy: Strategy<Job> = {
  applyDefaults({ spec }) {
    if (spec !== undefined) defaultJobSpec(spec);
  },
  prepareForCreate(job) {
    job.status = {};
    if (job.spec?.template === undefined || job.spec.manualSelector === true) return;
    // The selector is the server's own (pkg/registry/batch/job generateSelector): no two Jobs share Pods.
    const uid = job.metadata.uid ?? randomUUID();
    const { template } = job.spec;
    template.metadata = {
      ...template.metadata,
      labels: {
        ...template.metadata?.labels,
        [UID_LABEL]: uid,
        [NAME_LABEL]: job.metadata.name,
        "controller-uid": uid,
        "job-name": job.metadata.name,
      },
    };
    job.spec.selector = { matchLabels: { [UID_LABEL]: uid } };
  },
  validate(job, old) {
    if (job.spec === undefined) return [required("spec")];
    const causes = validateJobSpec(job.spec, "spec");
    if (old !== undefined && !deepEqual(old.spec.selector, job.spec.selector)) {
      causes.push(invalidValue("spec.selector", job.spec.selector ?? null, "field is immutable"));
    }
    if (old !== undefined && !deepEqual(old.spec.template, job.spec.template)) {
      causes.push(invalidValue("spec.template", "…", "field is immutable"));
    }
    return causes;
  },
};

function defaultJobSpec(spec: JobSpec): void {
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  spec.parallelism ??= 1;
  spec.backoffLimit ??= 6;
  spec.completionMode ??= "NonIndexed";
  spec.suspend ??= false;
  spec.manualSelector ??= false;
  spec.podReplacementPolicy ??= "TerminatingOrFailed";
  if (spec.template?.spec !== undefined) defaultPodSpec(spec.template.spec);
}

function validateJobSpec(spec: JobSpec, path: string): StatusCause[] {
  const causes = validatePodSpec(spec.template?.spec, `${path}.template.spec`);
  const policy = spec.template?.spec?.restartPolicy;
  if (policy === "Always") {
    causes.push(required(`${path}.template.spec.restartPolicy`, 'valid values: "OnFailure", "Never"'));
  }
  for (const field of ["parallelism", "completions", "backoffLimit"] as const) {
    const value = spec[field];
    if (value !== undefined && value < 0)
      causes.push(invalidValue(`${path}.${field}`, value, "must be greater than or equal to 0"));
  }
  return causes;
}

export const cronJobStrategy: Strategy<CronJob> = {
  applyDefaults({ spec }) {
    if (spec === undefined) return;
    spec.concurrencyPolicy ??= "Allow";
    spec.suspend ??= false;
    spec.successfulJobsHistoryLimit ??= 3;
    spec.failedJobsHistoryLimit ??= 1;
    // A template's selector and completions are the Job's to decide.
    if (spec.jobTemplate?.spec?.template?.spec !== undefined)
      defaultPodSpec(spec.jobTemplate.spec.template.spec);
  },
  prepareForCreate(cronJob) {
    cronJob.status = {};
  },
  validate({ spec }) {
    if (spec === undefined) return [required("spec")];
    const causes: StatusCause[] = [];
    if ((spec.schedule ?? "") === "") causes.push(required("spec.schedule"));
    const { concurrencyPolicy = "Allow" } = spec;
    if (!POLICIES.includes(concurrencyPolicy))
      causes.push(notSupported("spec.concurrencyPolicy", concurrencyPolicy, POLICIES));
    if (spec.jobTemplate?.spec === undefined) return [...causes, required("spec.jobTemplate.spec")];
    return [...causes, ...validateJobSpec(spec.jobTemplate.spec, "spec.jobTemplate.spec")];
  },
};
