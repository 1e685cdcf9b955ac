import { DaemonSet, Node, PersistentVolumeClaim, Pod, StatefulSet } from "@ai-edge/api";
import type { Client } from "@ai-edge/client";
import { createManager } from "@ai-edge/runtime";
import { type TestApiServer, addPodActor, startTestApiServer } from "@ai-edge/testing";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addWorkloadControllers } from "../index.ts";

let api: TestApiServer;
let client: Client;
const stop = new AbortController();
let running: Promise<void>;
const log: string[] = [];

beforeAll(async () => {
  api = await startTestApiServer();
  ({ client } = api);
  const manager = createManager({ client, logger: pino({ level: "silent" }) });
  addWorkloadControllers(manager);
  addPodActor(manager);
  manager.informer(Pod).onEvent(({ type, object }) => {
    if (type !== "updated") log.push(`${type} ${object.metadata.name} ${object.spec.containers[0]?.image}`);
  });
  running = manager.start(stop.signal);
});
afterAll(async () => {
  stop.abort();
  await running;
  await api.close();
});

const namespace = "default";
const template = (app: string, image: string): StatefulSet["spec"]["template"] => ({
  metadata: { labels: { app } },
  spec: { containers: [{ name: "c", image }] },
});
const setImage = (app: string, image: string) =>
  ({ type: "merge", body: { spec: { template: template(app, image) } } }) as const;

describe("a StatefulSet", () => {
  it("brings its pods up in order with claims of their own, updates them in reverse and scales down from the end", async () => {
    const key = { namespace, name: "db" };
    await client.create(StatefulSet, {
      metadata: key,
      spec: {
        replicas: 3,
        serviceName: "db",
        selector: { matchLabels: { app: "db" } },
        template: template("db", "v1"),
        volumeClaimTemplates: [
          {
            apiVersion: "v1",
            kind: "PersistentVolumeClaim",
            metadata: { name: "data" },
            spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
          },
        ],
      },
    });
    const done = async (image: string, replicas: number) =>
      expect
        .poll(
          async () => {
            const { status } = await client.get(StatefulSet, key);
            const pods = (await client.list(Pod, { namespace, labelSelector: "app=db" })).items;
            return {
              images: pods.map(({ spec }) => spec.containers[0]?.image),
              counts: [
                status?.replicas,
                status?.readyReplicas,
                status?.updatedReplicas,
                status?.currentReplicas,
              ],
              settled: status?.currentRevision === status?.updateRevision,
            };
          },
          { timeout: 5_000 },
        )
        .toEqual({
          images: Array.from({ length: replicas }, () => image),
          counts: Array.from({ length: 4 }, () => replicas),
          settled: true,
        });
    await done("v1", 3);
    expect(log.splice(0)).toEqual(["added db-0 v1", "added db-1 v1", "added db-2 v1"]);
    expect(
      (await client.list(PersistentVolumeClaim, { namespace })).items.map(({ metadata }) => metadata.name),
    ).toEqual(["data-db-0", "data-db-1", "data-db-2"]);
    const pod = await client.get(Pod, { namespace, name: "db-1" });
    expect(pod.spec).toMatchObject({
      hostname: "db-1",
      subdomain: "db",
      volumes: [{ name: "data", persistentVolumeClaim: { claimName: "data-db-1" } }],
    });
    await client.patch(StatefulSet, key, setImage("db", "v2"));
    await done("v2", 3);
    expect(log.splice(0)).toEqual(
      [2, 1, 0].flatMap((ordinal) => [`deleted db-${ordinal} v1`, `added db-${ordinal} v2`]),
    );
    await client.patch(StatefulSet, key, { type: "merge", body: { spec: { replicas: 1 } } });
    await done("v2", 1);
    expect(log.splice(0)).toEqual(["deleted db-2 v2", "deleted db-1 v2"]);
  });
});

describe("a DaemonSet", () => {
  it("has one pod on every node that it selects, also after an update", async () => {
    for (const [name, zone] of [
      ["n1", "a"],
      ["n2", "a"],
      ["n3", "b"],
    ] as const) {
      await client.create(Node, { metadata: { name, labels: { zone } } });
    }
    const key = { namespace, name: "agent" };
    const { metadata, spec } = template("agent", "v1");
    await client.create(DaemonSet, {
      metadata: key,
      spec: {
        selector: { matchLabels: { app: "agent" } },
        template: {
          ...(metadata === undefined ? {} : { metadata }),
          spec: { ...spec, nodeSelector: { zone: "a" } },
        },
      },
    });
    const done = async (image: string, nodes: string[]) =>
      expect
        .poll(
          async () => {
            const { status } = await client.get(DaemonSet, key);
            const pods = (await client.list(Pod, { namespace, labelSelector: "app=agent" })).items;
            return {
              pods: new Set(pods.map((pod) => `${pod.spec.nodeName} ${pod.spec.containers[0]?.image}`)),
              counts: [status?.desiredNumberScheduled, status?.numberReady, status?.updatedNumberScheduled],
            };
          },
          { timeout: 5_000 },
        )
        .toEqual({
          pods: new Set(nodes.map((node) => `${node} ${image}`)),
          counts: Array.from({ length: 3 }, () => nodes.length),
        });
    await done("v1", ["n1", "n2"]);
    await client.patch(DaemonSet, key, setImage("agent", "v2"));
    await done("v2", ["n1", "n2"]);
    await client.patch(
      Node,
      { name: "n3" },
      { type: "merge", body: { metadata: { labels: { zone: "a" } } } },
    );
    await done("v2", ["n1", "n2", "n3"]);
  });
});
