import { type UnstructuredObject, isJsonObject } from "@ai-edge/apimachinery";
import type { Column } from "../resources/resource.ts";
import { ageOf } from "./age.ts";
import { NONE, column, numberAt, objectsAt, textAt, wide } from "./cells.ts";

/** As `printPod` of kubernetes `pkg/printers/internalversion`. */
export const POD_COLUMNS: readonly Column[] = [
  column("Ready", "string", (pod) => {
    const statuses = objectsAt(pod, "status.containerStatuses");
    return `${statuses.filter((status) => status["ready"] === true).length}/${objectsAt(pod, "spec.containers").length}`;
  }),
  column("Status", "string", (pod) => podStatus(pod)),
  column("Restarts", "string", (pod, now) => restarts(pod, now)),
];

/** After the age. */
export const POD_WIDE_COLUMNS: readonly Column[] = [
  wide("IP", (pod) => textAt(pod, "status.podIP") ?? NONE),
  wide("Node", (pod) => textAt(pod, "spec.nodeName") ?? NONE),
  wide("Nominated Node", (pod) => textAt(pod, "status.nominatedNodeName") ?? NONE),
  wide("Readiness Gates", () => NONE),
];

function podStatus(pod: UnstructuredObject): string {
  const phase = textAt(pod, "status.reason") ?? textAt(pod, "status.phase") ?? "Unknown";
  const initializing = initStatus(pod);
  let status = initializing ?? phase;
  if (initializing === undefined) {
    let isRunning = false;
    for (const container of objectsAt(pod, "status.containerStatuses").toReversed()) {
      const waiting = textAt(container, "state.waiting.reason");
      const terminated = textAt(container, "state.terminated.reason");
      if (waiting !== undefined) status = waiting;
      else if (terminated !== undefined) status = terminated;
      else if (isJsonObject(container["state"]) && isJsonObject(container["state"]["terminated"])) {
        const signal = numberAt(container, "state.terminated.signal");
        status =
          signal !== 0 ? `Signal:${signal}` : `ExitCode:${numberAt(container, "state.terminated.exitCode")}`;
      } else if (
        container["ready"] === true &&
        isJsonObject(container["state"]) &&
        container["state"]["running"] !== undefined
      ) {
        isRunning = true;
      }
    }
    // One container done, another still at work: the pod runs.
    if (status === "Completed" && isRunning) status = "Running";
  }
  if (pod.metadata.deletionTimestamp === undefined) return status;
  return textAt(pod, "status.reason") === "NodeLost" ? "Unknown" : "Terminating";
}

/** `Init:1/2`, `Init:Error`, or undefined when all init containers are done. */
function initStatus(pod: UnstructuredObject): string | undefined {
  const statuses = objectsAt(pod, "status.initContainerStatuses");
  const total = objectsAt(pod, "spec.initContainers").length;
  for (const [index, container] of statuses.entries()) {
    const state = isJsonObject(container["state"]) ? container["state"] : {};
    if (isJsonObject(state["terminated"])) {
      const code = numberAt(state, "terminated.exitCode");
      if (code === 0) continue;
      return `Init:${textAt(state, "terminated.reason") ?? `ExitCode:${code}`}`;
    }
    const waiting = textAt(state, "waiting.reason");
    if (waiting !== undefined && waiting !== "PodInitializing") return `Init:${waiting}`;
    return `Init:${index}/${total}`;
  }
  return undefined;
}

function restarts(pod: UnstructuredObject, now: Date): string {
  const statuses = [
    ...objectsAt(pod, "status.initContainerStatuses"),
    ...objectsAt(pod, "status.containerStatuses"),
  ];
  const count = statuses.reduce((sum, status) => sum + numberAt(status, "restartCount"), 0);
  const last = statuses
    .map((status) => textAt(status, "lastState.terminated.finishedAt") ?? "")
    .toSorted()
    .at(-1);
  return count === 0 || last === undefined || last === ""
    ? String(count)
    : `${count} (${ageOf(last, now)} ago)`;
}
