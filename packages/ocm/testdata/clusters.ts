/** Hubs and managed clusters for the tests: real API servers, the controllers of this package, nothing pretended. */
import { isStatus } from "@ai-edge/apimachinery";
import { ManagedCluster, klusterletCustomResourceDefinitions, ocmCustomResourceDefinitions } from "@ai-edge/api";
import { createManager } from "@ai-edge/runtime";
import { type TestApiServer, type TestApiServerOptions, startTestApiServer } from "@ai-edge/testing";
import { type Logger, pino } from "pino";
import { expect } from "vitest";
import {
  type HubControllerOptions,
  type JoinTokenOptions,
  type Klusterlet,
  type KlusterletOptions,
  addHubControllers,
  createJoinToken,
  startKlusterlet,
} from "../src/index.ts";

export const silent: Logger = pino({ level: process.env["TEST_LOG_LEVEL"] ?? "silent" }, pino.destination(2));

export interface TestHub extends TestApiServer {
  /** Stops the controllers, then the server. */
  close(): Promise<void>;
}

/** An API server with the hub's CRDs and controllers. */
export async function startHub(
  options: HubControllerOptions & { server?: TestApiServerOptions; now?: () => Date } = {},
): Promise<TestHub> {
  const { server: serverOptions, now, ...controllers } = options;
  const server = await startTestApiServer({ customResourceDefinitions: ocmCustomResourceDefinitions, ...serverOptions });
  const manager = createManager({ client: server.client, logger: silent, ...(now === undefined ? {} : { now }) });
  addHubControllers(manager, controllers);
  const stop = new AbortController();
  const stopped = manager.start(stop.signal);
  return {
    ...server,
    close: async () => {
      stop.abort();
      await stopped;
      await server.close();
    },
  };
}

/** An API server with the CRDs of a managed cluster's agents. */
export function startEdge(options: TestApiServerOptions = {}): Promise<TestApiServer> {
  return startTestApiServer({ customResourceDefinitions: klusterletCustomResourceDefinitions, ...options });
}

export interface RunningKlusterlet extends Klusterlet {
  stop(): Promise<void>;
}

/** The agents of an edge in a data directory that outlives them. */
export async function runKlusterlet(
  edge: TestApiServer,
  options: Pick<KlusterletOptions, "joinToken" | "clusterName" | "dataDir"> & { now?: () => Date },
): Promise<RunningKlusterlet> {
  const stop = new AbortController();
  const agents = await startKlusterlet({
    ...options,
    edgeClient: edge.client,
    apiUrl: edge.url,
    logger: silent,
    signal: stop.signal,
  });
  return {
    ...agents,
    stop: async () => {
      stop.abort();
      await agents.stopped;
    },
  };
}

/** A join token of a hub. */
export function tokenFor(hub: TestHub, cluster: string, more: Partial<JoinTokenOptions> = {}): Promise<string> {
  const { url: server, caCertificate } = hub;
  return createJoinToken(hub.client, { cluster, server, caCertificate, now: () => new Date(), ...more });
}

/** Status of a ManagedCluster's conditions by type; undefined if there is no such cluster. */
export async function clusterConditions(hub: TestHub, name: string): Promise<Record<string, string> | undefined> {
  try {
    const { status } = await hub.client.get(ManagedCluster, { name });
    return Object.fromEntries((status?.conditions ?? []).map((condition) => [condition.type, condition.status]));
  } catch (error) {
    if (isStatus(error, "NotFound")) return undefined;
    throw error;
  }
}

/** What is milliseconds away here may take long on a machine that runs many suites at once. */
const PATIENCE_MS = 15_000;

/** An assertion that is tried until it holds. */
export function eventually<T>(value: () => T, options: { interval?: number } = {}): ReturnType<typeof expect.poll<T>> {
  return expect.poll(value, { timeout: PATIENCE_MS, ...options });
}
