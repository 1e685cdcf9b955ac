/** A hub and a cluster with a work agent between them, and short ways to speak of works. */
import { type UnstructuredObject, isStatus } from "@ai-edge/apimachinery";
import {
  ManagedCluster,
  ManifestWork,
  type ManifestWorkSpec,
  Namespace,
  klusterletCustomResourceDefinitions,
  ocmCustomResourceDefinitions,
} from "@ai-edge/api";
import { createManager } from "@ai-edge/runtime";
import { type TestApiServer, startTestApiServer } from "@ai-edge/testing";
import { addWorkAgent } from "../src/work/agent.ts";
import { silent } from "./clusters.ts";

export const CLUSTER = "edge-1";

/** The reasons of a work's conditions when all is well. */
export const APPLIED = { Applied: "AppliedManifestWorkComplete", Available: "ResourcesAvailable" };

export interface WorkBench {
  hub: TestApiServer;
  edge: TestApiServer;
  /** Starts the agent's process: it begins with empty caches. */
  startAgent(): void;
  stopAgent(): Promise<void>;
  createWork(name: string, manifests: UnstructuredObject[], more?: Partial<ManifestWorkSpec>): Promise<ManifestWork>;
  patchWork(name: string, body: object): Promise<ManifestWork>;
  work(name: string): Promise<ManifestWork>;
  /** The reason of each condition by type. */
  conditions(name: string): Promise<Record<string, string | undefined>>;
  close(): Promise<void>;
}

/** Two API servers and a running agent. */
export async function startWorkBench(): Promise<WorkBench> {
  const [hub, edge] = await Promise.all([
    startTestApiServer({ customResourceDefinitions: ocmCustomResourceDefinitions }),
    startTestApiServer({ customResourceDefinitions: klusterletCustomResourceDefinitions }),
  ]);
  await hub.client.create(Namespace, { metadata: { name: CLUSTER } });
  await hub.client.create(ManagedCluster, { metadata: { name: CLUSTER }, spec: { hubAcceptsClient: true } });
  let stop = new AbortController();
  let stopped: Promise<unknown> = Promise.resolve();

  function startAgent(): void {
    stop = new AbortController();
    const hubManager = createManager({ client: hub.client, logger: silent });
    const edgeManager = createManager({ client: edge.client, logger: silent });
    const clusters = hubManager.informer(ManagedCluster, { fieldSelector: `metadata.name=${CLUSTER}` });
    addWorkAgent({ cluster: CLUSTER, hub: hubManager, edge: edgeManager, clusters });
    stopped = Promise.all([hubManager.start(stop.signal), edgeManager.start(stop.signal)]);
  }

  async function stopAgent(): Promise<void> {
    stop.abort();
    await stopped;
  }

  const work = (name: string): Promise<ManifestWork> => hub.client.get(ManifestWork, { namespace: CLUSTER, name });
  startAgent();
  return {
    hub,
    edge,
    startAgent,
    stopAgent,
    work,
    createWork: (name, manifests, more = {}) =>
      hub.client.create(ManifestWork, { metadata: { namespace: CLUSTER, name }, spec: { workload: { manifests }, ...more } }),
    patchWork: (name, body) => hub.client.patch(ManifestWork, { namespace: CLUSTER, name }, { type: "merge", body }),
    conditions: async (name) => {
      const { status } = await work(name);
      return Object.fromEntries((status?.conditions ?? []).map((condition) => [condition.type, condition.reason]));
    },
    close: async () => {
      await stopAgent();
      await Promise.all([hub.close(), edge.close()]);
    },
  };
}

export function configMap(namespace: string, name: string, data: Record<string, string> = {}): UnstructuredObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { namespace, name }, data };
}

/** Whether a read finds its object. */
export async function isThere(get: Promise<unknown>): Promise<boolean> {
  try {
    await get;
    return true;
  } catch (error) {
    if (isStatus(error, "NotFound")) return false;
    throw error;
  }
}
