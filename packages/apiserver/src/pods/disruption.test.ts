import { ConfigMap, type Pod, PodDisruptionBudget, Pod as Pods, ReplicaSet } from "@ai-edge/api";
import { StatusError } from "@ai-edge/apimachinery";
import { type TestApiServer, startTestApiServer } from "@ai-edge/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

let api: TestApiServer;
beforeAll(async () => {
  api = await startTestApiServer({ publishRootCa: true });
});
afterAll(() => api.close());

const labels = { app: "a" };
const podSpec = { containers: [{ name: "c", image: "i" }] };

async function run(namespace: string, pod: Pod, isReady: boolean): Promise<void> {
  const { name } = pod.metadata;
  await api.client.create(Pods, pod);
  const status = {
    phase: "Running",
    conditions: [
      { type: "Ready", status: isReady ? "True" : "False", lastTransitionTime: "2026-01-01T00:00:00Z" },
    ],
  };
  await api.client.patch(
    Pods,
    { namespace, name },
    { type: "merge", body: { status } },
    { subresource: "status" },
  );
}

/** `evicted`, or code, message and cause of the refusal. */
async function evict(namespace: string, name: string): Promise<unknown> {
  try {
    await api.client.request("POST", `/api/v1/namespaces/${namespace}/pods/${name}/eviction`, {
      body: JSON.stringify({ apiVersion: "policy/v1", kind: "Eviction", metadata: { name, namespace } }),
      headers: { "content-type": "application/json" },
    });
    return "evicted";
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    return [error.status.code, error.status.details?.causes?.[0]?.message ?? error.message];
  }
}

const needs = (desired: number, healthy: number): unknown => [
  429,
  `The disruption budget b needs ${desired} healthy pods and has ${healthy} currently`,
];

describe("an eviction", () => {
  it.each<[string, PodDisruptionBudget["spec"] | undefined, boolean[], number | undefined, unknown]>([
    ["none", undefined, [true], undefined, "evicted"],
    ["other", { minAvailable: 9, selector: { matchLabels: { app: "b" } } }, [true], undefined, "evicted"],
    ["min-kept", { minAvailable: 1, selector: { matchLabels: labels } }, [true, true], undefined, "evicted"],
    [
      "min-broken",
      { minAvailable: 2, selector: { matchLabels: labels } },
      [true, true],
      undefined,
      needs(2, 2),
    ],
    [
      "min-part",
      { minAvailable: "51%", selector: { matchLabels: labels } },
      [true, true],
      undefined,
      needs(2, 2),
    ],
    ["everything", { minAvailable: 1, selector: {} }, [true], undefined, needs(1, 1)],
    [
      "max-kept",
      { maxUnavailable: 1, selector: { matchLabels: labels } },
      [true, true],
      undefined,
      "evicted",
    ],
    [
      "max-broken",
      { maxUnavailable: 1, selector: { matchLabels: labels } },
      [true, false],
      undefined,
      needs(1, 1),
    ],
    ["max-owner", { maxUnavailable: 1, selector: { matchLabels: labels } }, [true, true], 3, needs(2, 2)],
    [
      "unhealthy",
      { minAvailable: 1, selector: { matchLabels: labels } },
      [false, true],
      undefined,
      "evicted",
    ],
  ])("under a budget: %s", async (namespace, spec, ready, replicas, expected) => {
    const { client } = api;
    await client.request("POST", "/api/v1/namespaces", {
      body: JSON.stringify({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } }),
      headers: { "content-type": "application/json" },
    });
    if (spec !== undefined) {
      const budget = {
        apiVersion: "policy/v1",
        kind: "PodDisruptionBudget",
        metadata: { name: "b", namespace },
        spec,
      };
      await client.create(PodDisruptionBudget, budget);
    }
    const owner =
      replicas === undefined
        ? undefined
        : await client.create(ReplicaSet, {
            apiVersion: "apps/v1",
            kind: "ReplicaSet",
            metadata: { name: "r", namespace },
            spec: {
              replicas,
              selector: { matchLabels: labels },
              template: { metadata: { labels }, spec: podSpec },
            },
          });
    const ownerReferences =
      owner === undefined
        ? []
        : [
            {
              apiVersion: "apps/v1",
              kind: "ReplicaSet",
              name: "r",
              uid: owner.metadata.uid ?? "",
              controller: true,
            },
          ];
    for (const [index, isReady] of ready.entries()) {
      const metadata = { name: `p${index}`, namespace, labels, ownerReferences };
      await run(namespace, { apiVersion: "v1", kind: "Pod", metadata, spec: podSpec }, isReady);
    }
    expect(await evict(namespace, "p0")).toEqual(expected);
  });
});

describe("what kube-controller-manager and Go's decoder do besides", () => {
  it("every namespace has the CA, also after somebody took it away or changed it", async () => {
    const key = { namespace: "default", name: "kube-root-ca.crt" };
    const read = (): Promise<unknown> =>
      api.client.get(ConfigMap, key).then(
        ({ data }) => data,
        () => undefined,
      );
    const published = { "ca.crt": api.caCertificate };
    expect(await read()).toEqual(published);
    await api.client.delete(ConfigMap, key);
    await expect.poll(read).toEqual(published);
    await api.client.patch(ConfigMap, key, { type: "merge", body: { data: { "ca.crt": "x", more: "y" } } });
    await expect.poll(read).toEqual(published);
  });

  it.each<[unknown, string]>([
    ["0.5", "500m"],
    [2, "2"],
    ["1024Mi", "1Gi"],
    ["1500m", "1500m"],
    ["1000m", "1"],
    ["1e3", "1e3"],
  ])("the quantity %j is stored as %s", async (value, expected) => {
    const body = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "q", namespace: "default" },
      spec: { containers: [{ name: "c", image: "i", resources: { limits: { cpu: value } } }] },
    };
    const response = await api.client.request("POST", "/api/v1/namespaces/default/pods?dryRun=All", {
      body: JSON.stringify(body),
      headers: { "content-type": "application/json" },
    });
    expect(JSON.parse(await response.text())).toMatchObject({
      spec: { containers: [{ resources: { limits: { cpu: expected } } }] },
    });
  });
});
