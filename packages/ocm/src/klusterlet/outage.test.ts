/** What a site does while its hub is away, empty or another one. */
import { isStatus } from "@ai-edge/apimachinery";
import { AppliedManifestWork, ConfigMap, ManagedCluster, ManifestWork } from "@ai-edge/api";
import { type TemporaryDirectory, type TestApiServer, temporaryDirectory } from "@ai-edge/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type RunningKlusterlet,
  type TestHub,
  clusterConditions,
  runKlusterlet,
  startEdge,
  startHub,
  tokenFor,
  eventually,
} from "../../testdata/clusters.ts";

const NAME = "edge-1";
let hub: TestHub;
let edge: TestApiServer;
let agents: RunningKlusterlet;
let edgeDir: TemporaryDirectory;
let hubDir: TemporaryDirectory;
let port = 0;

beforeEach(async () => {
  [edgeDir, hubDir] = await Promise.all([
    temporaryDirectory("ai-edge-klusterlet-"),
    temporaryDirectory("ai-edge-hub-"),
  ]);
  [hub, edge] = await Promise.all([
    startHub({ leaseDurationSeconds: 1, server: { dataDir: hubDir.path } }),
    startEdge(),
  ]);
  port = Number(new URL(hub.url).port);
  agents = await runKlusterlet(edge, { dataDir: edgeDir.path, joinToken: await tokenFor(hub, NAME) });
  await eventually(() => clusterConditions(hub, NAME)).toMatchObject({
    ManagedClusterConditionAvailable: "True",
  });
  await deliver("1");
  await eventually(delivered).toBe("1");
});
afterEach(async () => {
  await agents?.stop();
  await Promise.all([hub?.close(), edge?.close()]);
  await Promise.all([edgeDir.remove(), hubDir.remove()]);
});

/** Creates or changes a work that carries one value. */
async function deliver(value: string): Promise<void> {
  const manifests = [
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { namespace: "default", name: "delivered" },
      data: { value },
    },
  ];
  await hub.client.apply(
    ManifestWork,
    { metadata: { namespace: NAME, name: "w" }, spec: { workload: { manifests } } },
    { fieldManager: "test", force: true },
  );
}

/** The value at the site; undefined if it is gone. */
async function delivered(): Promise<string | undefined> {
  try {
    return (await edge.client.get(ConfigMap, { namespace: "default", name: "delivered" })).data?.["value"];
  } catch (error) {
    if (isStatus(error, "NotFound")) return undefined;
    throw error;
  }
}

describe("a hub that is away", () => {
  it("leaves the site as it is, also through a restart of the site, and gets it back when it returns", async () => {
    await hub.close();
    await eventually(() => agents.connection().state).toBe("disconnected");
    await agents.stop();
    // No token and no hub: the stored credentials are enough to start.
    agents = await runKlusterlet(edge, { dataDir: edgeDir.path });
    expect(agents.cluster).toBe(NAME);
    await eventually(() => agents.connection().state).toBe("disconnected");
    expect(agents.connection().message).toContain("this site keeps running what it runs");
    expect(await delivered()).toBe("1");
    hub = await startHub({
      leaseDurationSeconds: 1,
      server: { dataDir: hubDir.path, port, customResourceDefinitions: [] },
    });
    await eventually(() => agents.connection().state).toBe("connected");
    await deliver("2");
    await eventually(delivered).toBe("2");
    await eventually(() => clusterConditions(hub, NAME)).toMatchObject({
      ManagedClusterConditionAvailable: "True",
    });
  }, 60_000);
});

describe("a hub that came back empty", () => {
  it("changes nothing at the site, says what to do, and takes over what the site runs when it joins again", async () => {
    await hub.close();
    await hubDir.remove();
    hubDir = await temporaryDirectory("ai-edge-hub-");
    hub = await startHub({ leaseDurationSeconds: 1, server: { dataDir: hubDir.path, port } });
    await eventually(() => agents.connection()).toMatchObject({
      state: "refused",
      message: expect.stringMatching(/other certificate authority.*ai-edge token create edge-1/),
    });
    expect(await delivered()).toBe("1");
    const uid = (await edge.client.get(ConfigMap, { namespace: "default", name: "delivered" })).metadata.uid;
    await agents.stop();
    agents = await runKlusterlet(edge, { dataDir: edgeDir.path, joinToken: await tokenFor(hub, NAME) });
    await eventually(() => clusterConditions(hub, NAME)).toMatchObject({
      ManagedClusterConditionAvailable: "True",
    });
    await deliver("3");
    await eventually(delivered).toBe("3");
    expect((await edge.client.get(ConfigMap, { namespace: "default", name: "delivered" })).metadata.uid).toBe(
      uid,
    );
    await eventually(async () => (await edge.client.list(AppliedManifestWork)).items.length).toBe(1);
  }, 60_000);

  it("with the old certificate authority: the site keeps what it runs although the hub knows neither it nor its works", async () => {
    const { cluster } = agents;
    await hub.client.patch(
      ManagedCluster,
      { name: cluster },
      { type: "merge", body: { metadata: { finalizers: null } } },
    );
    await hub.client.patch(
      ManifestWork,
      { namespace: NAME, name: "w" },
      { type: "merge", body: { metadata: { finalizers: null } } },
    );
    await agents.stop();
    await hub.client.delete(ManifestWork, { namespace: NAME, name: "w" });
    await hub.client.delete(ManagedCluster, { name: cluster });
    agents = await runKlusterlet(edge, { dataDir: edgeDir.path });
    await eventually(() => agents.connection().state).toBe("connected");
    await eventually(async () => (await edge.client.list(AppliedManifestWork)).items.length).toBe(1);
    expect(await delivered()).toBe("1");
  }, 60_000);
});
