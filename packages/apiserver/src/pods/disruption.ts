import type { Pod, PodDisruptionBudget } from "@ai-edge/api";
import {
  type StatusError,
  type UnstructuredObject,
  isConditionTrue,
  matchesLabelSelector,
  parseApiVersion,
  statusError,
  valueAt,
} from "@ai-edge/apimachinery";
import type { WriteContext } from "../objects/environment.ts";

const BUDGETS = "poddisruptionbudgets.policy";

/**
 * Refuses an eviction that a PodDisruptionBudget does not allow. The budget is counted now, from the pods as they are: no
 * controller keeps `status.disruptionsAllowed`.
 * @throws StatusError TooManyRequests, which `kubectl drain` repeats; InternalError for a pod with two budgets, as upstream
 */
export function checkDisruption(namespace: string, name: string, context: WriteContext): void {
  const { transaction } = context;
  const stored = transaction.get({ resource: "pods", namespace, name })?.object;
  if (stored === undefined || !isPod(stored)) return;
  const pod = stored;
  // What does not run, or goes already, disrupts nobody (`canIgnorePDB`).
  const { phase } = pod.status ?? {};
  if (phase === "Succeeded" || phase === "Failed" || phase === "Pending") return;
  if (pod.metadata.deletionTimestamp !== undefined) return;
  const budgets = transaction
    .list(BUDGETS, namespace)
    .map(({ object }) => object)
    .filter(isBudget)
    .filter((budget) => selects(budget, pod));
  const [budget, ...others] = budgets;
  if (budget === undefined) return;
  if (others.length > 0) {
    const message =
      "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
    throw statusError("InternalError", message);
  }
  const pods = transaction
    .list("pods", namespace)
    .map(({ object }) => object)
    .filter(isPod)
    .filter((one) => selects(budget, one));
  const healthy = pods.filter(isHealthy).length;
  const desired = desiredHealthy(budget, expectedPods(pods, context));
  // One that is not healthy may go while the others suffice (unhealthyPodEvictionPolicy IfHealthyBudget).
  const left = isHealthy(pod) ? healthy - 1 : healthy;
  if (left < desired) throw refusal(name, budget.metadata.name, desired, healthy);
}

function refusal(pod: string, budget: string, desired: number, healthy: number): StatusError {
  return statusError("TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget.", {
    name: pod,
    kind: "pods",
    causes: [
      {
        reason: "DisruptionBudget",
        message: `The disruption budget ${budget} needs ${desired} healthy pods and has ${healthy} currently`,
      },
    ],
  });
}

/** How many pods there should be: the replicas of all controllers of the pods, and one for each pod without. */
function expectedPods(pods: readonly Pod[], { environment, transaction }: WriteContext): number {
  const replicas = new Map<string, number>();
  for (const { metadata } of pods) {
    const { namespace = "", name } = metadata;
    const owner = metadata.ownerReferences?.find((reference) => reference.controller === true);
    const { group, version } = parseApiVersion(owner?.apiVersion ?? "");
    const resource = owner && environment.registry.findKind(group, version, owner.kind);
    const controller =
      resource && transaction.get({ resource: resource.storage, namespace, name: owner?.name ?? "" });
    const count = controller === undefined ? undefined : valueAt(controller.object, ["spec", "replicas"]);
    if (owner !== undefined && typeof count === "number") replicas.set(owner.uid, count);
    else replicas.set(`pod ${name}`, 1);
  }
  return [...replicas.values()].reduce((sum, count) => sum + count, 0);
}

function desiredHealthy({ spec = {} }: PodDisruptionBudget, expected: number): number {
  const { minAvailable, maxUnavailable } = spec;
  if (maxUnavailable !== undefined) return Math.max(0, expected - scaled(maxUnavailable, expected));
  return scaled(minAvailable ?? 1, expected);
}

/** A number, or a part of `total` rounded up (`GetScaledValueFromIntOrPercent`). */
function scaled(value: number | string, total: number): number {
  if (typeof value === "number") return value;
  return Math.ceil((Number.parseInt(value, 10) * total) / 100);
}

function isHealthy(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp === undefined && isConditionTrue(pod.status?.conditions, "Ready");
}

/** An empty selector takes every pod of the namespace, an absent one none. */
function selects({ spec }: PodDisruptionBudget, { metadata }: Pod): boolean {
  return spec?.selector !== undefined && matchesLabelSelector(spec.selector, metadata.labels);
}

function isPod(object: UnstructuredObject): object is UnstructuredObject & Pod {
  return object.kind === "Pod";
}

function isBudget(object: UnstructuredObject): object is UnstructuredObject & PodDisruptionBudget {
  return object.kind === "PodDisruptionBudget";
}
