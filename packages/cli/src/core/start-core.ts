import { join } from "node:path";

import { applicationSetController, gitOpsClusterController, propagationController } from "@ai-edge/argocd";
import { DEFAULT_CLUSTER_SET } from "@ai-edge/api";
import { startForge, type RunningForge, type Webhook } from "@ai-edge/forge";
import { addHubControllers, addSiteCredentialsController } from "@ai-edge/ocm";
import { startRegistry, type RegistryServer } from "@ai-edge/registry";
import { addTektonControllers, localImageBuilder, nativeTasks, tektonManifests } from "@ai-edge/tekton";
import type { Logger } from "pino";

import { FORGE_TOKEN_SECRET, GIT_CREDENTIALS_SECRET, RUN_NAMESPACE } from "./pipeline-namespace.ts";
import { CORE_RESOURCES } from "../role/custom-resources.ts";
import { startEmbeddedCluster, type EmbeddedCluster } from "../role/embedded-cluster.ts";
import type { Shutdown } from "../role/shutdown.ts";
import { type DataDirectory, writeFileDurably } from "../topology/data-directory.ts";
import { type ListenAddress, listenAtUsualPort } from "../topology/listen-address.ts";
import { explainSystemError } from "../user-error.ts";
import {
  ADMIN_ACCOUNT,
  applyBootstrapObjects,
  applyNodePullSecret,
  applyPipelineSecrets,
  NODE_ACCOUNT,
  SYSTEM_NAMESPACE,
} from "./bootstrap-objects.ts";
import { forgeAccess, registryAccess } from "./content-access.ts";
import { contentCredentialsFile, type ContentCredentials } from "./content-credentials.ts";
import { createIdentityProvider, type IdentityProvider } from "./identity.ts";
import { publishModelServerImage } from "./model-server-image.ts";
import { startMetrics, type Metrics } from "./metrics.ts";
import { startPushWebhook } from "./push-webhook.ts";
import { seedRepositories } from "./seed-repositories.ts";
import { longLivedToken } from "./service-account-token.ts";

type Port = "api" | "registry" | "forge" | "metrics";

/** What people expect these to listen on: kube-apiserver, distribution, Gitea, Prometheus. */
const USUAL_PORTS: Record<Port, number> = { api: 6443, registry: 5000, forge: 3000, metrics: 9090 };

export interface CoreOptions {
  directory: DataDirectory;
  host: string;
  /** Asked for by the user: taken or refused. Others are the usual ones, or free ones. */
  ports: Record<Port, number | undefined>;
  env: NodeJS.ProcessEnv;
  logger: Logger;
  now: () => Date;
  signal: AbortSignal;
  shutdown: Shutdown;
}

interface Content {
  registry: RegistryServer;
  forge: RunningForge;
  metrics: Metrics;
}

/** Starts everything of the core; resolves when a site can join and a model can be packaged. */
export async function startCore(options: CoreOptions): Promise<{ endpoints: Record<string, string> }> {
  const { directory, logger, signal, shutdown } = options;
  const cluster = await startEmbeddedCluster({
    ...options,
    name: "core",
    usualPort: USUAL_PORTS.api,
    apiPort: options.ports.api,
    customResources: CORE_RESOURCES,
  });
  await applyBootstrapObjects(cluster.client);
  const identities = createIdentityProvider(cluster.client, options.now);
  const pushes = await startPushWebhook({ manager: cluster.manager, host: options.host, env: options.env });
  shutdown.add("push webhook", () => pushes.close());
  const content = await startContent(options, identities, pushes.webhook);
  await cluster.remember({
    registry: portOf(content.registry.url),
    forge: portOf(content.forge.url),
    metrics: portOf(content.metrics.url),
  });
  addControllers(options, cluster, content);
  const stopped = cluster.manager.start(signal);
  shutdown.add("controllers", () => stopped);
  const admin = await writeAdminCredentials(options, cluster);
  await Promise.all([
    seedPipelines(options, cluster, content),
    seedRepositories(content.forge, { forgeUrl: content.forge.url, registryHost: content.registry.host }),
    publishModelServerImage({
      directory: join(directory.path, "base-image"),
      program: options.env["AI_EDGE_PROGRAM"],
      store: join(directory.path, "builds"),
      registryHost: content.registry.host,
      credentials: { username: admin.username, password: admin.token },
      signal,
    }),
  ]);
  const endpoints = {
    api: cluster.api.url,
    registry: content.registry.url,
    forge: content.forge.url,
    metrics: content.metrics.url,
  };
  logger.info(endpoints, "core is up");
  return { endpoints };
}

/** The servers of what is no Kubernetes object: images, Git, metrics. */
async function startContent(
  options: CoreOptions,
  identities: IdentityProvider,
  webhook: Webhook,
): Promise<Content> {
  const { directory, logger, now, shutdown } = options;
  const listenFor = async <T extends { close: () => Promise<void> }>(
    port: Port,
    start: (listen: ListenAddress) => Promise<T>,
  ): Promise<T> => {
    const address = {
      host: options.host,
      usual: USUAL_PORTS[port],
      fixed: options.ports[port] ?? directory.settings.ports[port],
    };
    const server = await listenAtUsualPort(address, start).catch((error: unknown) => {
      throw explainSystemError(error, { path: directory.path, address: `the port of the ${port}` }) ?? error;
    });
    shutdown.add(port, () => server.close());
    return server;
  };
  const starting = [
    listenFor("registry", (listen) =>
      startRegistry({
        dataDir: join(directory.path, "registry"),
        listen,
        logger: logger.child({ component: "registry" }),
        now,
        ...registryAccess(identities),
      }),
    ),
    listenFor("forge", (listen) =>
      startForge({
        dataDir: join(directory.path, "forge"),
        listen,
        logger: logger.child({ component: "forge" }),
        now,
        webhooks: [webhook],
        ...forgeAccess(identities),
      }),
    ),
    listenFor("metrics", (listen) =>
      startMetrics({
        dataDir: join(directory.path, "metrics"),
        listen,
        identities,
        logger: logger.child({ component: "metrics" }),
        now,
      }),
    ),
  ] as const;
  // When one fails the others must be known to the shutdown first: what still listens keeps the process alive.
  await Promise.allSettled(starting);
  const [registry, forge, metrics] = await Promise.all(starting);
  return { registry, forge, metrics };
}

function addControllers(options: CoreOptions, cluster: EmbeddedCluster, content: Content): void {
  const { directory, env } = options;
  const { manager } = cluster;
  addHubControllers(manager, { clusterSet: DEFAULT_CLUSTER_SET });
  addSiteCredentialsController(manager, {
    forgeUrl: content.forge.url,
    registryHost: content.registry.host,
    metricsUrl: content.metrics.url,
  });
  addTektonControllers(manager, {
    dataDir: join(directory.path, "tekton"),
    nativeTasks: nativeTasks({
      environment: env,
      buildImage: localImageBuilder(join(directory.path, "builds")),
    }),
    volumes: ({ metadata }) =>
      cluster.claimDirectory({ namespace: metadata.namespace ?? "", name: metadata.name }),
  });
  applicationSetController(manager);
  gitOpsClusterController(manager);
  propagationController(manager);
}

/** The shipped tasks and pipelines, and what the `pipeline` ServiceAccount needs to run them. */
async function seedPipelines(
  options: CoreOptions,
  cluster: EmbeddedCluster,
  content: Content,
): Promise<void> {
  const { client } = cluster;
  const manifests = tektonManifests({ registry: content.registry.host });
  await Promise.all(
    manifests.map(async (manifest) => {
      const type = await client.resourceFor(manifest.apiVersion, manifest.kind);
      await client.apply(type, manifest, { fieldManager: "ai-edge-core", force: true });
    }),
  );
  const [token, nodeToken] = await Promise.all([
    longLivedToken(client, { namespace: RUN_NAMESPACE, name: "pipeline" }, options.signal),
    longLivedToken(client, { namespace: SYSTEM_NAMESPACE, name: NODE_ACCOUNT }, options.signal),
  ]);
  await applyNodePullSecret(client, { token: nodeToken, registryHost: content.registry.host });
  await applyPipelineSecrets(client, {
    token,
    registryUrl: content.registry.url,
    forgeUrl: content.forge.url,
    secretNames: { git: GIT_CREDENTIALS_SECRET, forgeToken: FORGE_TOKEN_SECRET },
  });
}

/** The administrator's user name and token for forge and registry, in a file that only its owner reads. */
async function writeAdminCredentials(
  options: CoreOptions,
  cluster: EmbeddedCluster,
): Promise<ContentCredentials> {
  const token = await longLivedToken(
    cluster.client,
    { namespace: SYSTEM_NAMESPACE, name: ADMIN_ACCOUNT },
    options.signal,
  );
  const credentials: ContentCredentials = { username: "admin", token };
  await writeFileDurably(
    contentCredentialsFile(options.directory.path),
    `${JSON.stringify(credentials, null, 2)}\n`,
  );
  return credentials;
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}
