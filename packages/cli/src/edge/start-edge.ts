import { join } from "node:path";

import { applicationController } from "@ai-edge/argocd";
import { ARGOCD_NAMESPACE, Namespace } from "@ai-edge/api";
import { JoinRefusedError, JoinTokenError, startKlusterlet, type Klusterlet } from "@ai-edge/ocm";
import type { Logger } from "pino";

import { EDGE_RESOURCES } from "../role/custom-resources.ts";
import { startEmbeddedCluster, type EmbeddedCluster } from "../role/embedded-cluster.ts";
import type { Shutdown } from "../role/shutdown.ts";
import type { DataDirectory } from "../topology/data-directory.ts";
import { UserError } from "../user-error.ts";
import { addSiteTelemetry } from "./site-telemetry.ts";

/** Edges of one machine take the ports after the core's. */
const USUAL_API_PORT = 6444;

export interface EdgeOptions {
  name: string;
  directory: DataDirectory;
  /** Settles when the token is known; undefined for an edge that has joined before. */
  joinToken: Promise<string | undefined>;
  host: string;
  apiPort: number | undefined;
  env: NodeJS.ProcessEnv;
  logger: Logger;
  now: () => Date;
  signal: AbortSignal;
  shutdown: Shutdown;
}

/**
 * Starts an edge: its cluster, what runs there already, and the agents of the hub. With stored credentials it is up
 * whether or not the hub answers.
 */
export async function startEdge(options: EdgeOptions): Promise<{ endpoints: Record<string, string> }> {
  const { name, directory, logger, signal, shutdown } = options;
  const cluster = await startEmbeddedCluster({
    ...options,
    usualPort: USUAL_API_PORT,
    customResources: EDGE_RESOURCES,
  });
  await cluster.remember({});
  await cluster.client.apply(
    Namespace,
    { metadata: { name: ARGOCD_NAMESPACE } },
    { fieldManager: "ai-edge-edge", force: true },
  );
  applicationController(cluster.manager, { dataDir: join(directory.path, "git"), env: options.env });
  addSiteTelemetry(cluster.manager, { clusterName: name, dataDir: join(directory.path, "telemetry") });
  const stopped = cluster.manager.start(signal);
  shutdown.add("controllers", () => stopped);
  const klusterlet = await joinHub(options, cluster);
  shutdown.add("klusterlet", () => klusterlet.stopped);
  logger.info({ cluster: klusterlet.cluster, hub: klusterlet.server }, "edge is up");
  return { endpoints: { api: cluster.api.url } };
}

/** Joins the hub, or resumes. @throws UserError with the hub's reason when it refuses */
async function joinHub(options: EdgeOptions, cluster: EmbeddedCluster): Promise<Klusterlet> {
  const { name, directory, logger, now, signal } = options;
  try {
    return await startKlusterlet({
      joinToken: await options.joinToken,
      dataDir: directory.path,
      edgeClient: cluster.client,
      clusterName: name,
      apiUrl: cluster.api.url,
      logger: logger.child({ component: "klusterlet" }),
      now,
      signal,
    });
  } catch (error) {
    if (error instanceof JoinRefusedError || error instanceof JoinTokenError)
      throw new UserError(error.message, { cause: error });
    throw error;
  }
}
