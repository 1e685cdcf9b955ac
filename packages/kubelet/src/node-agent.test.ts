import { findCondition, isConditionTrue } from "@ai-edge/apimachinery";
import { ConfigMap, EndpointSlice, Event, Node, Pod, Secret, Service } from "@ai-edge/api";
import { startTestRegistry } from "@ai-edge/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";

import { ask, isReady, key, NodePlace, waitingReason } from "./testing/node-place.ts";

let node: NodePlace;

beforeAll(async () => {
  node = await NodePlace.make();
});
afterAll(() => node?.remove());
beforeEach(() => node.startAgent());
afterEach(() => node.clear());

describe("a pod", () => {
  it("is bound, pulled, started, probed and answers at its own address", async () => {
    await node.create({ readinessProbe: { httpGet: { path: "/ready", port: 8080 }, periodSeconds: 1 } });
    const pod = await node.until(isReady);
    expect(pod.spec.nodeName).toBe("edge");
    expect(pod.status).toMatchObject({
      phase: "Running",
      hostIP: "127.0.0.1",
      podIP: expect.stringContaining(`${node.network}.`),
    });
    expect(pod.status?.containerStatuses?.[0]).toMatchObject({
      ready: true,
      started: true,
      restartCount: 0,
      imageID: node.image,
    });
    expect(
      ["PodScheduled", "Initialized", "ContainersReady", "Ready"].map(
        (type) => findCondition(pod.status?.conditions, type)?.status,
      ),
    ).toEqual(["True", "True", "True", "True"]);
    const { argv, ...seen } = await ask(pod);
    expect(seen).toMatchObject({ host: pod.status?.podIP, model: "w1" });
    expect(argv[0]).toMatch(/rootfs\/models\/iris\/weights$/);
    expect(await node.logs()).toContain("starting");
    expect(await node.logs()).toContain("a line on stderr");
    await vi.waitFor(async () => {
      const events = (await node.client.list(Event, { namespace: "default" })).items.map(
        ({ reason }) => reason,
      );
      for (const reason of ["Scheduled", "Pulling", "Pulled", "Created", "Started"])
        expect(events).toContain(reason);
    });
    expect(isConditionTrue((await node.client.get(Node, { name: "edge" })).status?.conditions, "Ready")).toBe(
      true,
    );
  });

  it("gets variables and volumes from ConfigMaps, Secrets and its own fields", async () => {
    await node.client.create(ConfigMap, {
      metadata: { namespace: "default", name: "settings" },
      data: { greeting: "hello", "app.conf": "x=1" },
    });
    await node.client.create(Secret, {
      metadata: { namespace: "default", name: "keys" },
      data: { name: Buffer.from("site").toString("base64") },
    });
    await node.create(
      {
        env: [
          { name: "NAME", valueFrom: { secretKeyRef: { name: "keys", key: "name" } } },
          { name: "HELLO", valueFrom: { configMapKeyRef: { name: "settings", key: "greeting" } } },
          { name: "GREETING", value: "$(HELLO) $(NAME) $$(NAME)" },
          { name: "POD", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
          { name: "CONFIG_FILE", value: "/etc/app/app.conf" },
        ],
        volumeMounts: [{ name: "config", mountPath: "/etc/app" }],
      },
      { volumes: [{ name: "config", configMap: { name: "settings" } }] },
    );
    const seen = await vi.waitFor(async () => await ask(await node.until(isReady)), { timeout: 10_000 });
    expect(seen).toMatchObject({ greeting: "hello site $(NAME)", pod: "iris", config: "x=1" });
  });

  it("waits with the reason when what it refers to is not there", async () => {
    await node.create({ env: [{ name: "A", valueFrom: { configMapKeyRef: { name: "absent", key: "k" } } }] });
    const pod = await node.until((one) => waitingReason(one) === "CreateContainerConfigError");
    expect(pod.status?.containerStatuses?.[0]?.state?.waiting?.message).toContain(
      'configmap "absent" not found',
    );
    expect(pod.status?.phase).toBe("Pending");
  });

  it("crashes: backs off, counts restarts, and keeps the log of the last run", async () => {
    await node.create({ env: [{ name: "CRASH", value: "1" }] });
    const pod = await node.until(
      (one) =>
        waitingReason(one) === "CrashLoopBackOff" &&
        (one.status?.containerStatuses?.[0]?.restartCount ?? 0) > 1,
    );
    expect(pod.status?.containerStatuses?.[0]?.lastState?.terminated).toMatchObject({
      exitCode: 3,
      reason: "Error",
    });
    expect(await node.logs({ previous: true })).toContain("starting");
  });

  it("ends when its job is done, and is not started again", async () => {
    await node.create(
      { command: ["node", "-e", "console.log('done')"], args: [] },
      { restartPolicy: "Never" },
    );
    const pod = await node.until((one) => one.status?.phase === "Succeeded");
    expect(pod.status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({
      exitCode: 0,
      reason: "Completed",
    });
    expect(await node.logs()).toBe("done\n");
  });

  it("is restarted when its liveness probe fails, and unready when its readiness probe does", async () => {
    await node.create({
      readinessProbe: { httpGet: { path: "/ready", port: 8080 }, periodSeconds: 1, failureThreshold: 1 },
      livenessProbe: { httpGet: { path: "/ready", port: 8080 }, periodSeconds: 1, failureThreshold: 2 },
    });
    const first = await ask(await node.until(isReady));
    await ask(await node.client.get(Pod, key), "/unready");
    await node.until((pod) => !isReady(pod));
    await node.until((pod) => isReady(pod) && pod.status?.containerStatuses?.[0]?.restartCount === 1);
    expect((await ask(await node.client.get(Pod, key))).pid).not.toBe(first.pid);
  });

  it("is ended in order when it is deleted", async () => {
    await node.create();
    const pod = await node.until(isReady);
    await vi.waitFor(async () => await ask(pod));
    const { pid } = await ask(pod);
    await node.client.delete(Pod, key);
    await vi.waitFor(
      async () => await expect(node.client.get(Pod, key)).rejects.toMatchObject({ reason: "NotFound" }),
      { timeout: 10_000 },
    );
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  });

  it("runs beside another with the same port", async () => {
    await node.create();
    await node.client.create(Pod, {
      metadata: { namespace: "default", name: "second" },
      spec: { containers: [{ name: "server", image: node.image }] },
    });
    const first = await node.until(isReady);
    await vi.waitFor(
      async () => {
        const second = await node.client.get(Pod, { namespace: "default", name: "second" });
        const answers = [await ask(first), await ask(second)];
        expect(new Set(answers.map(({ pid }) => pid)).size).toBe(2);
      },
      { timeout: 10_000 },
    );
  });
});

describe("a restarted agent", () => {
  it("runs its pods again at their old addresses, without the registry", async () => {
    await node.create();
    const before = await node.until(isReady);
    const { pid } = await vi.waitFor(async () => await ask(before));
    await node.stopAgent();
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
    await node.registry.close();
    try {
      await node.startAgent();
      const after = await node.until(
        (pod) => isReady(pod) && pod.status?.containerStatuses?.[0]?.restartCount === 1,
      );
      expect(after.status?.podIP).toBe(before.status?.podIP);
      await vi.waitFor(async () => expect((await ask(after)).pid).not.toBe(pid));
    } finally {
      node.registry = await startTestRegistry();
    }
  });
});

describe("a Service", () => {
  it("forwards from its cluster IP to ready pods only", async () => {
    const { spec } = await node.client.create(Service, {
      metadata: key,
      spec: { selector: { app: "iris" }, ports: [{ port: 80, targetPort: 8080 }] },
    });
    await node.create();
    const pod = await node.until(isReady);
    await vi.waitFor(async () => await ask(pod));
    const slice = (addresses: string[], ready: boolean): EndpointSlice["endpoints"] => [
      { addresses, conditions: { ready } },
    ];
    await node.client.create(EndpointSlice, {
      metadata: { ...key, labels: { "kubernetes.io/service-name": "iris" } },
      addressType: "IPv4",
      // The first refuses connections, the third is not ready: neither may cost a request.
      endpoints: [
        ...(slice([`${node.network}.127.254`], true) ?? []),
        ...(slice([pod.status?.podIP ?? ""], true) ?? []),
        ...(slice([`${node.network}.127.253`], false) ?? []),
      ],
      ports: [{ port: 8080, protocol: "TCP" }],
    });
    const url = `http://${spec.clusterIP}:80/`;
    await vi.waitFor(async () => expect((await fetch(url)).status).toBe(200), { timeout: 5000 });
    const statuses = await Promise.all(Array.from({ length: 20 }, async () => (await fetch(url)).status));
    expect(new Set(statuses)).toEqual(new Set([200]));
    await node.client.delete(EndpointSlice, key);
    await node.client.delete(Service, key);
  });
});
