import type { HorizontalPodAutoscaler } from "@ai-edge/api";
import { type StatusCause, type UnstructuredObject, isJsonObject } from "@ai-edge/apimachinery";
import type { Resource, Strategy } from "../resources/resource.ts";
import { invalidValue, required } from "../rest/errors.ts";

/** `autoscaling/v1` says in these annotations what it has no fields for (`pkg/apis/autoscaling/annotations.go`). */
const METRICS = "autoscaling.alpha.kubernetes.io/metrics";
const BEHAVIOR = "autoscaling.alpha.kubernetes.io/behavior";
const CURRENT_METRICS = "autoscaling.alpha.kubernetes.io/current-metrics";
const CONDITIONS = "autoscaling.alpha.kubernetes.io/conditions";
/** The CPU target of an autoscaler without metrics (`DefaultCPUUtilization`). */
const DEFAULT_CPU_UTILIZATION = 80;

/** What both versions have in common. */
export const autoscalerV1Strategy: Strategy<HorizontalPodAutoscaler> = {
  prepareForCreate(autoscaler) {
    autoscaler.status = {};
  },
  applyDefaults({ spec }) {
    if (spec !== undefined) spec.minReplicas ??= 1;
  },
  validate({ spec }) {
    if (spec === undefined) return [required("spec")];
    const { minReplicas = 1, maxReplicas, scaleTargetRef } = spec;
    const causes: StatusCause[] = [];
    if (scaleTargetRef?.kind === undefined) causes.push(required("spec.scaleTargetRef.kind"));
    if (scaleTargetRef?.name === undefined) causes.push(required("spec.scaleTargetRef.name"));
    if (maxReplicas === undefined || maxReplicas < 1)
      causes.push(invalidValue("spec.maxReplicas", maxReplicas ?? 0, "must be greater than 0"));
    else if (maxReplicas < minReplicas) {
      const message = "must be greater than or equal to `minReplicas`";
      causes.push(invalidValue("spec.maxReplicas", maxReplicas, message));
    }
    return causes;
  },
};

export const autoscalerStrategy: Strategy<HorizontalPodAutoscaler> = {
  ...autoscalerV1Strategy,
  applyDefaults(autoscaler) {
    autoscalerV1Strategy.applyDefaults?.(autoscaler);
    const { spec } = autoscaler;
    if (spec !== undefined && (spec.metrics ?? []).length === 0)
      spec.metrics = [cpuMetric(DEFAULT_CPU_UTILIZATION)];
  },
};

/** `autoscaling/v1` serves the stored `autoscaling/v2` objects. Strategies and storage see v2. */
export const autoscalerConversion: NonNullable<Resource["convert"]> = {
  fromStorage(object) {
    const annotations = { ...object.metadata.annotations };
    const { metrics, behavior, ...spec } = fieldsOf(object["spec"]);
    const { currentMetrics, conditions, ...status } = fieldsOf(object["status"]);
    const cpu = split(metrics, "target");
    if (cpu.utilization !== undefined) spec["targetCPUUtilizationPercentage"] = cpu.utilization;
    const currentCpu = split(currentMetrics, "current");
    if (currentCpu.utilization !== undefined)
      status["currentCPUUtilizationPercentage"] = currentCpu.utilization;
    status["currentReplicas"] ??= 0;
    status["desiredReplicas"] ??= 0;
    annotate(annotations, METRICS, cpu.others);
    annotate(annotations, CURRENT_METRICS, currentCpu.others);
    annotate(annotations, BEHAVIOR, behavior);
    annotate(annotations, CONDITIONS, conditions);
    return build(object, "autoscaling/v1", annotations, spec, status);
  },
  toStorage(object) {
    if (object.apiVersion === "autoscaling/v2") return object;
    const annotations = { ...object.metadata.annotations };
    const { targetCPUUtilizationPercentage: target, ...spec } = fieldsOf(object["spec"]);
    const { currentCPUUtilizationPercentage: current, ...status } = fieldsOf(object["status"]);
    const cpu = typeof target === "number" ? [cpuMetric(target)] : [];
    const metrics = [...cpu, ...listOf(take(annotations, METRICS))];
    spec["metrics"] = metrics.length > 0 ? metrics : [cpuMetric(DEFAULT_CPU_UTILIZATION)];
    const currentCpu = typeof current === "number" ? [currentCpuMetric(current)] : [];
    const currentMetrics = [...currentCpu, ...listOf(take(annotations, CURRENT_METRICS))];
    if (currentMetrics.length > 0) status["currentMetrics"] = currentMetrics;
    const behavior = take(annotations, BEHAVIOR);
    if (behavior !== undefined) spec["behavior"] = behavior;
    const conditions = take(annotations, CONDITIONS);
    if (conditions !== undefined) status["conditions"] = conditions;
    return build(object, "autoscaling/v2", annotations, spec, status);
  },
};

function build(
  object: UnstructuredObject,
  apiVersion: string,
  annotations: Record<string, string>,
  spec: Record<string, unknown>,
  status: Record<string, unknown>,
): UnstructuredObject {
  const { annotations: _, ...metadata } = object.metadata;
  const hasAnnotations = Object.keys(annotations).length > 0;
  return {
    ...object,
    apiVersion,
    metadata: hasAnnotations ? { ...metadata, annotations } : metadata,
    spec,
    status,
  };
}

function cpuMetric(averageUtilization: number): Record<string, unknown> {
  return {
    type: "Resource",
    resource: { name: "cpu", target: { type: "Utilization", averageUtilization } },
  };
}

function currentCpuMetric(averageUtilization: number): Record<string, unknown> {
  return { type: "Resource", resource: { name: "cpu", current: { averageUtilization } } };
}

/** The CPU utilization, for which v1 has a field, and all other metrics. */
function split(
  metrics: unknown,
  side: "target" | "current",
): { utilization: number | undefined; others: unknown[] | undefined } {
  let utilization: number | undefined;
  const others: unknown[] = [];
  for (const metric of listOf(metrics)) {
    const resource = fieldsOf(fieldsOf(metric)["resource"]);
    const value = fieldsOf(resource[side])["averageUtilization"];
    if (utilization === undefined && resource["name"] === "cpu" && typeof value === "number")
      utilization = value;
    else others.push(metric);
  }
  return { utilization, others: others.length === 0 ? undefined : others };
}

function annotate(annotations: Record<string, string>, key: string, value: unknown): void {
  if (value !== undefined) annotations[key] = JSON.stringify(value);
}

/** Takes a value out of its annotation; one that is no JSON stays where it is and counts for nothing. */
function take(annotations: Record<string, string>, key: string): unknown {
  const text = annotations[key];
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    delete annotations[key];
    return value;
  } catch {
    return undefined;
  }
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return isJsonObject(value) ? { ...value } : {};
}
