import {
  Endpoints,
  EndpointSlice,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  Service,
} from "@ai-edge/api";
import type { Client } from "@ai-edge/client";
import { createManager } from "@ai-edge/runtime";
import { type TestApiServer, readyStatus, startTestApiServer } from "@ai-edge/testing";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addWorkloadControllers } from "../index.ts";

let api: TestApiServer;
let client: Client;
const stop = new AbortController();
let running: Promise<void>;
const removed: string[] = [];

beforeAll(async () => {
  api = await startTestApiServer();
  ({ client } = api);
  const manager = createManager({ client, logger: pino({ level: "silent" }) });
  addWorkloadControllers(manager, {
    volumes: {
      path: ({ namespace, name }) => `/data/${namespace}/${name}`,
      remove: async (path) => void removed.push(path),
    },
  });
  running = manager.start(stop.signal);
});
afterAll(async () => {
  stop.abort();
  await running;
  await api.close();
});

const namespace = "default";
async function createPod(name: string, podIP: string, ready: boolean): Promise<void> {
  const containers = [{ name: "c", image: "i", ports: [{ name: "http", containerPort: 8080 }] }];
  await client.create(Pod, {
    metadata: { namespace, name, labels: { app: "web" } },
    spec: { nodeName: "n", containers },
  });
  const status = { ...readyStatus(podIP), ...(ready ? {} : { conditions: [] }) };
  await client.patch(
    Pod,
    { namespace, name },
    { type: "merge", body: { status } },
    { subresource: "status" },
  );
}
const slices = async () =>
  (
    await client.list(EndpointSlice, { namespace, labelSelector: "kubernetes.io/service-name=web" })
  ).items.map(({ addressType, endpoints, ports }) => ({
    addressType,
    ports,
    endpoints: endpoints?.map(({ addresses, conditions, targetRef }) => [
      targetRef?.name,
      addresses[0],
      conditions,
    ]),
  }));
const http = { name: "http", protocol: "TCP", port: 8080 };
const conditions = (ready: boolean, serving = ready, terminating = false) => ({
  ready,
  serving,
  terminating,
});

describe("a Service", () => {
  it("has the addresses of its pods, and says which are ready", async () => {
    await createPod("a", "127.0.0.2", true);
    await createPod("b", "127.0.0.3", false);
    await client.create(Service, {
      metadata: { namespace, name: "web" },
      spec: { selector: { app: "web" }, ports: [{ name: "http", port: 80, targetPort: "http" }] },
    });
    await expect.poll(slices).toEqual([
      {
        addressType: "IPv4",
        ports: [http],
        endpoints: [
          ["a", "127.0.0.2", conditions(true)],
          ["b", "127.0.0.3", conditions(false)],
        ],
      },
    ]);
    await expect
      .poll(async () => (await client.get(Endpoints, { namespace, name: "web" })).subsets)
      .toMatchObject([
        { addresses: [{ ip: "127.0.0.2" }], notReadyAddresses: [{ ip: "127.0.0.3" }], ports: [http] },
      ]);
    // On its way out: still serving, no longer ready.
    await client.delete(Pod, { namespace, name: "a" }, { gracePeriodSeconds: 30 });
    await expect
      .poll(async () => (await slices())[0]?.endpoints?.[0])
      .toEqual(["a", "127.0.0.2", conditions(false, true, true)]);
    await client.delete(Pod, { namespace, name: "a" }, { gracePeriodSeconds: 0 });
    await expect.poll(async () => (await slices())[0]?.endpoints?.map(([name]) => name)).toEqual(["b"]);
  });

  it("without a selector keeps what somebody else wrote", async () => {
    await client.create(Service, {
      metadata: { namespace, name: "outside" },
      spec: { ports: [{ port: 80 }] },
    });
    await client.create(EndpointSlice, {
      metadata: { namespace, name: "outside-1", labels: { "kubernetes.io/service-name": "outside" } },
      addressType: "IPv4",
      endpoints: [{ addresses: ["10.0.0.1"] }],
      ports: [],
    });
    await client.create(Service, {
      metadata: { namespace, name: "balanced" },
      spec: {
        type: "LoadBalancer",
        clusterIP: "127.250.128.7",
        selector: { app: "none" },
        ports: [{ port: 80 }],
      },
    });
    await expect
      .poll(
        async () =>
          (await client.get(Service, { namespace, name: "balanced" })).status?.loadBalancer?.ingress,
      )
      .toEqual([{ ip: "127.250.128.7" }]);
    await expect(client.get(EndpointSlice, { namespace, name: "outside-1" })).resolves.toBeDefined();
  });
});

describe("a PersistentVolumeClaim", () => {
  it("is bound at once to a directory, which goes with it", async () => {
    const key = { namespace, name: "data" };
    await client.create(PersistentVolumeClaim, {
      metadata: key,
      spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
    });
    await expect
      .poll(async () => (await client.get(PersistentVolumeClaim, key)).status)
      .toMatchObject({ phase: "Bound", accessModes: ["ReadWriteOnce"], capacity: { storage: "1Gi" } });
    const { spec } = await client.get(PersistentVolumeClaim, key);
    const volume = await client.get(PersistentVolume, { name: spec.volumeName ?? "" });
    expect(volume.spec.hostPath?.path).toBe("/data/default/data");
    await client.delete(PersistentVolumeClaim, key);
    await expect.poll(() => removed).toEqual(["/data/default/data"]);
    expect((await client.list(PersistentVolume)).items).toEqual([]);
  });
});
