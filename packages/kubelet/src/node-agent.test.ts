import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import { join } from "node:path";

import { findCondition, isConditionTrue } from "@ai-edge/apimachinery";
import { ConfigMap, EndpointSlice, Event, Node, Pod, type PodSpec, Secret, Service } from "@ai-edge/api";
import type { Client } from "@ai-edge/client";
import { buildImage, copyImage, createRegistryClient, ImageLayout, splitDigest } from "@ai-edge/oci";
import { createManager } from "@ai-edge/runtime";
import { startTestApiServer, startTestRegistry, type TestApiServer } from "@ai-edge/testing";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";

import { addNodeAgent, createProcessRuntime, type NodeAgent } from "./index.ts";

/** Answers with what it sees; SIGTERM ends it in an orderly way; /crash ends it at once. */
const SERVER = `
const http = require("node:http"), fs = require("node:fs");
console.log("starting", process.env.GREETING ?? "");
console.error("a line on stderr");
if (process.env.CRASH) process.exit(3);
let ready = !process.env.UNREADY;
http.createServer((request, response) => {
  if (request.url === "/crash") process.exit(7);
  if (request.url === "/unready") ready = false;
  if (request.url === "/ready") return response.writeHead(ready ? 200 : 503).end();
  const read = (name) => name && fs.readFileSync(name, "utf8");
  response.end(JSON.stringify({ pid: process.pid, cwd: process.cwd(), argv: process.argv.slice(2), host: process.env.HOST,
    greeting: process.env.GREETING, pod: process.env.POD, config: read(process.env.CONFIG_FILE), model: read(process.argv[2]) }));
}).listen(8080, process.env.HOST);
process.on("SIGTERM", () => { console.log("terminated"); process.exit(0); });
`;

let api: TestApiServer;
let client: Client;
let registry: Awaited<ReturnType<typeof startTestRegistry>>;
let directory: string;
/** References by digest. */
let image: string;
let otherImage: string;

async function push(name: string, containerfile: string): Promise<string> {
  const layout = new ImageLayout(join(directory, "layout"));
  const { descriptor } = await buildImage({
    containerfile,
    context: join(directory, "context"),
    layout,
    base: () => layout,
  });
  const target = createRegistryClient({ host: registry.host });
  await copyImage(layout, descriptor.digest, target.repository(name), "v1");
  target.close();
  return `${registry.host}/${name}@${descriptor.digest}`;
}

beforeAll(async () => {
  directory = await mkdtemp(join(os.tmpdir(), "kubelet-"));
  await mkdir(join(directory, "context"));
  await writeFile(join(directory, "context/server.js"), SERVER);
  await writeFile(join(directory, "context/weights"), "w1");
  api = await startTestApiServer({ serviceCIDR: "127.77.128.0/18" });
  ({ client } = api);
  registry = await startTestRegistry();
  const lines =
    'FROM scratch\nCOPY server.js /app/\nCOPY weights /models/iris/\nENTRYPOINT ["node", "/app/server.js"]\nCMD ["/models/iris/weights"]\n';
  image = await push("models/iris", `${lines}LABEL aiedge.dev/runtime=process\n`);
  otherImage = await push("models/other", lines);
});
afterAll(async () => {
  await api.close();
  await registry.close();
  await rm(directory, { recursive: true, force: true });
});

let agent: NodeAgent;
let stop: AbortController;
let running: Promise<void>;

async function startAgent(): Promise<void> {
  const logger = pino({ level: "silent" });
  const manager = createManager({ client, logger });
  agent = await addNodeAgent(manager, {
    nodeName: "edge",
    dataDir: join(directory, "node"),
    hostIP: "127.0.0.1",
    podCIDR: "127.77.0.0/17",
    routeCIDR: "127.77.192.0/18",
    runtimes: [createProcessRuntime({ env: process.env, nodePath: process.execPath, nodeArguments: [] })],
    claimDirectory: async ({ namespace, name }) => join(directory, "claims", namespace, name),
    backoff: { firstMs: 100, longestMs: 400, resetAfterMs: 60_000 },
    logger,
  });
  stop = new AbortController();
  running = manager.start(stop.signal);
}

async function stopAgent(): Promise<void> {
  await agent.close();
  stop.abort();
  await running;
}

beforeEach(startAgent);
afterEach(async () => {
  for (const { metadata } of (await client.list(Pod, { namespace: "default" })).items) {
    await client
      .delete(Pod, { namespace: "default", name: metadata.name }, { gracePeriodSeconds: 1 })
      .catch(() => undefined);
  }
  await vi.waitFor(async () => expect((await client.list(Pod, { namespace: "default" })).items).toEqual([]), {
    timeout: 10_000,
  });
  await stopAgent();
});

const key = { namespace: "default", name: "iris" };

async function create(
  spec: Partial<PodSpec["containers"][number]> = {},
  pod: Partial<PodSpec> = {},
): Promise<void> {
  await client.create(Pod, {
    metadata: key,
    spec: { containers: [{ name: "server", image, ...spec }], ...pod },
  });
}

async function until(check: (pod: Pod) => boolean): Promise<Pod> {
  let last: Pod | undefined;
  await vi.waitFor(
    async () => {
      last = await client.get(Pod, key);
      if (!check(last)) throw new Error(`not yet: ${JSON.stringify(last.status, undefined, 1)}`);
    },
    { timeout: 10_000, interval: 20 },
  );
  if (last === undefined) throw new Error("no pod");
  return last;
}

const isReady = (pod: Pod): boolean => isConditionTrue(pod.status?.conditions, "Ready");
const waitingReason = (pod: Pod): string | undefined =>
  pod.status?.containerStatuses?.[0]?.state?.waiting?.reason;

interface Seen {
  pid: number;
  argv: string[];
  [name: string]: unknown;
}

async function ask(pod: Pod, path = "/"): Promise<Seen> {
  const response = await fetch(`http://${pod.status?.podIP}:8080${path}`);
  return (await response.json()) as Seen;
}

async function logs(options: object = {}): Promise<string> {
  const chunks: Uint8Array[] = [];
  const lines = await agent.podLogs({ ...key, container: "server", options }, AbortSignal.timeout(5000));
  for await (const chunk of lines) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe("a pod", () => {
  it("is bound, pulled, started, probed and answers at its own address", async () => {
    await create({ readinessProbe: { httpGet: { path: "/ready", port: 8080 }, periodSeconds: 1 } });
    const pod = await until(isReady);
    expect(pod.spec.nodeName).toBe("edge");
    expect(pod.status).toMatchObject({
      phase: "Running",
      hostIP: "127.0.0.1",
      podIP: expect.stringMatching(/^127\.77\./),
    });
    expect(pod.status?.containerStatuses?.[0]).toMatchObject({
      ready: true,
      started: true,
      restartCount: 0,
      imageID: image,
    });
    expect(
      ["PodScheduled", "Initialized", "ContainersReady", "Ready"].map(
        (type) => findCondition(pod.status?.conditions, type)?.status,
      ),
    ).toEqual(["True", "True", "True", "True"]);
    const { argv, ...seen } = await ask(pod);
    expect(seen).toMatchObject({ host: pod.status?.podIP, model: "w1" });
    expect(argv[0]).toMatch(/rootfs\/models\/iris\/weights$/);
    expect(await logs()).toContain("starting");
    expect(await logs()).toContain("a line on stderr");
    await vi.waitFor(async () => {
      const events = (await client.list(Event, { namespace: "default" })).items.map(({ reason }) => reason);
      for (const reason of ["Scheduled", "Pulling", "Pulled", "Created", "Started"])
        expect(events).toContain(reason);
    });
    expect(isConditionTrue((await client.get(Node, { name: "edge" })).status?.conditions, "Ready")).toBe(
      true,
    );
  });

  it("gets variables and volumes from ConfigMaps, Secrets and its own fields", async () => {
    await client.create(ConfigMap, {
      metadata: { namespace: "default", name: "settings" },
      data: { greeting: "hello", "app.conf": "x=1" },
    });
    await client.create(Secret, {
      metadata: { namespace: "default", name: "keys" },
      data: { name: Buffer.from("site").toString("base64") },
    });
    await create(
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
    const seen = await vi.waitFor(async () => await ask(await until(isReady)), { timeout: 10_000 });
    expect(seen).toMatchObject({ greeting: "hello site $(NAME)", pod: "iris", config: "x=1" });
  });

  it("waits with the reason when what it refers to is not there", async () => {
    await create({ env: [{ name: "A", valueFrom: { configMapKeyRef: { name: "absent", key: "k" } } }] });
    const pod = await until((one) => waitingReason(one) === "CreateContainerConfigError");
    expect(pod.status?.containerStatuses?.[0]?.state?.waiting?.message).toContain(
      'configmap "absent" not found',
    );
    expect(pod.status?.phase).toBe("Pending");
  });

  it("crashes: backs off, counts restarts, and keeps the log of the last run", async () => {
    await create({ env: [{ name: "CRASH", value: "1" }] });
    const pod = await until(
      (one) =>
        waitingReason(one) === "CrashLoopBackOff" &&
        (one.status?.containerStatuses?.[0]?.restartCount ?? 0) > 1,
    );
    expect(pod.status?.containerStatuses?.[0]?.lastState?.terminated).toMatchObject({
      exitCode: 3,
      reason: "Error",
    });
    expect(await logs({ previous: true })).toContain("starting");
  });

  it("ends when its job is done, and is not started again", async () => {
    await create({ command: ["node", "-e", "console.log('done')"], args: [] }, { restartPolicy: "Never" });
    const pod = await until((one) => one.status?.phase === "Succeeded");
    expect(pod.status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({
      exitCode: 0,
      reason: "Completed",
    });
    expect(await logs()).toBe("done\n");
  });

  it("is restarted when its liveness probe fails, and unready when its readiness probe does", async () => {
    await create({
      readinessProbe: { httpGet: { path: "/ready", port: 8080 }, periodSeconds: 1, failureThreshold: 1 },
      livenessProbe: { httpGet: { path: "/ready", port: 8080 }, periodSeconds: 1, failureThreshold: 2 },
    });
    const first = await ask(await until(isReady));
    await ask(await client.get(Pod, key), "/unready");
    await until((pod) => !isReady(pod));
    await until((pod) => isReady(pod) && pod.status?.containerStatuses?.[0]?.restartCount === 1);
    expect((await ask(await client.get(Pod, key))).pid).not.toBe(first.pid);
  });

  it("is ended in order when it is deleted", async () => {
    await create();
    const pod = await until(isReady);
    await vi.waitFor(async () => await ask(pod));
    const { pid } = await ask(pod);
    await client.delete(Pod, key);
    await vi.waitFor(
      async () => await expect(client.get(Pod, key)).rejects.toMatchObject({ reason: "NotFound" }),
      { timeout: 10_000 },
    );
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  });

  it("runs beside another with the same port", async () => {
    await create();
    await client.create(Pod, {
      metadata: { namespace: "default", name: "second" },
      spec: { containers: [{ name: "server", image }] },
    });
    const first = await until(isReady);
    await vi.waitFor(
      async () => {
        const second = await client.get(Pod, { namespace: "default", name: "second" });
        const answers = [await ask(first), await ask(second)];
        expect(new Set(answers.map(({ pid }) => pid)).size).toBe(2);
      },
      { timeout: 10_000 },
    );
  });
});

describe("an image", () => {
  it("that does not exist shows as ErrImagePull, then ImagePullBackOff", async () => {
    await create({ image: `${registry.host}/models/iris@sha256:${"0".repeat(64)}` });
    const pod = await until((one) => waitingReason(one) === "ErrImagePull");
    expect(pod.status?.containerStatuses?.[0]?.state?.waiting?.message).toContain("MANIFEST_UNKNOWN");
    await until((one) => waitingReason(one) === "ImagePullBackOff");
  });

  it("that is damaged in the registry is never run, and is pulled again when it is whole", async () => {
    await writeFile(join(directory, "context/weights"), "w2");
    const damaged = await push(
      "models/damaged",
      'FROM scratch\nCOPY . /app/\nENTRYPOINT ["node", "/app/server.js"]\nLABEL aiedge.dev/runtime=process\n',
    );
    const manifest = JSON.parse(
      await readFile(
        join(registry.dataDir, "blobs/sha256", splitDigest(damaged.split("@")[1] ?? "").hex),
        "utf8",
      ),
    );
    const file = join(registry.dataDir, "blobs/sha256", splitDigest(manifest.layers[0].digest).hex);
    const whole = await readFile(file);
    await writeFile(file, Buffer.from(whole).fill("x", 600, 620));
    await create({ image: damaged });
    const pod = await until((one) => waitingReason(one) === "ErrImagePull");
    expect(pod.status?.containerStatuses?.[0]?.state?.waiting?.message).toContain(
      "its content has the digest",
    );
    await writeFile(file, whole);
    await until(isReady);
  });

  it("that is damaged on the node's own disk is pulled again", async () => {
    await create();
    await until(isReady);
    await client.delete(Pod, key, { gracePeriodSeconds: 0 });
    await vi.waitFor(async () => await expect(client.get(Pod, key)).rejects.toThrow());
    const images = join(directory, "node/images");
    const digest = image.split("@")[1] ?? "";
    const manifest = JSON.parse(
      await readFile(join(images, "blobs/blobs/sha256", splitDigest(digest).hex), "utf8"),
    );
    const layer = join(images, "blobs/blobs/sha256", splitDigest(manifest.layers[0].digest).hex);
    const whole = await readFile(layer);
    await writeFile(layer, Buffer.from(whole).fill("x", 600, 620));
    await rm(join(images, "unpacked"), { recursive: true });
    await create();
    await until((pod) => waitingReason(pod) === "ErrImagePull");
    await until(isReady);
    expect((await readFile(layer)).equals(whole)).toBe(true);
  });

  it("that is not made for the process runtime says what to do", async () => {
    await create({ image: otherImage });
    const pod = await until((one) => waitingReason(one) === "CreateContainerError");
    expect(pod.status?.containerStatuses?.[0]?.state?.waiting?.message).toContain(
      "does not declare the process runtime",
    );
  });

  it("of a closed registry is pulled with the node's secret", async () => {
    const basic = `Basic ${Buffer.from("edge:secret").toString("base64")}`;
    const closed = await startTestRegistry({
      authenticate: async (header) => (header === basic ? { name: "edge" } : undefined),
    });
    try {
      const to = createRegistryClient({
        host: closed.host,
        credentials: { username: "edge", password: "secret" },
      });
      const digest = image.split("@")[1] ?? "";
      await copyImage(new ImageLayout(join(directory, "layout")), digest, to.repository("iris"), "v1");
      to.close();
      await create({ image: `${closed.host}/iris:v1` });
      await until((pod) => waitingReason(pod) === "ErrImagePull");
      const config = { auths: { [closed.host]: { username: "edge", password: "secret" } } };
      await client.create(Secret, {
        metadata: { namespace: "kube-system", name: "aiedge-registry" },
        type: "kubernetes.io/dockerconfigjson",
        data: { ".dockerconfigjson": Buffer.from(JSON.stringify(config)).toString("base64") },
      });
      await until(isReady);
    } finally {
      await closed.close();
    }
  });
});

describe("a restarted agent", () => {
  it("runs its pods again at their old addresses, without the registry", async () => {
    await create();
    const before = await until(isReady);
    const { pid } = await vi.waitFor(async () => await ask(before));
    await stopAgent();
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
    await registry.close();
    try {
      await startAgent();
      const after = await until(
        (pod) => isReady(pod) && pod.status?.containerStatuses?.[0]?.restartCount === 1,
      );
      expect(after.status?.podIP).toBe(before.status?.podIP);
      await vi.waitFor(async () => expect((await ask(after)).pid).not.toBe(pid));
    } finally {
      registry = await startTestRegistry();
    }
  });
});

describe("a Service", () => {
  it("forwards from its cluster IP to ready pods only", async () => {
    const { spec } = await client.create(Service, {
      metadata: key,
      spec: { selector: { app: "iris" }, ports: [{ port: 80, targetPort: 8080 }] },
    });
    await create();
    const pod = await until(isReady);
    await vi.waitFor(async () => await ask(pod));
    const slice = (addresses: string[], ready: boolean): EndpointSlice["endpoints"] => [
      { addresses, conditions: { ready } },
    ];
    await client.create(EndpointSlice, {
      metadata: { ...key, labels: { "kubernetes.io/service-name": "iris" } },
      addressType: "IPv4",
      // The first refuses connections, the third is not ready: neither may cost a request.
      endpoints: [
        ...(slice(["127.77.127.254"], true) ?? []),
        ...(slice([pod.status?.podIP ?? ""], true) ?? []),
        ...(slice(["127.77.127.253"], false) ?? []),
      ],
      ports: [{ port: 8080, protocol: "TCP" }],
    });
    const url = `http://${spec.clusterIP}:80/`;
    await vi.waitFor(async () => expect((await fetch(url)).status).toBe(200), { timeout: 5000 });
    const statuses = await Promise.all(Array.from({ length: 20 }, async () => (await fetch(url)).status));
    expect(new Set(statuses)).toEqual(new Set([200]));
    await client.delete(EndpointSlice, key);
    await client.delete(Service, key);
  });
});
