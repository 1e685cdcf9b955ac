import { type AddressInfo, type Socket, connect, createServer } from "node:net";
import { formatTime } from "@ai-edge/apimachinery";
import { ConfigMap, Deployment, Event, Lease } from "@ai-edge/api";
import { type Client, clientFromKubeconfig, resolveContext } from "@ai-edge/client";
import { type TestApiServer, startTestApiServer } from "@ai-edge/testing";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SharedInformer } from "./informer.ts";
import {
  addFinalizer,
  createEventRecorder,
  hasFinalizer,
  patchStatus,
  removeFinalizer,
  renewLease,
} from "./index.ts";

const logger = pino({ level: "silent" });
const namespace = "default";
let api: TestApiServer;
let client: Client;
beforeAll(async () => {
  api = await startTestApiServer();
  ({ client } = api);
});
afterAll(() => api.close());

/** A wire between client and server that can be cut. */
async function cuttable(): Promise<{ client: Client; cut(): void; close(): void }> {
  const sockets = new Set<Socket>();
  const { port } = new URL(api.url);
  const proxy = createServer((near) => {
    const far = connect(Number(port), "127.0.0.1");
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => (sockets.delete(socket), near.destroy(), far.destroy()));
    }
    near.pipe(far);
    far.pipe(near);
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const server = `https://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const clusters = api.kubeconfig.clusters.map(({ name, cluster }) => ({
    name,
    cluster: { ...cluster, server },
  }));
  const through = clientFromKubeconfig({ ...api.kubeconfig, clusters });
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return { client: through, cut, close: () => (through.close(), cut(), proxy.close()) };
}

describe("an informer on a wire that is cut again and again", () => {
  it("ends up with the server's state", async () => {
    const wire = await cuttable();
    const stop = new AbortController();
    const informer = new SharedInformer(ConfigMap, { namespace }, { client: wire.client, logger });
    const running = informer.run(stop.signal);
    await informer.synced;
    for (let step = 0; step < 150; step += 1) {
      const metadata = { namespace, name: `torture-${(step * 7) % 11}` };
      if (step % 4 === 3) await client.delete(ConfigMap, metadata).catch(() => {});
      else {
        await client.apply(
          ConfigMap,
          { metadata, data: { step: String(step) } },
          { fieldManager: "torture" },
        );
      }
      if (step % 13 === 0) wire.cut();
    }
    const state = (items: ConfigMap[]) =>
      Object.fromEntries(items.map(({ metadata }) => [metadata.name, metadata.resourceVersion]));
    const { items } = await client.list(ConfigMap, { namespace });
    await expect.poll(() => state(informer.store.list()), { timeout: 10_000 }).toEqual(state(items));
    stop.abort();
    await running;
    wire.close();
  });
});

describe("a client certificate that is swapped", () => {
  it("is used from the next request on", async () => {
    const { user } = resolveContext(api.kubeconfig);
    const decode = (text: string | undefined): string => Buffer.from(text ?? "", "base64").toString();
    const clientCertificate = {
      certificate: decode(user["client-certificate-data"]),
      key: decode(user["client-key-data"]),
    };
    let enrolled = false;
    const agent = clientFromKubeconfig(api.kubeconfig, {
      credentials: () => (enrolled ? { clientCertificate } : {}),
    });
    await expect(agent.list(ConfigMap, { namespace })).rejects.toMatchObject({ reason: "Forbidden" });
    enrolled = true;
    await expect(agent.list(ConfigMap, { namespace })).resolves.toBeDefined();
    agent.close();
  });
});

describe("patchStatus", () => {
  it("writes the difference, and nothing when there is none", async () => {
    const template = { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "i" }] } };
    const metadata = { namespace, name: "status" };
    const before = await client.create(Deployment, {
      metadata,
      spec: { selector: { matchLabels: { a: "b" } }, template },
    });
    const status = { replicas: 2, readyReplicas: 1 };
    const once = await patchStatus(client, Deployment, before, { ...before, status });
    expect(once.status).toEqual(status);
    expect(once.metadata.generation).toBe(before.metadata.generation);
    const twice = await patchStatus(client, Deployment, once, { ...once, status: { ...status } });
    expect(twice.metadata.resourceVersion).toBe(once.metadata.resourceVersion);
    const less = await patchStatus(client, Deployment, twice, { ...twice, status: { replicas: 2 } });
    expect(less.status).toEqual({ replicas: 2 });
    await expect(
      patchStatus(
        client,
        Deployment,
        before,
        { ...before, status: { replicas: 9 } },
        { optimisticLock: true },
      ),
    ).rejects.toMatchObject({ reason: "Conflict" });
  });
});

describe("finalizers", () => {
  it("hold an object until removed, and keep those of others", async () => {
    const key = { namespace, name: "held" };
    const made = await client.create(ConfigMap, { metadata: { ...key, finalizers: ["x.io/other"] } });
    const held = await addFinalizer(client, ConfigMap, made, "x.io/ours");
    expect(held.metadata.finalizers).toEqual(["x.io/other", "x.io/ours"]);
    expect(await addFinalizer(client, ConfigMap, held, "x.io/ours")).toBe(held);
    await expect(addFinalizer(client, ConfigMap, made, "x.io/late")).rejects.toMatchObject({
      reason: "Conflict",
    });
    await client.delete(ConfigMap, key);
    const going = await client.get(ConfigMap, key);
    expect([going.metadata.deletionTimestamp !== undefined, hasFinalizer(going, "x.io/ours")]).toEqual([
      true,
      true,
    ]);
    const less = await removeFinalizer(client, ConfigMap, going, "x.io/ours");
    expect(less.metadata.finalizers).toEqual(["x.io/other"]);
    await removeFinalizer(client, ConfigMap, less, "x.io/other");
    await expect(client.get(ConfigMap, key)).rejects.toMatchObject({ reason: "NotFound" });
  });
});

describe("a lease", () => {
  it("is made, then renewed", async () => {
    let now = new Date("2026-11-23T10:00:00.123Z");
    const options = {
      client,
      namespace,
      name: "site",
      holderIdentity: "me",
      leaseDurationSeconds: 60,
      now: () => now,
    };
    await expect(renewLease({ ...options, create: false })).rejects.toMatchObject({ reason: "NotFound" });
    await renewLease(options);
    now = new Date("2026-11-23T10:00:10.123Z");
    await renewLease(options);
    expect((await client.get(Lease, { namespace, name: "site" })).spec).toEqual({
      holderIdentity: "me",
      leaseDurationSeconds: 60,
      acquireTime: "2026-11-23T10:00:00.123000Z",
      renewTime: "2026-11-23T10:00:10.123000Z",
    });
  });
});

describe("events", () => {
  it("are counted up when they repeat, and limited per object", async () => {
    let now = new Date("2026-11-23T10:00:00Z");
    const events = createEventRecorder({ client, component: "tester", logger, now: () => now });
    const object = await client.create(ConfigMap, { metadata: { namespace, name: "noisy" } });
    for (let index = 0; index < 100; index += 1) events.event(object, "Warning", "Failed", "again");
    now = new Date("2026-11-23T11:00:00Z");
    events.event(object, "Warning", "Failed", "again");
    await events.flush();
    const { items } = await client.list(Event, { namespace, fieldSelector: "involvedObject.name=noisy" });
    expect(
      items.map(({ type, reason, message, count, source }) => ({ type, reason, message, count, source })),
    ).toEqual([
      { type: "Warning", reason: "Failed", message: "again", count: 26, source: { component: "tester" } },
    ]);
    expect(items[0]).toMatchObject({
      involvedObject: {
        apiVersion: "v1",
        kind: "ConfigMap",
        namespace,
        name: "noisy",
        uid: object.metadata.uid,
      },
      firstTimestamp: "2026-11-23T10:00:00Z",
      lastTimestamp: formatTime(now),
    });
  });
});
