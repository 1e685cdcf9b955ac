import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import { join } from "node:path";

import { Pod, type PodSpec } from "@ai-edge/api";
import { isConditionTrue } from "@ai-edge/apimachinery";
import type { Client } from "@ai-edge/client";
import { buildImage, copyImage, createRegistryClient, ImageLayout } from "@ai-edge/oci";
import { createManager } from "@ai-edge/runtime";
import { startTestApiServer, startTestRegistry, type TestApiServer } from "@ai-edge/testing";
import { pino } from "pino";
import { expect, vi } from "vitest";

import { addNodeAgent, createProcessRuntime, type NodeAgent } from "../index.ts";

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

/** Of this process alone: other test files give their pods addresses at the same time. */
const NETWORK = `127.${64 + (process.pid % 100)}`;
const TIMEOUT_MS = 10_000;

const MODEL_FILES =
  'FROM scratch\nCOPY server.js /app/\nCOPY weights /models/iris/\nENTRYPOINT ["node", "/app/server.js"]\nCMD ["/models/iris/weights"]\n';

/** What the server in the image answers. */
interface Seen {
  pid: number;
  argv: string[];
  [name: string]: unknown;
}

/** The pod that most tests are about. */
export const key = { namespace: "default", name: "iris" };

export const isReady = (pod: Pod): boolean => isConditionTrue(pod.status?.conditions, "Ready");
export const waitingReason = (pod: Pod): string | undefined =>
  pod.status?.containerStatuses?.[0]?.state?.waiting?.reason;

/** Asks the server of a pod. */
export async function ask(pod: Pod, path = "/"): Promise<Seen> {
  const response = await fetch(`http://${pod.status?.podIP}:8080${path}`);
  return (await response.json()) as Seen;
}

/** A node with its agent, an API server, and a registry with two images. */
export class NodePlace {
  readonly network = NETWORK;
  readonly directory: string;
  readonly client: Client;
  registry: Awaited<ReturnType<typeof startTestRegistry>>;
  /** Its reference by digest; made for the process runtime. */
  image = "";
  /** The same without the label of the process runtime. */
  otherImage = "";
  readonly #api: TestApiServer;
  #agent: NodeAgent | undefined;
  #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  private constructor(directory: string, api: TestApiServer, registry: NodePlace["registry"]) {
    this.directory = directory;
    this.#api = api;
    this.client = api.client;
    this.registry = registry;
  }

  static async make(): Promise<NodePlace> {
    const directory = await mkdtemp(join(os.tmpdir(), "kubelet-"));
    await mkdir(join(directory, "context"));
    await writeFile(join(directory, "context/server.js"), SERVER);
    await writeFile(join(directory, "context/weights"), "w1");
    const api = await startTestApiServer({ serviceCIDR: `${NETWORK}.128.0/18` });
    const place = new NodePlace(directory, api, await startTestRegistry());
    place.image = await place.push("models/iris", `${MODEL_FILES}LABEL aiedge.dev/runtime=process\n`);
    place.otherImage = await place.push("models/other", MODEL_FILES);
    return place;
  }

  async remove(): Promise<void> {
    await this.#api.close();
    await this.registry.close();
    await rm(this.directory, { recursive: true, force: true });
  }

  /** Builds an image from the directory `context` and pushes it; its reference by digest. */
  async push(name: string, containerfile: string): Promise<string> {
    const layout = new ImageLayout(join(this.directory, "layout"));
    const context = join(this.directory, "context");
    const { descriptor } = await buildImage({ containerfile, context, layout, base: () => layout });
    const target = createRegistryClient({ host: this.registry.host });
    await copyImage(layout, descriptor.digest, target.repository(name), "v1");
    target.close();
    return `${this.registry.host}/${name}@${descriptor.digest}`;
  }

  async startAgent(): Promise<void> {
    const logger = pino({ level: "silent" });
    const manager = createManager({ client: this.client, logger });
    this.#agent = await addNodeAgent(manager, {
      nodeName: "edge",
      dataDir: join(this.directory, "node"),
      hostIP: "127.0.0.1",
      podCIDR: `${NETWORK}.0.0/17`,
      routeCIDR: `${NETWORK}.192.0/18`,
      runtimes: [createProcessRuntime({ env: process.env, nodePath: process.execPath, nodeArguments: [] })],
      claimDirectory: async ({ namespace, name }) => join(this.directory, "claims", namespace, name),
      backoff: { firstMs: 100, longestMs: 400, resetAfterMs: 60_000 },
      logger,
    });
    this.#stop = new AbortController();
    this.#running = manager.start(this.#stop.signal);
  }

  async stopAgent(): Promise<void> {
    await this.#agent?.close();
    this.#stop.abort();
    await this.#running;
  }

  /** Ends all pods, then the agent. */
  async clear(): Promise<void> {
    const pods = async (): Promise<Pod[]> => (await this.client.list(Pod, { namespace: "default" })).items;
    for (const { metadata } of await pods()) {
      await this.client
        .delete(Pod, { namespace: "default", name: metadata.name }, { gracePeriodSeconds: 1 })
        .catch(() => undefined);
    }
    await vi.waitFor(async () => expect(await pods()).toEqual([]), { timeout: TIMEOUT_MS });
    await this.stopAgent();
  }

  /** Creates the pod. */
  async create(
    container: Partial<PodSpec["containers"][number]> = {},
    pod: Partial<PodSpec> = {},
  ): Promise<void> {
    await this.client.create(Pod, {
      metadata: key,
      spec: { containers: [{ name: "server", image: this.image, ...container }], ...pod },
    });
  }

  /** Waits until the pod is so; fails with its status. */
  async until(check: (pod: Pod) => boolean): Promise<Pod> {
    return vi.waitFor(
      async () => {
        const pod = await this.client.get(Pod, key);
        if (!check(pod)) throw new Error(`not yet: ${JSON.stringify(pod.status, undefined, 1)}`);
        return pod;
      },
      { timeout: TIMEOUT_MS, interval: 20 },
    );
  }

  /** The log of the pod's container. */
  async logs(options: object = {}): Promise<string> {
    const request = { ...key, container: "server", options };
    const lines = await this.#agent?.podLogs(request, AbortSignal.timeout(5000));
    const chunks: Uint8Array[] = [];
    for await (const chunk of lines ?? []) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  }
}
