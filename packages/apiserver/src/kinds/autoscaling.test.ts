import { HorizontalPodAutoscaler } from "@ai-edge/api";
import { type UnstructuredObject, resourceType } from "@ai-edge/apimachinery";
import { type TestApiServer, startTestApiServer } from "@ai-edge/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { autoscalerConversion } from "./autoscaling.ts";

const AutoscalerV1 = resourceType<UnstructuredObject>(
  "autoscaling/v1",
  "HorizontalPodAutoscaler",
  "horizontalpodautoscalers",
  { namespaced: true },
);
const scaleTargetRef = { apiVersion: "apps/v1", kind: "Deployment", name: "d" };
const cpu = (averageUtilization: number): Record<string, unknown> => ({
  type: "Resource",
  resource: { name: "cpu", target: { type: "Utilization", averageUtilization } },
});
const memory = {
  type: "Resource",
  resource: { name: "memory", target: { type: "AverageValue", averageValue: "1Gi" } },
};

let api: TestApiServer;
beforeAll(async () => {
  api = await startTestApiServer();
});
afterAll(() => api.close());

describe("a HorizontalPodAutoscaler", () => {
  it.each<[string, Record<string, unknown>, unknown[]]>([
    ["cpu", { targetCPUUtilizationPercentage: 50 }, [cpu(50)]],
    ["default", {}, [cpu(80)]],
  ])("made as v1 is stored as v2: %s", async (name, fields, metrics) => {
    const key = { namespace: "default", name };
    const made = await api.client.create(AutoscalerV1, {
      apiVersion: "autoscaling/v1",
      kind: "HorizontalPodAutoscaler",
      metadata: key,
      spec: { maxReplicas: 3, scaleTargetRef, ...fields },
    });
    expect([made.apiVersion, made["spec"]]).toEqual([
      "autoscaling/v1",
      { minReplicas: 1, maxReplicas: 3, scaleTargetRef, targetCPUUtilizationPercentage: 80, ...fields },
    ]);
    expect((await api.client.get(HorizontalPodAutoscaler, key)).spec).toEqual({
      minReplicas: 1,
      maxReplicas: 3,
      scaleTargetRef,
      metrics,
    });
  });

  it("made as v2 keeps what v1 cannot say when v1 changes it", async () => {
    const key = { namespace: "default", name: "both" };
    const behavior = { scaleDown: { stabilizationWindowSeconds: 60 } };
    await api.client.create(HorizontalPodAutoscaler, {
      apiVersion: "autoscaling/v2",
      kind: "HorizontalPodAutoscaler",
      metadata: key,
      spec: { maxReplicas: 3, scaleTargetRef, metrics: [cpu(50), memory], behavior },
    });
    const body = { spec: { maxReplicas: 5, targetCPUUtilizationPercentage: 70 } };
    await api.client.patch(AutoscalerV1, key, { type: "merge", body });
    const { spec, metadata } = await api.client.get(HorizontalPodAutoscaler, key);
    expect(spec).toEqual({
      minReplicas: 1,
      maxReplicas: 5,
      scaleTargetRef,
      metrics: [cpu(70), memory],
      behavior,
    });
    expect(metadata.annotations).toBeUndefined();
  });

  it.each<[Record<string, unknown>, string]>([
    [{ scaleTargetRef, maxReplicas: 0 }, "spec.maxReplicas: Invalid value: 0: must be greater than 0"],
    [{ scaleTargetRef, maxReplicas: 1, minReplicas: 2 }, "must be greater than or equal to `minReplicas`"],
    [{ maxReplicas: 1 }, "spec.scaleTargetRef.kind: Required value"],
  ])("is refused: %j", async (spec, message) => {
    const object = {
      apiVersion: "autoscaling/v1",
      kind: "HorizontalPodAutoscaler",
      metadata: { name: "x" },
      spec,
    };
    const namespaced = { ...object, metadata: { name: "x", namespace: "default" } };
    await expect(api.client.create(AutoscalerV1, namespaced)).rejects.toThrow(message);
  });

  it("leaves an annotation alone that is no JSON", () => {
    const annotations = { "autoscaling.alpha.kubernetes.io/behavior": "{" };
    const object = {
      apiVersion: "autoscaling/v1",
      kind: "HorizontalPodAutoscaler",
      metadata: { name: "x", annotations },
      spec: { maxReplicas: 1 },
    };
    expect(autoscalerConversion.toStorage(object).metadata.annotations).toEqual(annotations);
  });
});
