import type { HealthStatus } from "@ai-edge/api";
import type { UnstructuredObject } from "@ai-edge/apimachinery";
import { conditionsOf, fieldsOf, listOf, textOf } from "./fields.ts";

export function jobHealth(object: UnstructuredObject): HealthStatus {
  const conditions = conditionsOf(object["status"]).filter(({ status }) => status === "True");
  const failed = conditions.find(({ type }) => type === "Failed");
  if (failed !== undefined) return { status: "Degraded", message: failed.message ?? "" };
  const suspended = conditions.find(({ type }) => type === "Suspended");
  if (suspended !== undefined) return { status: "Suspended", message: suspended.message ?? "" };
  const complete = conditions.find(({ type }) => type === "Complete");
  if (complete !== undefined) return { status: "Healthy", message: complete.message ?? "" };
  return { status: "Progressing", message: "" };
}

/** CronJob: by its last run (`resource_customizations/batch/CronJob/health.lua`). */
export function cronJobHealth(object: UnstructuredObject): HealthStatus {
  const status = fieldsOf(object["status"]);
  if (fieldsOf(object["spec"])["suspend"] === true)
    return { status: "Suspended", message: "CronJob is Suspended" };
  const scheduled = textOf(status["lastScheduleTime"]);
  const succeeded = textOf(status["lastSuccessfulTime"]);
  if (scheduled === "") return { status: "Progressing", message: "CronJob has not been scheduled yet" };
  if (listOf(status["active"]).length > 0)
    return { status: "Progressing", message: "CronJob has active jobs" };
  if (succeeded === "")
    return { status: "Degraded", message: "CronJob has not completed its last execution successfully" };
  if (succeeded < scheduled)
    return { status: "Degraded", message: "CronJob has not completed its last execution successfully" };
  return { status: "Healthy", message: "CronJob has completed its last execution successfully" };
}
