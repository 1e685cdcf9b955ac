import { isConditionTrue, findCondition } from "@ai-edge/apimachinery";
import { Deployment, Event, Pod, ReplicaSet } from "@ai-edge/api";
import type { Client } from "@ai-edge/client";
import { createManager } from "@ai-edge/runtime";
import { type TestApiServer, addPodActor, readyStatus, startTestApiServer } from "@ai-edge/testing";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { addWorkloadControllers } from "../index.ts";

let api: TestApiServer;
let client: Client;
let stop: AbortController;
let running: Promise<void>[];
beforeAll(async () => {
  api = await startTestApiServer();
  ({ client } = api);
});
afterAll(() => api.close());

/** How many pods were Ready at the worst moment since the test began. */
let fewestReady: number;
let mostPods: number;
/** Pods of these images never become ready. */
let broken: Set<string>;
let watching: boolean;

beforeEach(async () => {
  stop = new AbortController();
  broken = new Set();
  watching = false;
  fewestReady = Infinity;
  mostPods = 0;
  const manager = createManager({ client, logger: pino({ level: "silent" }) });
  addWorkloadControllers(manager);
  const pods = manager.informer(Pod);
  addPodActor(manager, (pod) =>
    broken.has(pod.spec.containers[0]?.image ?? "") ? undefined : readyStatus(),
  );
  pods.onEvent(() => {
    if (!watching) return;
    const living = pods.store.list().filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    mostPods = Math.max(mostPods, living.length);
    fewestReady = Math.min(
      fewestReady,
      living.filter(({ status }) => isConditionTrue(status?.conditions, "Ready")).length,
    );
  });
  running = [manager.start(stop.signal)];
});
afterEach(async () => {
  for (const { metadata } of (await client.list(Deployment)).items) {
    await client.delete(Deployment, { ...metadata });
  }
  for (const { metadata } of (await client.list(ReplicaSet)).items) {
    await client.delete(ReplicaSet, { ...metadata }).catch(() => {});
  }
  stop.abort();
  await Promise.all(running);
  for (const { metadata } of (await client.list(Pod)).items) {
    await client.delete(Pod, { ...metadata }, { gracePeriodSeconds: 0 }).catch(() => {});
  }
});

const key = { namespace: "default", name: "web" };
const deployment = (
  image: string,
  spec: Partial<Deployment["spec"]> = {},
): Omit<Deployment, "apiVersion" | "kind"> => ({
  metadata: { ...key },
  spec: {
    replicas: 3,
    selector: { matchLabels: { app: "web" } },
    template: { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "c", image }] } },
    ...spec,
  },
});
const setImage = (image: string) =>
  client.patch(Deployment, key, {
    type: "strategic",
    body: { spec: { template: { spec: { containers: [{ name: "c", image }] } } } },
  });
const settled = async (image: string, replicas = 3): Promise<void> => {
  await expect
    .poll(
      async () => {
        const { status, metadata } = await client.get(Deployment, key);
        const pods = (await client.list(Pod)).items.filter(
          (pod) => pod.metadata.deletionTimestamp === undefined,
        );
        return {
          images: pods.map(({ spec }) => spec.containers[0]?.image),
          updated: status?.updatedReplicas,
          available: status?.availableReplicas,
          observed: status?.observedGeneration === metadata.generation,
          reason: findCondition(status?.conditions, "Progressing")?.reason,
        };
      },
      { timeout: 10_000 },
    )
    .toEqual({
      images: Array.from({ length: replicas }, () => image),
      updated: replicas || undefined,
      available: replicas || undefined,
      observed: true,
      reason: "NewReplicaSetAvailable",
    });
};

describe("a Deployment", () => {
  it("brings up its pods and says so", async () => {
    await client.create(Deployment, deployment("v1"));
    await settled("v1");
    const { metadata, status } = await client.get(Deployment, key);
    expect(metadata.annotations).toEqual({ "deployment.kubernetes.io/revision": "1" });
    expect(
      status?.conditions?.map(({ type, status: value, reason, message }) => ({
        type,
        value,
        reason,
        message,
      })),
    ).toEqual(
      expect.arrayContaining([
        {
          type: "Available",
          value: "True",
          reason: "MinimumReplicasAvailable",
          message: "Deployment has minimum availability.",
        },
        {
          type: "Progressing",
          value: "True",
          reason: "NewReplicaSetAvailable",
          message: expect.stringMatching(/^ReplicaSet "web-[a-z0-9]+" has successfully progressed\.$/),
        },
      ]),
    );
    const [replicaSet] = (await client.list(ReplicaSet)).items;
    const hash = replicaSet?.metadata.labels?.["pod-template-hash"];
    expect(replicaSet?.metadata.name).toBe(`web-${hash}`);
    expect(replicaSet?.spec.selector.matchLabels).toEqual({ app: "web", "pod-template-hash": hash });
    await expect
      .poll(async () => (await client.list(Event)).items.map(({ message }) => message))
      .toContain(`Scaled up replica set web-${hash} from 0 to 3`);
  });

  it.each([
    ["one more, none fewer", { maxSurge: 1, maxUnavailable: 0 }, 3, 4],
    ["none more, one fewer", { maxSurge: 0, maxUnavailable: 1 }, 2, 3],
    ["percentages: surge rounds up, unavailability down", { maxSurge: "25%", maxUnavailable: "25%" }, 3, 4],
  ])("rolls with %s", async (_, rollingUpdate, ready, most) => {
    await client.create(Deployment, deployment("v1", { strategy: { type: "RollingUpdate", rollingUpdate } }));
    await settled("v1");
    watching = true;
    await setImage("v2");
    await settled("v2");
    expect({ fewestReady, mostPods }).toEqual({ fewestReady: ready, mostPods: most });
  });

  it("keeps serving the old version while the new one does not get ready, and reports the deadline", async () => {
    await client.create(Deployment, deployment("v1", { progressDeadlineSeconds: 1 }));
    await settled("v1");
    broken.add("bad");
    watching = true;
    await setImage("bad");
    await expect
      .poll(
        async () =>
          (await client.get(Deployment, key)).status?.conditions?.map(
            (c) => `${c.type} ${c.status} ${c.reason}`,
          ),
        {
          timeout: 8_000,
        },
      )
      .toEqual(
        expect.arrayContaining([
          "Available True MinimumReplicasAvailable",
          "Progressing False ProgressDeadlineExceeded",
        ]),
      );
    expect(fewestReady).toBe(3);
    // kubectl rollout undo writes the template of the ReplicaSet with the wanted revision.
    await setImage("v1");
    await settled("v1");
    expect(
      (await client.get(Deployment, key)).metadata.annotations?.["deployment.kubernetes.io/revision"],
    ).toBe("3");
    const revisions = (await client.list(ReplicaSet)).items.map(({ metadata }) => [
      metadata.annotations?.["deployment.kubernetes.io/revision"],
      metadata.annotations?.["deployment.kubernetes.io/revision-history"],
    ]);
    expect(new Map(revisions.map(([revision, history]) => [revision, history]))).toEqual(
      new Map([
        ["2", undefined],
        ["3", "1"],
      ]),
    );
    expect(fewestReady).toBe(3);
  });

  it("replaces all at once with Recreate, the old ones first", async () => {
    await client.create(Deployment, deployment("v1", { strategy: { type: "Recreate" } }));
    await settled("v1");
    watching = true;
    await setImage("v2");
    await settled("v2");
    expect({ fewestReady, mostPods }).toEqual({ fewestReady: 0, mostPods: 3 });
  });

  it("scales, also through the scale subresource", async () => {
    await client.create(Deployment, deployment("v1"));
    await settled("v1");
    const body = { spec: { replicas: 5 } };
    await client.patch(Deployment, key, { type: "merge", body }, { subresource: "scale" });
    await settled("v1", 5);
    await client.patch(Deployment, key, { type: "merge", body: { spec: { replicas: 0 } } });
    await settled("v1", 0);
  });

  it("does nothing with a new template while paused", async () => {
    await client.create(Deployment, deployment("v1"));
    await settled("v1");
    await client.patch(Deployment, key, { type: "merge", body: { spec: { paused: true } } });
    await setImage("v2");
    await expect
      .poll(async () => {
        const { status, metadata } = await client.get(Deployment, key);
        return [
          status?.observedGeneration === metadata.generation,
          findCondition(status?.conditions, "Progressing")?.reason,
        ];
      })
      .toEqual([true, "DeploymentPaused"]);
    expect((await client.list(ReplicaSet)).items.length).toBe(1);
    await client.patch(Deployment, key, { type: "merge", body: { spec: { paused: null } } });
    await settled("v2");
  });

  it("keeps as many old ReplicaSets as the history limit says", async () => {
    await client.create(Deployment, deployment("v1", { replicas: 1, revisionHistoryLimit: 1 }));
    await settled("v1", 1);
    for (const image of ["v2", "v3", "v4"]) {
      await setImage(image);
      await settled(image, 1);
    }
    await expect
      .poll(
        async () =>
          new Set(
            (await client.list(ReplicaSet)).items.map(({ spec }) => spec.template?.spec.containers[0]?.image),
          ),
      )
      .toEqual(new Set(["v3", "v4"]));
  });

  it("makes pods anew that are deleted, and adopts orphans", async () => {
    await client.create(Deployment, deployment("v1"));
    await settled("v1");
    const [pod] = (await client.list(Pod)).items;
    await client.delete(
      Pod,
      { namespace: "default", name: pod?.metadata.name ?? "" },
      { gracePeriodSeconds: 0 },
    );
    await settled("v1");
    const hash = pod?.metadata.labels?.["pod-template-hash"] ?? "";
    await client.create(Pod, {
      metadata: { namespace: "default", name: "orphan", labels: { app: "web", "pod-template-hash": hash } },
      spec: { containers: [{ name: "c", image: "v1" }] },
    });
    // Adopted, hence one too many: the youngest or least ready goes.
    await settled("v1");
  });
});
