/** Hubs and managed clusters for the tests: real API servers, the controllers of this package, nothing pretended. */
import { klusterletCustomResourceDefinitions, ocmCustomResourceDefinitions } from "@ai-edge/api";
import { createManager } from "@ai-edge/runtime";
import { type TestApiServer, type TestApiServerOptions, startTestApiServer } from "@ai-edge/testing";
import { type Logger, pino } from "pino";
import { type HubControllerOptions, addHubControllers } from "../src/index.ts";

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
