import type { HealthStatus } from "@ai-edge/api";
import type { UnstructuredObject } from "@ai-edge/apimachinery";
import { conditionsOf, fieldsOf, textOf } from "./fields.ts";

export function customResourceDefinitionHealth(object: UnstructuredObject): HealthStatus {
  const conditions = conditionsOf(object["status"]);
  const rejected = conditions.find(({ type, status }) => type === "NamesAccepted" && status === "False");
  if (rejected !== undefined)
    return { status: "Degraded", message: `CRD names have not been accepted: ${rejected.message ?? ""}` };
  const established = conditions.find(({ type }) => type === "Established");
  if (established?.status === "True") return { status: "Healthy", message: "CRD is healthy" };
  return { status: "Progressing", message: "Status conditions not found" };
}

/** KServe (`resource_customizations/serving.kserve.io/InferenceService/health.lua`). */
export function inferenceServiceHealth(object: UnstructuredObject): HealthStatus {
  const status = fieldsOf(object["status"]);
  const transition = textOf(fieldsOf(status["modelStatus"])["transitionStatus"]);
  if (transition === "BlockedByFailedLoad" || transition === "InvalidSpec") {
    return {
      status: "Degraded",
      message: textOf(fieldsOf(fieldsOf(status["modelStatus"])["lastFailureInfo"])["message"]) || transition,
    };
  }
  const conditions = conditionsOf(status);
  if (conditions.some(({ type, status: state }) => type === "Stopped" && state === "True"))
    return { status: "Suspended", message: "InferenceService is stopped" };
  const bad = conditions.find(({ status: state, type }) => state === "False" && type !== "Stopped");
  if (bad !== undefined)
    return { status: "Degraded", message: `${bad.type}: ${bad.message ?? bad.reason ?? ""}` };
  const ready = conditions.find(({ type }) => type === "Ready");
  if (ready?.status === "True") return { status: "Healthy", message: "InferenceService is healthy." };
  return { status: "Progressing", message: "Waiting for InferenceService to report status..." };
}

/** OCM's policies: compliant or not (`resource_customizations/policy.open-cluster-management.io/Policy`). */
export function policyHealth(object: UnstructuredObject): HealthStatus {
  const compliant = textOf(fieldsOf(object["status"])["compliant"]);
  if (compliant === "Compliant") return { status: "Healthy", message: "All policy templates are compliant" };
  if (compliant === "NonCompliant")
    return { status: "Degraded", message: "At least one policy template is not compliant" };
  return { status: "Progressing", message: "Waiting for clusters to report their status" };
}
