import type { HealthStatus, Pod } from "@ai-edge/api";
import { findCondition, type UnstructuredObject } from "@ai-edge/apimachinery";
import { conditionsOf, fieldsOf, listOf, numberOf, textOf } from "./fields.ts";

/** Pod, as `getCorev1PodHealth`. */
export function podHealth(object: UnstructuredObject): HealthStatus {
  const spec = fieldsOf(object["spec"]);
  const status = fieldsOf(object["status"]);
  const restarts = spec["restartPolicy"] ?? "Always";
  if (restarts === "Always") {
    const problem = waitingProblem(listOf(status["containerStatuses"]));
    if (problem !== undefined) return { status: "Degraded", message: problem };
  }
  switch (status["phase"]) {
    case "Pending":
      return { status: "Progressing", message: textOf(status["message"]) };
    case "Succeeded":
      return { status: "Healthy", message: textOf(status["message"]) };
    case "Failed":
      return { status: "Degraded", message: failureMessage(status) };
    case "Running":
      return restarts === "Always"
        ? runningHealth(status)
        : { status: "Progressing", message: textOf(status["message"]) };
    default:
      return { status: "Unknown", message: textOf(status["message"]) };
  }
}

function runningHealth(status: Record<string, unknown>): HealthStatus {
  const ready = findCondition(conditionsOf(status), "Ready");
  if (ready?.status === "True") return { status: "Healthy", message: textOf(status["message"]) };
  const terminated = listOf(status["containerStatuses"])
    .map((container) => fieldsOf(fieldsOf(fieldsOf(container)["lastState"])["terminated"]))
    .find((state) => state["exitCode"] !== undefined);
  if (terminated !== undefined)
    return { status: "Degraded", message: textOf(terminated["message"]) || textOf(status["message"]) };
  return { status: "Progressing", message: textOf(status["message"]) };
}

function failureMessage(status: Record<string, unknown>): string {
  const message = textOf(status["message"]);
  if (message !== "") return message;
  for (const container of listOf(status["containerStatuses"])) {
    const { name, state } = fieldsOf(container);
    const terminated = fieldsOf(fieldsOf(state)["terminated"]);
    if (numberOf(terminated["exitCode"]) !== 0)
      return `container ${JSON.stringify(name)} failed with exit code ${numberOf(terminated["exitCode"])}`;
  }
  return "";
}

/** A reason for which a container will not start by waiting. */
function isProblem(reason: string): boolean {
  return (
    reason.startsWith("Err") ||
    reason.endsWith("Error") ||
    reason.endsWith("BackOff") ||
    reason === "InvalidImageName"
  );
}

function waitingProblem(containers: readonly unknown[]): string | undefined {
  for (const container of containers) {
    const waiting = fieldsOf(fieldsOf(fieldsOf(container)["state"])["waiting"]);
    const reason = textOf(waiting["reason"]);
    if (isProblem(reason)) return textOf(waiting["message"]) || reason;
  }
  return undefined;
}

/**
 * What keeps a pod from starting, told with pod, container and reason: the pull error of an image that does not exist.
 * Argo CD waits for the progress deadline (10 min) before it calls such a Deployment degraded; a site should not.
 */
export function podProblem(pod: Pod): string | undefined {
  const containers = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  for (const { name, state } of containers) {
    const { reason = "", message = "" } = state?.waiting ?? {};
    if (isProblem(reason)) {
      return `pod ${pod.metadata.name}, container ${name}: ${reason}${message === "" ? "" : `: ${message}`}`;
    }
  }
  return undefined;
}
