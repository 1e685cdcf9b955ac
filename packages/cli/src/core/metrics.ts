import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

import { createMetricsHandler, createMetricsStore, type MetricsIdentity } from "@ai-edge/telemetry";
import type { Logger } from "pino";

import { formatListenAddress, type ListenAddress } from "../topology/listen-address.ts";
import type { IdentityProvider } from "./identity.ts";

/** As Prometheus' default. */
const RETENTION_MS = 15 * 24 * 60 * 60 * 1000;
const PRUNE_INTERVAL_MS = 10 * 60 * 1000;
/** The ServiceAccount that the hub makes for each site, in the namespace named like the cluster. */
const SITE_ACCOUNT = /^system:serviceaccount:([^:]+):edge$/;

/** The core's metrics: remote write for the sites, Prometheus' HTTP API for people. */
export interface Metrics {
  url: string;
  close(): Promise<void>;
}

/** Starts the store and its HTTP API. Who reaches the loopback address may query; writing needs a site's token. */
export async function startMetrics(options: {
  dataDir: string;
  listen: ListenAddress;
  identities: IdentityProvider;
  logger: Logger;
  now: () => Date;
}): Promise<Metrics> {
  const { dataDir, listen, identities, logger, now } = options;
  const store = createMetricsStore({ dataDir, retention: RETENTION_MS, now });
  const handle = createMetricsHandler(store, {
    authenticate: (request) => identify(request, identities),
    logger,
    now,
  });
  const server = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(listen, resolve);
  });
  const pruning = setInterval(() => store.prune(), PRUNE_INTERVAL_MS);
  pruning.unref();
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${formatListenAddress({ host: listen.host, port })}`,
    close: async () => {
      clearInterval(pruning);
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
      store.close();
    },
  };
}

async function identify(request: IncomingMessage, identities: IdentityProvider): Promise<MetricsIdentity> {
  const token = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
  const identity = token === undefined ? null : await identities.authenticate(token);
  const cluster = SITE_ACCOUNT.exec(identity?.name ?? "")?.[1];
  if (identity === null || cluster === undefined) return { reads: true, writes: "nothing" };
  const mayWrite = await identities.authorize(identity, "update", "metrics", cluster);
  return { reads: true, writes: mayWrite ? { cluster } : "nothing" };
}
