import { withCondition } from "@ai-edge/apimachinery";
import type { Container, ContainerStatus, Pod, PodStatus } from "@ai-edge/api";

/** What the status of a pod is made of. */
export interface PodObservation {
  podIP: string;
  hostIP: string;
  startTime: string;
  initContainers: ContainerStatus[];
  containers: ContainerStatus[];
  /** All containers have ended for good, or the pod never may run them: true or false is its outcome. */
  finished: boolean | undefined;
  /** The pod is on its way out. */
  terminating: boolean;
}

/** The status that the API shows (core/v1 PodStatus), as the kubelet derives it. */
export function podStatus(pod: Pod, observation: PodObservation, now: Date): PodStatus {
  const { podIP, hostIP, startTime, initContainers, containers, finished, terminating } = observation;
  const initialized = initContainers.every(({ state }) => state?.terminated?.exitCode === 0);
  const unready = containers.filter(({ ready }) => !ready).map(({ name }) => name);
  const ready = unready.length === 0 && finished === undefined && !terminating && containers.length > 0;
  const why =
    finished === undefined
      ? { reason: "ContainersNotReady", message: `containers with unready status: [${unready.join(" ")}]` }
      : { reason: finished ? "PodCompleted" : "PodFailed" };
  const readiness = ready ? { status: "True" as const } : { status: "False" as const, ...why };
  let conditions = pod.status?.conditions;
  const set = (type: string, condition: { status: "True" | "False"; reason?: string; message?: string }) => {
    conditions = withCondition(conditions, { type, ...condition }, now);
  };
  set("PodScheduled", { status: "True" });
  set(
    "Initialized",
    initialized
      ? { status: "True" }
      : { status: "False", reason: "ContainersNotInitialized", message: "containers with incomplete status" },
  );
  set("ContainersReady", readiness);
  set("Ready", readiness);
  return {
    phase: phaseOf(observation),
    conditions,
    hostIP,
    hostIPs: [{ ip: hostIP }],
    podIP,
    podIPs: [{ ip: podIP }],
    startTime,
    ...(initContainers.length === 0 ? {} : { initContainerStatuses: initContainers }),
    containerStatuses: containers,
    qosClass: qosClassOf(pod),
  };
}

function phaseOf({ finished, containers, initContainers }: PodObservation): NonNullable<PodStatus["phase"]> {
  if (finished !== undefined) return finished ? "Succeeded" : "Failed";
  const initDone = initContainers.every(({ state }) => state?.terminated?.exitCode === 0);
  const ran = containers.some(
    ({ state, lastState }) =>
      state?.running !== undefined || state?.terminated !== undefined || lastState?.terminated !== undefined,
  );
  return initDone && ran ? "Running" : "Pending";
}

/** kubernetes.io/docs/concepts/workloads/pods/pod-qos. */
function qosClassOf(pod: Pod): NonNullable<PodStatus["qosClass"]> {
  const containers: Container[] = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  const given = containers.map(({ resources }) => resources ?? {});
  if (given.every(({ requests, limits }) => isEmpty(requests) && isEmpty(limits))) return "BestEffort";
  const guaranteed = given.every(({ requests, limits }) =>
    ["cpu", "memory"].every(
      (name) =>
        limits?.[name] !== undefined && (requests?.[name] === undefined || requests[name] === limits[name]),
    ),
  );
  return guaranteed ? "Guaranteed" : "Burstable";
}

function isEmpty(list: Record<string, unknown> | undefined): boolean {
  return list === undefined || Object.keys(list).length === 0;
}
