import type { HealthStatus } from "@ai-edge/api";
import type { UnstructuredObject } from "@ai-edge/apimachinery";
import { conditionsOf, fieldsOf, listOf, textOf } from "./fields.ts";

export function serviceHealth(object: UnstructuredObject): HealthStatus {
  if (fieldsOf(object["spec"])["type"] !== "LoadBalancer") return { status: "Healthy" };
  return hasLoadBalancer(object) ? { status: "Healthy" } : { status: "Progressing" };
}

export function ingressHealth(object: UnstructuredObject): HealthStatus {
  return hasLoadBalancer(object) ? { status: "Healthy" } : { status: "Progressing" };
}

function hasLoadBalancer(object: UnstructuredObject): boolean {
  return listOf(fieldsOf(fieldsOf(object["status"])["loadBalancer"])["ingress"]).length > 0;
}

export function claimHealth(object: UnstructuredObject): HealthStatus {
  switch (fieldsOf(object["status"])["phase"]) {
    case "Bound":
      return { status: "Healthy" };
    case "Pending":
      return { status: "Progressing" };
    case "Lost":
      return { status: "Degraded" };
    default:
      return { status: "Unknown" };
  }
}

/** Route: every router must have admitted it (`resource_customizations/route.openshift.io/Route/health.lua`). */
export function routeHealth(object: UnstructuredObject): HealthStatus {
  const ingresses = listOf(fieldsOf(object["status"])["ingress"]);
  if (ingresses.length === 0)
    return { status: "Progressing", message: "Waiting for Route to be admitted by router" };
  for (const ingress of ingresses) {
    const admitted = conditionsOf(ingress).find(({ type }) => type === "Admitted");
    if (admitted?.status === "True") continue;
    const host = textOf(fieldsOf(ingress)["host"]);
    if (admitted === undefined)
      return { status: "Progressing", message: `Waiting for Route ${host} to be admitted by router` };
    return {
      status: "Degraded",
      message: `Route ${host} is not admitted: ${admitted.reason ?? ""} ${admitted.message ?? ""}`.trim(),
    };
  }
  return { status: "Healthy", message: "Route is healthy" };
}
