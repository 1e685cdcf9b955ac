import { EndpointSlice, Namespace, Service } from "@ai-edge/api";
import { createManager } from "@ai-edge/runtime";
import {
  startTestApiServer,
  temporaryDirectory,
  type TemporaryDirectory,
  type TestApiServer,
} from "@ai-edge/testing";
import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createMetricsHandler } from "../http/handler.ts";
import { createMetricsStore, type MetricsStore } from "../store/store.ts";
import { addTelemetryAgent, type TelemetryAgent } from "./agent.ts";

const logger = pino({ level: "silent" });
const TOKEN = "Bearer near-edge-1";

async function listen(listener: RequestListener, port = 0): Promise<{ server: Server; port: number }> {
  const server = createServer(listener);
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return { server, port: (server.address() as AddressInfo).port };
}

async function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

/** A core's metrics endpoint that can go away and come back on the same port, over the same store. */
class Core {
  readonly store: MetricsStore;
  port = 0;
  requests = 0;
  #server: Server | undefined;

  constructor(dataDir: string) {
    this.store = createMetricsStore({ dataDir, retention: 1e12, now: () => new Date() });
  }

  async up(): Promise<void> {
    const handler = createMetricsHandler(this.store, {
      authenticate: (request) =>
        Promise.resolve(
          request.headers.authorization === TOKEN
            ? { reads: true, writes: { cluster: "near-edge-1" } }
            : undefined,
        ),
      logger,
      now: () => new Date(),
    });
    const { server, port } = await listen((request, response) => {
      this.requests++;
      void handler(request, response);
    }, this.port);
    this.#server = server;
    this.port = port;
  }

  async down(): Promise<void> {
    if (this.#server !== undefined) await stop(this.#server);
    this.#server = undefined;
  }

  /** Values of the scrape counter, in the order of their times. */
  values(): (number | null)[] {
    const found = this.store.select(
      [{ name: "__name__", operator: "=", value: "rest_server_requests_total" }],
      0,
      Date.now(),
    );
    return found.flatMap((series) => series.samples.map(({ value }) => value));
  }
}

let api: TestApiServer;
let directory: TemporaryDirectory;
let core: Core;
let model: { server: Server; port: number };
/** What the model has answered to scrapes so far; every scrape gets the next number. */
let served = 0;
let running: { agent: TelemetryAgent; stop(): Promise<void> }[] = [];

beforeAll(async () => {
  api = await startTestApiServer();
  await api.client.create(Namespace, { metadata: { name: "bikes" } });
});
afterAll(() => api.close());

beforeEach(async () => {
  directory = await temporaryDirectory("telemetry-");
  core = new Core(`${directory.path}/core`);
  await core.up();
  served = 0;
  model = await listen((request, response) => {
    if (request.url !== "/metrics") response.writeHead(404).end();
    else response.end(`rest_server_requests_total{method="POST"} ${++served}\nsecret_metric 1\nbroken{\n`);
  });
});
afterEach(async () => {
  for (const one of running) await one.stop();
  running = [];
  await api.client.delete(Service, { namespace: "bikes", name: "model" }).catch(() => undefined);
  await api.client.delete(EndpointSlice, { namespace: "bikes", name: "model-x" }).catch(() => undefined);
  await stop(model.server);
  await core.down();
  core.store.close();
  await directory.remove();
});

async function expose(): Promise<void> {
  const labels = { "kubernetes.io/service-name": "model" };
  await api.client.create(Service, {
    metadata: { namespace: "bikes", name: "model" },
    spec: { ports: [{ name: "metrics", port: 8082 }] },
  });
  await api.client.create(EndpointSlice, {
    metadata: { namespace: "bikes", name: "model-x", labels },
    addressType: "IPv4",
    ports: [{ name: "metrics", port: model.port }],
    endpoints: [
      { addresses: ["127.0.0.1"], conditions: { ready: true }, targetRef: { kind: "Pod", name: "model-1" } },
    ],
  });
}

function startAgent(): { agent: TelemetryAgent; stop(): Promise<void> } {
  const abort = new AbortController();
  const manager = createManager({ client: api.client, logger });
  const agent = addTelemetryAgent(manager, {
    clusterName: "near-edge-1",
    dataDir: `${directory.path}/edge`,
    remoteWrite: {
      url: `http://127.0.0.1:${core.port}/api/v1/write`,
      headers: () => ({ authorization: TOKEN }),
    },
    scrapeInterval: 50,
  });
  const done = manager.start(abort.signal);
  const started = {
    agent,
    stop: async () => {
      abort.abort();
      await done;
    },
  };
  running.push(started);
  return started;
}

const soon = { timeout: 10_000, interval: 20 };

describe("telemetry agent, real HTTP end to end", () => {
  it("finds a Service's pod, ships only what is allowed, under the site's labels", async () => {
    startAgent();
    await expose();
    await expect.poll(() => core.values().length, soon).toBeGreaterThan(1);
    const series = core.store.series(
      [{ name: "cluster", operator: "=", value: "near-edge-1" }],
      0,
      Date.now(),
    );
    expect(series.map((labels) => labels["__name__"]).toSorted()).toEqual([
      "rest_server_requests_total",
      "up",
    ]);
    expect(series).toContainEqual({
      __name__: "rest_server_requests_total",
      cluster: "near-edge-1",
      namespace: "bikes",
      service: "model",
      job: "model",
      pod: "model-1",
      instance: `127.0.0.1:${model.port}`,
      method: "POST",
    });
  });

  it("loses no sample over an outage of the core and a restart of the site", async () => {
    await expose();
    const first = startAgent();
    await expect.poll(() => core.values().length, soon).toBeGreaterThan(2);
    await core.down();
    const before = served;
    await expect.poll(() => first.agent.status().spool?.records ?? 0, soon).toBeGreaterThan(3);
    await expect
      .poll(() => first.agent.status().shipper?.problem, soon)
      .toMatch(/ECONNREFUSED|ECONNRESET|socket hang up/);
    await first.stop();
    const second = startAgent();
    await expect.poll(() => served, soon).toBeGreaterThan(before + 8);
    await core.up();
    await expect.poll(() => second.agent.status().spool?.records, soon).toBe(0);
    await second.stop();
    const values = core.values();
    expect(values).toEqual(values.map((_, index) => index + 1));
    // The stopped agents may each have had one scrape under way whose answer they did not keep.
    expect(served - values.length).toBeLessThanOrEqual(2);
    expect(second.agent.status()).toMatchObject({
      spool: { droppedSamples: 0 },
      shipper: { refusedSamples: 0 },
    });
  });

  it("ends the series of a pod that goes away, and says why a pod cannot be read", async () => {
    await expose();
    const { agent } = startAgent();
    await expect.poll(() => core.values().length, soon).toBeGreaterThan(0);
    const { port } = model;
    await stop(model.server);
    await expect.poll(() => agent.status().targets[0]?.error, soon).toMatch(/ECONNREFUSED/);
    await expect.poll(() => core.values().at(-1), soon).toBeNull();
    model = await listen((_, response) => response.writeHead(500).end(), port);
    await expect.poll(() => agent.status().targets[0]?.error, soon).toBe("answered HTTP 500");
    await api.client.delete(Service, { namespace: "bikes", name: "model" });
    await expect.poll(() => agent.status().targets, soon).toEqual([]);
    const up = () => core.store.select([{ name: "__name__", operator: "=", value: "up" }], 0, Date.now());
    await expect.poll(() => up()[0]?.samples.at(-1)?.value, soon).toBeNull();
  });
});
