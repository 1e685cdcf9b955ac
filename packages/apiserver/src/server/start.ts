import { writeFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import type { Server } from "node:https";
import { Authenticator } from "../authentication/authenticator.ts";
import { impersonate } from "../authentication/impersonation.ts";
import { TokenSigner } from "../authentication/token-signer.ts";
import { attributesOf, forbidden } from "../authorization/attributes.ts";
import { Authorizer } from "../authorization/authorizer.ts";
import { CertificateAuthority } from "../certificates/authority.ts";
import { kubeconfigOf } from "../certificates/kubeconfig.ts";
import { CustomResources } from "../crd/controller.ts";
import { Discovery } from "../discovery/handle.ts";
import { GarbageCollector } from "../garbage-collection/collector.ts";
import { NamespaceController } from "../namespaces/controller.ts";
import type { Environment } from "../objects/environment.ts";
import { OpenApi } from "../openapi/handle.ts";
import { builtInResources } from "../resources/kinds.ts";
import { ResourceRegistry } from "../resources/registry.ts";
import { ServiceAccounts } from "../service-accounts/controller.ts";
import { Signer } from "../certificates/signer.ts";
import { specialHandlers } from "./special-handlers.ts";
import { startCompaction } from "../storage/compaction.ts";
import { Store } from "../storage/store.ts";
import { startBootstrap } from "./bootstrap.ts";
import { type HandlerParts, handleRequest } from "./handler.ts";
import { listen, portOf } from "./listener.ts";
import type { ApiServer, ApiServerOptions } from "./options.ts";

/** Renewed at every start; embedded servers restart more often than yearly. */
const SERVING_LIFETIME_MS = 365 * 24 * 3600 * 1000;
const ADMIN_LIFETIME_MS = SERVING_LIFETIME_MS;

/**
 * Starts a Kubernetes API server over a data directory. Resolves when it answers.
 * @throws Error in one line when the directory or the address cannot be used
 */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { dataDir, logger } = options;
  const now = options.now ?? (() => new Date());
  const random = options.random ?? Math.random;
  const store = new Store({ dataDir, logger, now });
  try {
    const authority = await CertificateAuthority.load(dataDir, now);
    return await serve({ ...options, now, random }, store, authority);
  } catch (error) {
    store.close();
    throw error;
  }
}

type Resolved = ApiServerOptions & Required<Pick<ApiServerOptions, "now" | "random">>;

async function serve(options: Resolved, store: Store, authority: CertificateAuthority): Promise<ApiServer> {
  const { logger, listen: address, now, random } = options;
  const authorizer = new Authorizer(store);
  const registry = new ResourceRegistry(
    builtInResources({ serviceCIDR: options.serviceCIDR, random, authorizer }),
  );
  const environment: Environment = { store, registry, now, random };
  const stop = new AbortController();
  const signer = TokenSigner.load(options.dataDir);
  const authenticator = new Authenticator({ store, signer, now });
  await startControllers(options, environment, authority, signer);
  const stopCompaction = startCompaction(store, { now, logger });
  const parts: HandlerParts = {
    environment,
    discovery: new Discovery(registry),
    openApi: new OpenApi(registry),
    special: specialHandlers({ authenticator, authorizer, signer, podLogs: options.podLogs }),
    logger,
    signal: stop.signal,
    authenticate: (request: IncomingMessage) =>
      impersonate(authenticator.authenticate(request), request.headers, authorizer),
    authorize: (user, info) => {
      const attributes = attributesOf(info);
      if (!authorizer.decide(user, attributes).allowed) throw forbidden(user, attributes);
    },
  };
  const { serving, admin } = await issueCertificates(authority, [
    address.host,
    ...(options.serverNames ?? []),
  ]);
  const server = await listen(
    { ...address, serving, caCertificate: authority.certificate },
    (request, response) => void handleRequest(parts, request, response),
  );
  const url = `https://${hostForUrl(address.host)}:${portOf(server)}`;
  const caCertificate = authority.certificate;
  const kubeconfig = kubeconfigOf({
    name: options.clusterName ?? "ai-edge",
    server: url,
    caCertificate,
    client: admin,
  });
  if (options.kubeconfigFile !== undefined)
    await writeFile(options.kubeconfigFile, kubeconfig, { mode: 0o600 });
  const close = async (): Promise<void> => {
    stop.abort();
    stopCompaction();
    await closeServer(server);
    store.close();
  };
  return { url, kubeconfig, caCertificate, caPin: authority.pin, close };
}

/** What works on stored objects beside the requests. Custom kinds first: the others must know every kind. */
async function startControllers(
  { converters = {}, publishRootCa = false, logger }: Resolved,
  environment: Environment,
  authority: CertificateAuthority,
  signer: TokenSigner,
): Promise<void> {
  new CustomResources(environment, converters, logger).start();
  await startBootstrap(environment);
  const caCertificate = authority.certificate;
  await new ServiceAccounts({ environment, signer, caCertificate, publishRootCa, logger }).start();
  new Signer(environment, authority, logger).start();
  new NamespaceController(environment, logger).start();
  new GarbageCollector(environment, logger).start();
}

/** The server's own certificate for its usual names and `hosts`, and the administrator's. */
async function issueCertificates(authority: CertificateAuthority, hosts: readonly string[]) {
  const names = new Set(["localhost", "127.0.0.1", "kubernetes", "kubernetes.default.svc", ...hosts]);
  const administrator = { commonName: "kubernetes-admin", organizations: ["system:masters"] };
  const [serving, admin] = await Promise.all([
    authority.issueServer([...names], SERVING_LIFETIME_MS),
    authority.issueClient(administrator, ADMIN_LIFETIME_MS),
  ]);
  return { serving, admin };
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const force = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
  await closed;
  clearTimeout(force);
}

/** Requests under way may finish; connections that linger after it are cut. */
const CLOSE_GRACE_MS = 500;

/** An address to listen on is not always one to connect to. */
function hostForUrl(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}
