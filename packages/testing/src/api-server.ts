import { setTimeout as delay } from "node:timers/promises";
import { join } from "node:path";
import { isConditionTrue } from "@ai-edge/apimachinery";
import { CustomResourceDefinition } from "@ai-edge/api";
import { type ApiServerOptions, startApiServer } from "@ai-edge/apiserver";
import { type Client, type Kubeconfig, clientFromKubeconfig, parseKubeconfig } from "@ai-edge/client";
import { type Logger, pino } from "pino";
import { temporaryDirectory } from "./temporary-directory.ts";

export interface TestApiServerOptions extends Partial<
  Omit<ApiServerOptions, "kubeconfigFile" | "listen" | "logger">
> {
  /** Installed, and established, before the server is handed out. */
  customResourceDefinitions?: readonly CustomResourceDefinition[];
  /** Default: silent. */
  logger?: Logger;
  /** Default: any free one. */
  port?: number;
}

export interface TestApiServer {
  /** As the cluster's administrator. */
  client: Client;
  kubeconfig: Kubeconfig;
  kubeconfigPath: string;
  url: string;
  caCertificate: string;
  caPin: string;
  dataDir: string;
  /** Stops the server; its data directory is removed unless the caller gave it. */
  close(): Promise<void>;
}

/** The block of Service addresses of test servers (TEST-NET-2 would do too, but loopback can be listened on). */
const SERVICE_CIDR = "127.250.128.0/18";
/** A CRD is established within milliseconds; this is for a machine under load. */
const ESTABLISH_TIMEOUT_MS = 10_000;
const ESTABLISH_POLL_MS = 5;

/** Starts an API server on a free loopback port over a fresh directory. */
export async function startTestApiServer(options: TestApiServerOptions = {}): Promise<TestApiServer> {
  const { customResourceDefinitions = [], logger = pino({ level: "silent" }), port = 0, ...rest } = options;
  const directory = options.dataDir === undefined ? await temporaryDirectory("ai-edge-api-") : undefined;
  const dataDir = options.dataDir ?? directory?.path ?? "";
  const kubeconfigPath = join(dataDir, "kubeconfig");
  const server = await startApiServer({
    serviceCIDR: SERVICE_CIDR,
    ...rest,
    dataDir,
    listen: { host: "127.0.0.1", port },
    logger,
    kubeconfigFile: kubeconfigPath,
  }).catch(async (error: unknown) => {
    await directory?.remove();
    throw error;
  });
  const kubeconfig = parseKubeconfig(server.kubeconfig);
  const client = clientFromKubeconfig(kubeconfig, { userAgent: "ai-edge-test" });
  const close = async (): Promise<void> => {
    client.close();
    await server.close();
    await directory?.remove();
  };
  try {
    await installCustomResourceDefinitions(client, customResourceDefinitions);
  } catch (error) {
    await close();
    throw error;
  }
  const { url, caCertificate, caPin } = server;
  return { client, kubeconfig, kubeconfigPath, url, caCertificate, caPin, dataDir, close };
}

/** Creates CRDs and waits until their resources are served. */
export async function installCustomResourceDefinitions(
  client: Client,
  definitions: readonly CustomResourceDefinition[],
): Promise<void> {
  for (const definition of definitions) await client.create(CustomResourceDefinition, definition);
  const deadline = Date.now() + ESTABLISH_TIMEOUT_MS;
  for (const { metadata } of definitions) {
    while (!(await isEstablished(client, metadata.name))) {
      if (Date.now() > deadline) throw new Error(`CRD ${metadata.name} is not established`);
      await delay(ESTABLISH_POLL_MS);
    }
  }
}

async function isEstablished(client: Client, name: string): Promise<boolean> {
  const { status } = await client.get(CustomResourceDefinition, { name });
  return isConditionTrue(status?.conditions, "Established");
}
