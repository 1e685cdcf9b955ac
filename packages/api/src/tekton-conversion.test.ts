import { expect, test } from "vitest";
import { convertTekton } from "./tekton-conversion.ts";

const metadata = { name: "x", namespace: "default" };

const cases: { kind: string; v1beta1: Record<string, unknown>; v1: Record<string, unknown> }[] = [
  {
    kind: "PipelineRun",
    v1beta1: {
      spec: {
        pipelineRef: { name: "git-fetch" },
        serviceAccountName: "pipeline",
        podTemplate: { nodeSelector: { a: "b" } },
        taskRunSpecs: [{ pipelineTaskName: "t", taskServiceAccountName: "other" }],
        timeouts: { pipeline: "1h0m0s" },
      },
      status: { pipelineResults: [{ name: "r", value: "1" }] },
    },
    v1: {
      spec: {
        pipelineRef: { name: "git-fetch" },
        taskRunSpecs: [{ pipelineTaskName: "t", serviceAccountName: "other" }],
        timeouts: { pipeline: "1h0m0s" },
        taskRunTemplate: { serviceAccountName: "pipeline", podTemplate: { nodeSelector: { a: "b" } } },
      },
      status: { results: [{ name: "r", value: "1" }] },
    },
  },
  {
    kind: "TaskRun",
    v1beta1: {
      spec: {
        serviceAccountName: "pipeline",
        taskSpec: { steps: [{ name: "s", resources: { limits: {} } }] },
      },
      status: { taskResults: [{ name: "r", value: "1" }] },
    },
    v1: {
      spec: {
        serviceAccountName: "pipeline",
        taskSpec: { steps: [{ name: "s", computeResources: { limits: {} } }] },
      },
      status: { results: [{ name: "r", value: "1" }] },
    },
  },
  {
    kind: "Pipeline",
    v1beta1: { spec: { tasks: [{ name: "t", taskSpec: { steps: [{ resources: { requests: {} } }] } }] } },
    v1: { spec: { tasks: [{ name: "t", taskSpec: { steps: [{ computeResources: { requests: {} } }] } }] } },
  },
  {
    kind: "Task",
    v1beta1: { spec: { stepTemplate: { resources: { limits: {} } }, steps: [{ image: "a" }] } },
    v1: { spec: { stepTemplate: { computeResources: { limits: {} } }, steps: [{ image: "a" }] } },
  },
];

test.each(cases)("$kind moves its fields both ways", ({ kind, v1beta1, v1 }) => {
  const old = { apiVersion: "tekton.dev/v1beta1", kind, metadata, ...v1beta1 };
  const current = { apiVersion: "tekton.dev/v1", kind, metadata, ...v1 };
  expect(convertTekton(old, "v1")).toEqual(current);
  expect(convertTekton(current, "v1beta1")).toEqual(old);
  expect(convertTekton(current, "v1")).toBe(current);
});

test("timeout and bundles exist in v1beta1 only", () => {
  const run = {
    apiVersion: "tekton.dev/v1beta1",
    kind: "PipelineRun",
    metadata,
    spec: { timeout: "1h0m0s", pipelineRef: { name: "p", bundle: "example.com/p:1" } },
  };
  expect(convertTekton(run, "v1")).toEqual({
    apiVersion: "tekton.dev/v1",
    kind: "PipelineRun",
    metadata,
    spec: {
      timeouts: { pipeline: "1h0m0s" },
      pipelineRef: {
        resolver: "bundles",
        params: [
          { name: "bundle", value: "example.com/p:1" },
          { name: "name", value: "p" },
          { name: "kind", value: "Task" },
        ],
      },
    },
  });
});

test("what is not shaped as expected is left for validation", () => {
  const odd = {
    apiVersion: "tekton.dev/v1beta1",
    kind: "PipelineRun",
    metadata,
    spec: { pipelineSpec: 3, taskRunSpecs: "x", timeout: 5 },
  };
  expect(convertTekton(odd, "v1")).toEqual({ ...odd, apiVersion: "tekton.dev/v1" });
});
