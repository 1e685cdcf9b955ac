import { type KubernetesObject, resourceType } from "@ai-edge/apimachinery";
import type { LabelSelector, ObjectReference, TypedCondition } from "./core.ts";
import type { PodTemplateSpec, TemplateMeta } from "./pod.ts";

export interface Job extends KubernetesObject {
  spec: JobSpec;
  status?: JobStatus;
}
export const Job = resourceType<Job>("batch/v1", "Job", "jobs", { namespaced: true });

export interface JobSpec {
  parallelism?: number;
  completions?: number;
  activeDeadlineSeconds?: number;
  backoffLimit?: number;
  selector?: LabelSelector;
  manualSelector?: boolean;
  template: PodTemplateSpec;
  ttlSecondsAfterFinished?: number;
  completionMode?: "NonIndexed" | "Indexed";
  suspend?: boolean;
  podReplacementPolicy?: string;
  podFailurePolicy?: Record<string, unknown>;
}

export interface JobStatus {
  conditions?: TypedCondition[];
  startTime?: string;
  completionTime?: string;
  active?: number;
  ready?: number;
  terminating?: number;
  succeeded?: number;
  failed?: number;
  uncountedTerminatedPods?: { succeeded?: string[]; failed?: string[] };
}

export interface CronJob extends KubernetesObject {
  spec: {
    schedule: string;
    timeZone?: string;
    startingDeadlineSeconds?: number;
    concurrencyPolicy?: "Allow" | "Forbid" | "Replace";
    suspend?: boolean;
    jobTemplate: { metadata?: TemplateMeta; spec: JobSpec };
    successfulJobsHistoryLimit?: number;
    failedJobsHistoryLimit?: number;
  };
  status?: { active?: ObjectReference[]; lastScheduleTime?: string; lastSuccessfulTime?: string };
}
export const CronJob = resourceType<CronJob>("batch/v1", "CronJob", "cronjobs", { namespaced: true });
