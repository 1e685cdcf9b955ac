/** The agents of a managed cluster: registration and work, in one process with the rest of the edge. */
import type { Condition } from "@ai-edge/apimachinery";
import { ManagedCluster } from "@ai-edge/api";
import { type Client, createClient } from "@ai-edge/client";
import { createManager } from "@ai-edge/runtime";
import type { Logger } from "pino";
import { parseJoinToken } from "../join-token.ts";
import { addPolicyAgent } from "../policy/agent.ts";
import { addWorkAgent } from "../work/agent.ts";
import { JoinRefusedError } from "./certificate.ts";
import { addClusterStatusController } from "./cluster-status.ts";
import { type ConnectionStatus, hubConnection } from "./connection.ts";
import { type HubCredentials, credentialStore } from "./credentials.ts";
import { edgeHealth } from "./edge-health.ts";
import { beat } from "./heartbeat.ts";
import { joinHub } from "./join.ts";
import { rotateCertificate } from "./rotation.ts";

export interface KlusterletOptions {
  /** Needed for the first start only; stored credentials of the same hub win over it. */
  joinToken?: string | undefined;
  /** Credentials are kept in `<dataDir>/pki`. */
  dataDir: string;
  /** The cluster's own API. */
  edgeClient: Client;
  /** Default: the token's. */
  clusterName?: string | undefined;
  /** The URL of the cluster's own API, shown at the hub. */
  apiUrl?: string | undefined;
  logger: Logger;
  now?: () => Date;
  signal: AbortSignal;
}

export interface Klusterlet {
  readonly cluster: string;
  /** The hub's API. */
  readonly server: string;
  /** A client with the agent's rights at the hub: its own ManagedCluster and namespace. */
  readonly hubClient: Client;
  connection(): ConnectionStatus;
  /** Resolves when everything has stopped after the signal aborted. */
  readonly stopped: Promise<void>;
}

/**
 * Starts the agents. With stored credentials it returns at once, whether or not the hub answers; otherwise it joins
 * first, waiting for an unreachable hub.
 * @throws JoinRefusedError when the hub refuses the join, or when there are neither credentials nor a token
 * @throws JoinTokenError when the token is not one
 */
export async function startKlusterlet(options: KlusterletOptions): Promise<Klusterlet> {
  const { edgeClient, logger, signal, now = () => new Date() } = options;
  const store = credentialStore(options.dataDir);
  let credentials = await identify(options, now);
  const { server, cluster, caCertificate } = credentials;
  const hubClient = createClient({
    server,
    certificateAuthority: caCertificate,
    credentials: () => ({
      clientCertificate: { certificate: credentials.certificate, key: credentials.key },
    }),
    userAgent: "ai-edge-klusterlet",
  });
  const hub = createManager({ client: hubClient, logger: logger.child({ api: "hub" }), now });
  const edge = createManager({ client: edgeClient, logger: logger.child({ api: "edge" }), now });
  const connection = hubConnection({ server, cluster, logger, now });
  const health = edgeHealth(edgeClient, now);
  const extraConditions = new Map<string, Condition>();
  const clusters = hub.informer(ManagedCluster, { fieldSelector: `metadata.name=${cluster}` });
  const status = addClusterStatusController({
    cluster,
    hub,
    edge,
    clusters,
    health,
    isConnected: () => connection.status().state === "connected",
    extraConditions,
  });
  const work = addWorkAgent({ cluster, hub, edge, clusters });
  const policy = addPolicyAgent({ cluster, hub, edge, clusters });
  connection.onConnected(() => {
    status.enqueue({ name: cluster });
    work.resume();
    policy.resume();
  });
  edge.addRunnable("edge-health", (stop) => health.run(stop));
  hub.addRunnable("lease", (stop) =>
    beat({ client: hubClient, cluster, connection, clusters: clusters.store, now }, stop),
  );
  hub.addRunnable("certificate-rotation", (stop) =>
    rotateCertificate(
      {
        client: hubClient,
        store,
        current: () => credentials,
        replace: (renewed) => (credentials = renewed),
        report: (condition) => {
          extraConditions.set(condition.type, condition);
          status.enqueue({ name: cluster });
        },
        logger,
        now,
      },
      stop,
    ),
  );
  const stopped = Promise.all([hub.start(signal), edge.start(signal)]).then(() => hubClient.close());
  return { cluster, server, hubClient, connection: () => connection.status(), stopped };
}

/**
 * Stored credentials, or those of a join. A token that was not used here before joins anew; when that fails and the
 * stored credentials are of the same hub, they stay, even expired: a restart of a site must never depend on the hub.
 */
async function identify(options: KlusterletOptions, now: () => Date): Promise<HubCredentials> {
  const { joinToken, dataDir, clusterName, apiUrl, logger, signal } = options;
  const store = credentialStore(dataDir);
  const stored = await store.load();
  const token = joinToken === undefined ? undefined : parseJoinToken(joinToken);
  if (stored !== undefined && stored.notAfter.getTime() <= now().getTime()) {
    const again = `join again with a new token: ai-edge token create ${stored.cluster}`;
    logger.error(
      { file: store.file, notAfter: stored.notAfter },
      `the credentials for the hub have expired: ${again}`,
    );
  }
  if (token === undefined) {
    if (stored !== undefined) return stored;
    const message = `this cluster has not joined a hub: give a join token (at the core: ai-edge token create ${clusterName ?? "CLUSTER"})`;
    throw new JoinRefusedError("NoCredentials", message);
  }
  const join = { token, cluster: clusterName ?? token.cluster, store, apiUrl, logger, now, signal };
  if (stored === undefined) return joinHub(join);
  const sameHub =
    token.server === stored.server && token.caCertificate.trim() === stored.caCertificate.trim();
  if (!sameHub) {
    logger.info({ from: stored.server, to: token.server }, "the join token is of another hub: joining it");
    return joinHub(join);
  }
  if (await store.wasJoinedWith(token.bootstrapToken)) return stored;
  try {
    return await joinHub({ ...join, attempts: 1 });
  } catch (error) {
    signal.throwIfAborted();
    logger.warn({ err: error }, "the new join token did not work: going on with the stored credentials");
    return stored;
  }
}
