import type { UnstructuredObject } from "@ai-edge/apimachinery";
import { expect, test } from "vitest";
import { healthOf } from "./health.ts";

interface Case {
  name: string;
  group?: string;
  kind: string;
  metadata?: Record<string, unknown>;
  spec?: unknown;
  status?: unknown;
  expected: string | undefined;
  message?: RegExp;
}

const ready = [{ type: "Ready", status: "True" }];
const waiting = (reason: string) => ({
  phase: "Pending",
  containerStatuses: [{ name: "c", state: { waiting: { reason, message: "why" } } }],
});

const CASES: Case[] = [
  { name: "ConfigMap has no health", kind: "ConfigMap", expected: undefined },
  {
    name: "what is being deleted progresses",
    kind: "ConfigMap",
    metadata: { deletionTimestamp: "x" },
    expected: "Progressing",
    message: /Pending deletion/,
  },
  {
    name: "Deployment not observed",
    group: "apps",
    kind: "Deployment",
    metadata: { generation: 2 },
    status: { observedGeneration: 1 },
    expected: "Progressing",
    message: /observed deployment generation/,
  },
  {
    name: "Deployment without status",
    group: "apps",
    kind: "Deployment",
    metadata: { generation: 1 },
    expected: "Progressing",
  },
  {
    name: "Deployment paused",
    group: "apps",
    kind: "Deployment",
    spec: { paused: true },
    expected: "Suspended",
  },
  {
    name: "Deployment past its deadline",
    group: "apps",
    kind: "Deployment",
    status: { conditions: [{ type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded" }] },
    expected: "Degraded",
    message: /exceeded its progress deadline/,
  },
  {
    name: "Deployment updating",
    group: "apps",
    kind: "Deployment",
    spec: { replicas: 2 },
    status: { updatedReplicas: 1 },
    expected: "Progressing",
    message: /1 out of 2/,
  },
  {
    name: "Deployment with old replicas",
    group: "apps",
    kind: "Deployment",
    spec: { replicas: 1 },
    status: { updatedReplicas: 1, replicas: 2, availableReplicas: 1 },
    expected: "Progressing",
    message: /1 old replicas/,
  },
  {
    name: "Deployment not available",
    group: "apps",
    kind: "Deployment",
    spec: { replicas: 1 },
    status: { updatedReplicas: 1, replicas: 1 },
    expected: "Progressing",
    message: /0 of 1 updated/,
  },
  {
    name: "Deployment available",
    group: "apps",
    kind: "Deployment",
    spec: { replicas: 1 },
    status: { updatedReplicas: 1, replicas: 1, availableReplicas: 1 },
    expected: "Healthy",
  },
  {
    name: "Deployment scaled to zero",
    group: "apps",
    kind: "Deployment",
    spec: { replicas: 0 },
    expected: "Healthy",
  },
  {
    name: "ReplicaSet failing",
    group: "apps",
    kind: "ReplicaSet",
    status: { conditions: [{ type: "ReplicaFailure", status: "True", message: "quota" }] },
    expected: "Degraded",
    message: /quota/,
  },
  { name: "StatefulSet not observed", group: "apps", kind: "StatefulSet", expected: "Progressing" },
  {
    name: "StatefulSet ready",
    group: "apps",
    kind: "StatefulSet",
    spec: { replicas: 1 },
    status: { observedGeneration: 1, readyReplicas: 1, updateRevision: "a", currentRevision: "a" },
    expected: "Healthy",
  },
  {
    name: "StatefulSet rolling",
    group: "apps",
    kind: "StatefulSet",
    spec: { replicas: 1 },
    status: { observedGeneration: 1, readyReplicas: 1, updateRevision: "b", currentRevision: "a" },
    expected: "Progressing",
  },
  {
    name: "DaemonSet updating",
    group: "apps",
    kind: "DaemonSet",
    status: { desiredNumberScheduled: 2, updatedNumberScheduled: 1 },
    expected: "Progressing",
  },
  {
    name: "DaemonSet available",
    group: "apps",
    kind: "DaemonSet",
    status: { desiredNumberScheduled: 1, updatedNumberScheduled: 1, numberAvailable: 1 },
    expected: "Healthy",
  },
  {
    name: "Pod running and ready",
    kind: "Pod",
    status: { phase: "Running", conditions: ready },
    expected: "Healthy",
  },
  { name: "Pod running, not ready", kind: "Pod", status: { phase: "Running" }, expected: "Progressing" },
  {
    name: "Pod that crashed before",
    kind: "Pod",
    status: {
      phase: "Running",
      containerStatuses: [{ lastState: { terminated: { exitCode: 1, message: "boom" } } }],
    },
    expected: "Degraded",
    message: /boom/,
  },
  {
    name: "Pod whose image cannot be pulled",
    kind: "Pod",
    status: waiting("ErrImagePull"),
    expected: "Degraded",
    message: /why/,
  },
  { name: "Pod in back-off", kind: "Pod", status: waiting("CrashLoopBackOff"), expected: "Degraded" },
  { name: "Pod being created", kind: "Pod", status: waiting("ContainerCreating"), expected: "Progressing" },
  {
    name: "Pod of a job that runs",
    kind: "Pod",
    spec: { restartPolicy: "Never" },
    status: { phase: "Running", conditions: ready },
    expected: "Progressing",
  },
  { name: "Pod succeeded", kind: "Pod", status: { phase: "Succeeded" }, expected: "Healthy" },
  {
    name: "Pod failed",
    kind: "Pod",
    status: { phase: "Failed", containerStatuses: [{ name: "c", state: { terminated: { exitCode: 3 } } }] },
    expected: "Degraded",
    message: /"c" failed with exit code 3/,
  },
  {
    name: "Job failed",
    group: "batch",
    kind: "Job",
    status: { conditions: [{ type: "Failed", status: "True", message: "x" }] },
    expected: "Degraded",
  },
  {
    name: "Job complete",
    group: "batch",
    kind: "Job",
    status: { conditions: [{ type: "Complete", status: "True" }] },
    expected: "Healthy",
  },
  {
    name: "Job suspended",
    group: "batch",
    kind: "Job",
    status: { conditions: [{ type: "Suspended", status: "True" }] },
    expected: "Suspended",
  },
  { name: "Job running", group: "batch", kind: "Job", expected: "Progressing" },
  {
    name: "CronJob suspended",
    group: "batch",
    kind: "CronJob",
    spec: { suspend: true },
    expected: "Suspended",
  },
  { name: "CronJob that never ran", group: "batch", kind: "CronJob", expected: "Progressing" },
  {
    name: "CronJob whose last run failed",
    group: "batch",
    kind: "CronJob",
    status: { lastScheduleTime: "2026-01-02T00:00:00Z", lastSuccessfulTime: "2026-01-01T00:00:05Z" },
    expected: "Degraded",
  },
  {
    name: "CronJob whose last run succeeded",
    group: "batch",
    kind: "CronJob",
    status: { lastScheduleTime: "2026-01-01T00:00:00Z", lastSuccessfulTime: "2026-01-01T00:00:05Z" },
    expected: "Healthy",
  },
  { name: "Service", kind: "Service", spec: { type: "ClusterIP" }, expected: "Healthy" },
  {
    name: "LoadBalancer without address",
    kind: "Service",
    spec: { type: "LoadBalancer" },
    expected: "Progressing",
  },
  {
    name: "LoadBalancer with address",
    kind: "Service",
    spec: { type: "LoadBalancer" },
    status: { loadBalancer: { ingress: [{ ip: "x" }] } },
    expected: "Healthy",
  },
  { name: "Ingress without address", group: "networking.k8s.io", kind: "Ingress", expected: "Progressing" },
  { name: "PVC bound", kind: "PersistentVolumeClaim", status: { phase: "Bound" }, expected: "Healthy" },
  {
    name: "PVC pending",
    kind: "PersistentVolumeClaim",
    status: { phase: "Pending" },
    expected: "Progressing",
  },
  { name: "PVC lost", kind: "PersistentVolumeClaim", status: { phase: "Lost" }, expected: "Degraded" },
  { name: "Route not seen by a router", group: "route.openshift.io", kind: "Route", expected: "Progressing" },
  {
    name: "Route admitted",
    group: "route.openshift.io",
    kind: "Route",
    status: { ingress: [{ host: "h", conditions: [{ type: "Admitted", status: "True" }] }] },
    expected: "Healthy",
  },
  {
    name: "Route refused",
    group: "route.openshift.io",
    kind: "Route",
    status: {
      ingress: [
        {
          host: "h",
          conditions: [{ type: "Admitted", status: "False", reason: "HostAlreadyClaimed", message: "taken" }],
        },
      ],
    },
    expected: "Degraded",
    message: /h is not admitted: HostAlreadyClaimed taken/,
  },
  {
    name: "CRD established",
    group: "apiextensions.k8s.io",
    kind: "CustomResourceDefinition",
    status: { conditions: [{ type: "Established", status: "True" }] },
    expected: "Healthy",
  },
  {
    name: "InferenceService failed to load",
    group: "serving.kserve.io",
    kind: "InferenceService",
    status: {
      modelStatus: { transitionStatus: "BlockedByFailedLoad", lastFailureInfo: { message: "no model" } },
    },
    expected: "Degraded",
    message: /no model/,
  },
  {
    name: "Policy non-compliant",
    group: "policy.open-cluster-management.io",
    kind: "Policy",
    status: { compliant: "NonCompliant" },
    expected: "Degraded",
  },
  {
    name: "a status of another shape",
    group: "apps",
    kind: "Deployment",
    spec: "x",
    status: ["y"],
    expected: "Progressing",
  },
];

test.each(CASES)(
  "$name: $expected",
  ({ group = "", kind, metadata = {}, spec, status, expected, message }) => {
    const object: UnstructuredObject = {
      apiVersion: "v1",
      kind,
      metadata: { name: "n", ...metadata },
      spec,
      status,
    };
    const health = healthOf(group, object);
    expect(health?.status).toBe(expected);
    if (message !== undefined) expect(health?.message).toMatch(message);
  },
);
