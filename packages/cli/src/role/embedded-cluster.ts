import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";

import { startApiServer, type ApiServer, type PodLogs } from "@ai-edge/apiserver";
import { clientFromKubeconfig, parseKubeconfig, type Client } from "@ai-edge/client";
import { addNodeAgent, createProcessRuntime, createRuncRuntime, type NodeAgent } from "@ai-edge/kubelet";
import { createManager, type Manager } from "@ai-edge/runtime";
import { addWorkloadControllers } from "@ai-edge/workloads";
import type { Logger } from "pino";

import { blockNumberOf, claimLoopbackNetwork, type LoopbackNetwork } from "../topology/loopback-network.ts";
import { type DataDirectory, hashOfPath, type ProcessSettings } from "../topology/data-directory.ts";
import { listenAtUsualPort } from "../topology/listen-address.ts";
import { explainSystemError } from "../user-error.ts";
import { type CustomResources, installCustomResources } from "./custom-resources.ts";
import type { Shutdown } from "./shutdown.ts";

/** Pods of a laptop restart soon: 1 s to 1 min instead of upstream's 10 s to 5 min. */
const EMBEDDED_BACKOFF = { firstMs: 1_000, longestMs: 60_000, resetAfterMs: 600_000 };
/**
 * A model server holds its model and little else; a small young generation and no idle-time growth keep four of them
 * within a laptop's budget (measured: some 15 MiB of RSS each).
 */
const POD_NODE_ARGUMENTS = ["--max-semi-space-size=2", "--max-old-space-size=512"];

export interface EmbeddedClusterOptions {
  name: string;
  directory: DataDirectory;
  host: string;
  /** The usual port of its API server; another is taken when it is not free. */
  usualPort: number;
  /** Asked for by the user: taken or refused. */
  apiPort: number | undefined;
  customResources: CustomResources;
  env: NodeJS.ProcessEnv;
  logger: Logger;
  now: () => Date;
  signal: AbortSignal;
  shutdown: Shutdown;
}

/** The directory of a PersistentVolumeClaim; made when it is not there. */
type ClaimDirectory = (claim: { namespace: string; name: string }) => Promise<string>;

/** An embedded cluster: API server, workload controllers, node agent. */
export interface EmbeddedCluster {
  api: ApiServer;
  client: Client;
  manager: Manager;
  claimDirectory: ClaimDirectory;
  /** Writes ports and network into the settings, with these other ports of the process. */
  remember(ports: Record<string, number>): Promise<void>;
}

/** Starts the API server and declares everything else; the caller starts the manager. */
export async function startEmbeddedCluster(options: EmbeddedClusterOptions): Promise<EmbeddedCluster> {
  const { directory, logger, now, shutdown } = options;
  const { settings, path } = directory;
  const network = await claimLoopbackNetwork({ preferred: settings.networkBlock ?? hashOfPath(path) });
  shutdown.add("loopback network", () => network.release());
  const started: { agent?: NodeAgent } = {};
  const podLogs: PodLogs = async (request, signal) => {
    if (started.agent === undefined) throw new Error("the node agent has not started yet");
    return started.agent.podLogs(request, signal);
  };
  const api = await startApi(options, network, podLogs);
  shutdown.add("API server", () => api.close());
  const client = clientFromKubeconfig(parseKubeconfig(api.kubeconfig), {
    userAgent: `ai-edge-${settings.role}`,
  });
  shutdown.add("API client", () => client.close());
  await installCustomResources(client, options.customResources.definitions, options.signal);
  const manager = createManager({ client, logger: logger.child({ component: "controllers" }), now });
  const claimDirectory: ClaimDirectory = async (claim) => {
    const claimPath = join(path, "volumes", claim.namespace, claim.name);
    await mkdir(claimPath, { recursive: true, mode: 0o700 });
    return claimPath;
  };
  addWorkloadControllers(manager, {
    now,
    volumes: { path: claimDirectory, remove: (directory) => rm(directory, { recursive: true, force: true }) },
  });
  const agent = await startNodeAgent(manager, options, network, claimDirectory);
  started.agent = agent;
  shutdown.add("node agent", () => agent.close());
  return {
    api,
    client,
    manager,
    claimDirectory,
    remember: async (ports) => {
      const next: ProcessSettings = {
        ...settings,
        networkBlock: blockNumberOf(network),
        ports: { ...ports, api: Number(new URL(api.url).port) },
      };
      await directory.save(next);
    },
  };
}

async function startApi(
  { name, directory, host, usualPort, apiPort, customResources, logger, now }: EmbeddedClusterOptions,
  network: LoopbackNetwork,
  podLogs: PodLogs,
): Promise<ApiServer> {
  const { path, settings } = directory;
  const choice = { host, usual: usualPort, fixed: apiPort ?? settings.ports["api"] };
  return listenAtUsualPort(choice, (listen) =>
    startApiServer({
      dataDir: join(path, "api"),
      listen,
      logger: logger.child({ component: "apiserver" }),
      now,
      serviceCIDR: network.serviceCIDR,
      clusterName: name,
      kubeconfigFile: join(path, "kubeconfig"),
      converters: customResources.converters,
      podLogs,
    }),
  ).catch((error: unknown) => {
    throw explainSystemError(error, { path }) ?? error;
  });
}

async function startNodeAgent(
  manager: Manager,
  { name, directory, host, env, logger }: EmbeddedClusterOptions,
  network: LoopbackNetwork,
  claimDirectory: ClaimDirectory,
): Promise<NodeAgent> {
  const dataDir = join(directory.path, "node");
  const nodePath = process.execPath;
  return addNodeAgent(manager, {
    nodeName: name,
    dataDir,
    hostIP: host,
    podCIDR: network.podCIDR,
    routeCIDR: network.routeCIDR,
    runtimes: [
      createProcessRuntime({ env, nodePath, nodeArguments: POD_NODE_ARGUMENTS }),
      await createRuncRuntime({ stateDir: join(dataDir, "runc"), nodePath, logger }),
    ],
    claimDirectory,
    backoff: EMBEDDED_BACKOFF,
    logger: logger.child({ component: "kubelet" }),
  });
}
