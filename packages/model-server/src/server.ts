import type { RequestListener, Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { Admission } from "./admission.ts";
import type { Log } from "./log.ts";
import type { ServedModel } from "./dialect.ts";
import { checkGolden, warmUp } from "./golden.ts";
import { createHandler } from "./http/handler.ts";
import { ServerMetrics } from "./metrics/server-metrics.ts";
import { loadModelDirectory, type LoadedModel } from "./repository.ts";

/**
 * Not by `import`: importing node:http as an ES module reads all its exports, and one of them (WebSocket) is a getter
 * that loads the whole of undici, 12 MB of resident memory that a model server has no use for.
 */
const { createServer } = process.getBuiltinModule("node:http");

export interface ModelServerOptions {
  /** Directory with the model file, with numbered version folders, or with a folder of the model's name. */
  modelDir: string;
  modelName: string;
  /** Listen address. */
  host: string;
  /** 0 picks a free port. */
  httpPort: number;
  /** Second port for /metrics, MLServer's layout; undefined serves metrics on the HTTP port only. */
  metricsPort?: number;
  logger: Log;
  /** Milliseconds, monotonic; for metrics only. */
  clock?: () => number;
}

export interface ModelServer {
  /** `http://host:port` of the inference and the metrics port. */
  url: string;
  metricsUrl?: string;
  /** Why the model is not served, or undefined when it is. */
  problem(): string | undefined;
  /**
   * Turns readiness off, goes on serving for `drainMs`, lets running requests end, and closes.
   */
  drain(drainMs?: number): Promise<void>;
  /** Closes at once. */
  close(): Promise<void>;
}

/**
 * After readiness turned false, load balancers and our own service proxy need a moment to stop sending: an endpoint
 * change travels in well under a second, a kubelet's probe plus kube-proxy in about one.
 */
export const DRAIN_MS = 1_500;
/** Requests that still run after this are cut; below Kubernetes' default grace period of 30 s. */
const MAX_FINISH_MS = 20_000;
/** A client that sends slower than this holds a socket for nothing. */
const REQUEST_TIMEOUT_MS = 60_000;

/** Longer than the 60 s that proxies keep idle connections, so that it is never the server who hangs up on a request. */
const KEEP_ALIVE_MS = 75_000;

const SERVER_VERSION = "0.1.0";

async function listen(server: Server, host: string, port: number, what: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", (error) => {
    reject(new Error(`${what} port: cannot listen on ${host}:${port} (${error.message})`));
  });
  server.listen(port, host, resolve);
  await promise;
  const address = server.address() as AddressInfo;
  const shown = address.family === "IPv6" ? `[${address.address}]` : address.address;
  return `http://${shown}:${address.port}`;
}

function metricsListener(metrics: ServerMetrics): RequestListener {
  return (request, response) => {
    const found = request.method === "GET" && request.url?.split("?")[0] === "/metrics";
    response.writeHead(found ? 200 : 404, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
    response.end(found ? metrics.text() : "not found\n");
  };
}

function serve(loaded: LoadedModel, name: string, metrics: ServerMetrics, clock: () => number): ServedModel {
  const admission = new Admission({ clock });
  return {
    ...loaded,
    name,
    admit: () => admission.check(),
    run: (inputs) =>
      admission.run(async (waitedMs) => {
        const end = metrics.inferenceStarts(clock, waitedMs);
        try {
          return await loaded.model.predict(inputs);
        } finally {
          end();
        }
      }),
  };
}

/** Loads, warms and proves the model. @returns the served model, or why it must not get traffic */
async function prepare(
  options: ModelServerOptions,
  metrics: ServerMetrics,
  clock: () => number,
): Promise<ServedModel | { reason: string }> {
  const loaded = await loadModelDirectory(options.modelDir, options.modelName);
  const { version, digest, format } = loaded;
  metrics.modelLoaded({ name: options.modelName, version, digest, format });
  const served = serve(loaded, options.modelName, metrics, clock);
  const about = { model: options.modelName, version, digest, format };
  try {
    await warmUp(served);
    const differences = await checkGolden(served);
    if (differences !== undefined && differences.length > 0) {
      const reason = `its golden request has another answer: ${differences.join("; ")}`;
      options.logger.error({ ...about, reason }, "model not ready");
      return { reason };
    }
    options.logger.info({ ...about, golden: differences === undefined ? "none" : "passed" }, "model ready");
    return served;
  } catch (error) {
    const reason = `it does not answer: ${error instanceof Error ? error.message : String(error)}`;
    options.logger.error({ ...about, reason }, "model not ready");
    return { reason };
  }
}

function closeServer(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (!server.listening) return Promise.resolve();
  server.close(() => resolve());
  server.closeIdleConnections();
  return promise;
}

/**
 * Starts the server: it is live at once, and ready when the model is loaded, warm and has passed its golden request.
 * Resolves when that is decided.
 *
 * @throws ModelLoadError when the directory holds nothing that can be served; Error when a port is taken
 */
export async function startModelServer(options: ModelServerOptions): Promise<ModelServer> {
  const { host, logger, modelName } = options;
  const clock = options.clock ?? (() => performance.now());
  const metrics = new ServerMetrics();
  let served: ServedModel | { reason: string } = { reason: "it is being loaded" };
  let draining = false;
  const state = { served: () => served, draining: () => draining };
  const handler = createHandler({ state, metrics, modelName, serverVersion: SERVER_VERSION, logger, clock });
  const http = createServer(
    { requestTimeout: REQUEST_TIMEOUT_MS, keepAliveTimeout: KEEP_ALIVE_MS },
    (request, response) => {
      void handler(request, response);
    },
  );
  const metricsServer =
    options.metricsPort === undefined ? undefined : createServer(metricsListener(metrics));
  const servers = metricsServer === undefined ? [http] : [http, metricsServer];

  async function close(): Promise<void> {
    const closed = Promise.all(servers.map(closeServer));
    for (const server of servers) server.closeAllConnections();
    await closed;
    if ("model" in served) await served.model.dispose();
  }

  async function drain(drainMs = DRAIN_MS): Promise<void> {
    draining = true;
    await delay(drainMs);
    const closed = Promise.all(servers.map(closeServer));
    const limit = AbortSignal.timeout(MAX_FINISH_MS);
    limit.addEventListener("abort", () => {
      for (const server of servers) server.closeAllConnections();
    });
    await closed;
    if ("model" in served) await served.model.dispose();
  }

  try {
    const url = await listen(http, host, options.httpPort, "HTTP");
    const metricsUrl =
      metricsServer === undefined
        ? undefined
        : await listen(metricsServer, host, options.metricsPort ?? 0, "metrics");
    logger.info({ url, metricsUrl, model: modelName }, "listening");
    served = await prepare(options, metrics, clock);
    return {
      url,
      ...(metricsUrl === undefined ? {} : { metricsUrl }),
      problem: () => ("reason" in served ? served.reason : undefined),
      drain,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
