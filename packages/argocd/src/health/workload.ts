import type { HealthStatus } from "@ai-edge/api";
import { findCondition, type UnstructuredObject } from "@ai-edge/apimachinery";
import { conditionsOf, fieldsOf, numberOf, textOf } from "./fields.ts";

/** Deployment, as `getAppsv1DeploymentHealth`: messages are Argo CD's. */
export function deploymentHealth(object: UnstructuredObject): HealthStatus {
  const spec = fieldsOf(object["spec"]);
  const status = fieldsOf(object["status"]);
  if (spec["paused"] === true) return { status: "Suspended", message: "Deployment is paused" };
  if ((object.metadata.generation ?? 0) > numberOf(status["observedGeneration"])) {
    return progressing(
      "Waiting for rollout to finish: observed deployment generation less than desired generation",
    );
  }
  const condition = findCondition(conditionsOf(status), "Progressing");
  if (condition?.reason === "ProgressDeadlineExceeded") {
    return {
      status: "Degraded",
      message: `Deployment "${object.metadata.name}" exceeded its progress deadline`,
    };
  }
  const desired = numberOf(spec["replicas"], 1);
  const updated = numberOf(status["updatedReplicas"]);
  const replicas = numberOf(status["replicas"]);
  const available = numberOf(status["availableReplicas"]);
  if (updated < desired)
    return progressing(
      `Waiting for rollout to finish: ${updated} out of ${desired} new replicas have been updated...`,
    );
  if (replicas > updated)
    return progressing(
      `Waiting for rollout to finish: ${replicas - updated} old replicas are pending termination...`,
    );
  if (available < updated)
    return progressing(
      `Waiting for rollout to finish: ${available} of ${updated} updated replicas are available...`,
    );
  return { status: "Healthy" };
}

export function replicaSetHealth(object: UnstructuredObject): HealthStatus {
  const spec = fieldsOf(object["spec"]);
  const status = fieldsOf(object["status"]);
  if ((object.metadata.generation ?? 0) > numberOf(status["observedGeneration"])) {
    return progressing(
      "Waiting for rollout to finish: observed replica set generation less than desired generation",
    );
  }
  const failure = findCondition(conditionsOf(status), "ReplicaFailure");
  if (failure?.status === "True") return { status: "Degraded", message: failure.message ?? "" };
  const desired = numberOf(spec["replicas"], 1);
  const available = numberOf(status["availableReplicas"]);
  if (available < desired)
    return progressing(
      `Waiting for rollout to finish: ${available} out of ${desired} new replicas are available...`,
    );
  return { status: "Healthy" };
}

export function statefulSetHealth(object: UnstructuredObject): HealthStatus {
  const spec = fieldsOf(object["spec"]);
  const status = fieldsOf(object["status"]);
  const observed = numberOf(status["observedGeneration"]);
  if (observed === 0 || (object.metadata.generation ?? 0) > observed)
    return progressing("Waiting for statefulset spec update to be observed...");
  const desired = numberOf(spec["replicas"], 1);
  const ready = numberOf(status["readyReplicas"]);
  if (ready < desired) return progressing(`Waiting for ${desired - ready} pods to be ready...`);
  const strategy = fieldsOf(spec["updateStrategy"]);
  if (strategy["type"] === "OnDelete") return { status: "Healthy", message: "statefulset has 0 ready pods" };
  const partition = numberOf(fieldsOf(strategy["rollingUpdate"])["partition"]);
  const updated = numberOf(status["updatedReplicas"]);
  if (partition > 0) {
    if (updated < desired - partition) {
      return progressing(
        `Waiting for partitioned roll out to finish: ${updated} out of ${desired - partition} new pods have been updated...`,
      );
    }
    return {
      status: "Healthy",
      message: `partitioned roll out complete: ${updated} new pods have been updated...`,
    };
  }
  const next = textOf(status["updateRevision"]);
  if (next !== textOf(status["currentRevision"])) {
    return progressing(
      `waiting for statefulset rolling update to complete ${updated} pods at revision ${next}...`,
    );
  }
  return { status: "Healthy" };
}

export function daemonSetHealth(object: UnstructuredObject): HealthStatus {
  const status = fieldsOf(object["status"]);
  if ((object.metadata.generation ?? 0) > numberOf(status["observedGeneration"])) {
    return progressing(
      "Waiting for rollout to finish: observed daemon set generation less than desired generation",
    );
  }
  if (fieldsOf(fieldsOf(object["spec"])["updateStrategy"])["type"] === "OnDelete")
    return { status: "Healthy" };
  const desired = numberOf(status["desiredNumberScheduled"]);
  const updated = numberOf(status["updatedNumberScheduled"]);
  const available = numberOf(status["numberAvailable"]);
  const name = object.metadata.name;
  if (updated < desired)
    return progressing(
      `Waiting for daemon set "${name}" rollout to finish: ${updated} out of ${desired} new pods have been updated...`,
    );
  if (available < desired)
    return progressing(
      `Waiting for daemon set "${name}" rollout to finish: ${available} of ${desired} updated pods are available...`,
    );
  return { status: "Healthy" };
}

function progressing(message: string): HealthStatus {
  return { status: "Progressing", message };
}
