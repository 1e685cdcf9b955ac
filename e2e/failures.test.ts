import { mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { findCondition } from "@ai-edge/apimachinery";
import { Application, ARGOCD_NAMESPACE, Deployment, Lease, ManagedCluster, Pod, Secret } from "@ai-edge/api";
import { clientFromKubeconfig, loadKubeconfig } from "@ai-edge/client";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";

import { startDemoTopology, type DemoTopology } from "./demo-topology.ts";
import { commitToGitops, kustomizationWithDigest } from "./gitops-commit.ts";
import { pushImageWithNewLayer } from "./image-with-layer.ts";
import { goldenPrediction, queryMetrics } from "./requests.ts";

const EDGES = ["near-edge-1", "near-edge-2"];
const WAIT = { timeout: 60_000, interval: 200 };

describe("when things go wrong", () => {
  let demo: DemoTopology;
  let scratch: string;

  beforeAll(async () => {
    demo = await startDemoTopology();
    scratch = await mkdtemp(join(tmpdir(), "ai-edge-scratch-"));
  });

  afterAll(async () => {
    await demo.stop();
    await rm(scratch, { recursive: true, force: true });
  });

  const hubApplication = async (edge: string) =>
    (await demo.client("core")).get(Application, {
      namespace: ARGOCD_NAMESPACE,
      name: `${edge}-bike-rentals`,
    });
  const bikeUrl = async (edge: string) => {
    const { edges } = await demo.endpoints();
    const route = edges
      .find(({ name }) => name === edge)
      ?.routes.find(({ namespace }) => namespace === "bike-rentals");
    return `${route?.url}/v2/models/bike-rentals/infer`;
  };

  test("a pull request that pins a digest that does not exist: the old pod serves, the hub says Degraded and why", async () => {
    const before = await kustomizationWithDigest(demo, scratch, "bike-rentals");
    const missing = `sha256:${"0123456789abcdef".repeat(4)}`;
    await commitToGitops(demo, scratch, "bike-rentals", before.text.replace(before.digest, missing));
    for (const edge of EDGES) {
      await vi.waitFor(async () => {
        const { status } = await hubApplication(edge);
        expect(status?.health?.status).toBe("Degraded");
        expect(JSON.stringify(status)).toMatch(/ImagePull|ErrImagePull|manifest unknown|not found/i);
      }, WAIT);
      expect(await goldenPrediction(await bikeUrl(edge), "2")).toBe(true);
    }

    await commitToGitops(demo, scratch, "bike-rentals", before.text);
    for (const edge of EDGES) {
      await vi.waitFor(
        async () => expect((await hubApplication(edge)).status?.health?.status).toBe("Healthy"),
        WAIT,
      );
    }
  });

  test("a blob that is corrupted in the registry: the old pod serves, the hub says Degraded and why", async () => {
    const before = await kustomizationWithDigest(demo, scratch, "bike-rentals");
    const { digest, layerFile } = await pushImageWithNewLayer(demo, "ai-edge/bike-rentals");
    await writeFile(layerFile, Buffer.alloc((await stat(layerFile)).size, "x"));
    await commitToGitops(demo, scratch, "bike-rentals", before.text.replace(before.digest, digest));
    for (const edge of EDGES) {
      await vi.waitFor(async () => {
        const { status } = await hubApplication(edge);
        expect(status?.health?.status).toBe("Degraded");
        expect(status?.health?.message).toMatch(/digest|sha256|corrupt/i);
      }, WAIT);
      expect(await goldenPrediction(await bikeUrl(edge), "2")).toBe(true);
    }
    await commitToGitops(demo, scratch, "bike-rentals", before.text);
    for (const edge of EDGES) {
      await vi.waitFor(
        async () => expect((await hubApplication(edge)).status?.health?.status).toBe("Healthy"),
        WAIT,
      );
    }
  });

  test("a malformed request to a site: 400, and the next one is answered", async () => {
    const url = await bikeUrl("near-edge-1");
    const response = await fetch(url, { method: "POST", body: '{"inputs": [' });
    expect({ status: response.status, body: await response.json() }).toEqual({
      status: 400,
      body: { error: expect.any(String) },
    });
    expect(await goldenPrediction(url, "2")).toBe(true);
  });

  test("a site's certificate opens its own namespace at the hub, and no other", async () => {
    const kubeconfig = await loadKubeconfig(join(demo.dataDir, "near-edge-1", "pki", "hub-kubeconfig"));
    const client = clientFromKubeconfig(kubeconfig);
    try {
      await expect(client.list(Secret, { namespace: "near-edge-2" })).rejects.toMatchObject({
        reason: "Forbidden",
        code: 403,
      });
      await expect(client.get(ManagedCluster, { name: "near-edge-2" })).rejects.toMatchObject({
        reason: "Forbidden",
        code: 403,
      });
      expect((await client.get(ManagedCluster, { name: "near-edge-1" })).metadata.name).toBe("near-edge-1");
    } finally {
      client.close();
    }
  });

  test("the core killed: sites serve, a killed site restarts and serves without it, all reconverges, nothing is deleted", async () => {
    const before = await uidsAt(demo, "near-edge-1");
    await demo.killAndHold("core");
    for (const edge of EDGES) expect(await goldenPrediction(await bikeUrl(edge), "2")).toBe(true);

    await demo.killAndHold("near-edge-2");
    await demo.letStart("near-edge-2");
    await vi.waitFor(
      async () => expect(await goldenPrediction(await bikeUrl("near-edge-2"), "2")).toBe(true),
      WAIT,
    );
    const servedDuringOutage = Date.now() / 1000;
    const coreIsAway = new Date();

    await demo.letStart("core");
    await vi.waitFor(async () => {
      const clusters = await (await demo.client("core")).list(ManagedCluster);
      const available = clusters.items.map(
        ({ status }) => findCondition(status?.conditions, "ManagedClusterConditionAvailable")?.status,
      );
      expect(available).toEqual(["True", "True"]);
    }, WAIT);
    for (const edge of EDGES) {
      await vi.waitFor(
        async () => expect((await hubApplication(edge)).status?.health?.status).toBe("Healthy"),
        WAIT,
      );
    }
    // The agents of the restarted site have found the core again, too.
    for (const edge of EDGES) {
      await vi.waitFor(async () => {
        const lease = await (
          await demo.client("core")
        ).get(Lease, { namespace: edge, name: "managed-cluster-lease" });
        expect(new Date(lease.spec?.renewTime ?? 0).getTime()).toBeGreaterThan(coreIsAway.getTime());
      }, WAIT);
    }
    await vi.waitFor(async () => {
      const { core } = await demo.endpoints();
      const samples = await queryMetrics(
        core.metrics,
        'rest_server_requests_total{cluster="near-edge-2"}',
        servedDuringOutage + 15,
      );
      expect(samples.length, "metrics of the outage").toBeGreaterThan(0);
    }, WAIT);
    expect(await uidsAt(demo, "near-edge-1")).toEqual(before);
  });

  test("a stopped edge turns Unknown with the upstream taint within 30 s, and comes back", async () => {
    const cluster = async () => (await demo.client("core")).get(ManagedCluster, { name: "near-edge-2" });
    await demo.killAndHold("near-edge-2");
    await vi.waitFor(
      async () => {
        const { spec, status } = await cluster();
        expect(findCondition(status?.conditions, "ManagedClusterConditionAvailable")).toMatchObject({
          status: "Unknown",
          reason: "ManagedClusterLeaseUpdateStopped",
        });
        expect(spec?.taints?.map(({ key }) => key)).toContain(
          "cluster.open-cluster-management.io/unreachable",
        );
      },
      { timeout: 30_000, interval: 200 },
    );
    await demo.letStart("near-edge-2");
    await vi.waitFor(async () => {
      const { spec, status } = await cluster();
      expect(findCondition(status?.conditions, "ManagedClusterConditionAvailable")?.status).toBe("True");
      expect(spec?.taints ?? []).toEqual([]);
    }, WAIT);
  });

  // Last: the hub is a new one afterwards.
  test("the core restarted on an empty data directory: sites keep what they run", async () => {
    const before = await uidsAt(demo, "near-edge-1");
    await demo.killAndHold("core");
    await rename(join(demo.dataDir, "core"), join(scratch, "old-core"));
    await vi.waitFor(
      async () => expect(await readFile(join(demo.dataDir, "core", "kubeconfig"), "utf8")).not.toBe(""),
      WAIT,
    );
    // Long enough for several heartbeats and resyncs against the new hub; nothing announces that nothing happens.
    const until = Date.now() + 20_000;
    while (Date.now() < until) {
      for (const edge of EDGES) expect(await goldenPrediction(await bikeUrl(edge), "2")).toBe(true);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    expect(await uidsAt(demo, "near-edge-1")).toEqual(before);
  });
});

/** What runs at a site, by uid: equal before and after means that nothing was deleted, nor made anew. */
async function uidsAt(demo: DemoTopology, edge: string): Promise<string[]> {
  const client = await demo.client(edge);
  const lists = await Promise.all([client.list(Application), client.list(Deployment), client.list(Pod)]);
  return lists
    .flatMap(({ items }) =>
      items.map(({ kind, metadata }) => `${kind ?? ""} ${metadata.name} ${metadata.uid}`),
    )
    .sort();
}
