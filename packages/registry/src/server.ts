import { mkdir } from "node:fs/promises";
import http from "node:http";
import https from "node:https";
import { isRepositoryName } from "@ai-edge/oci";
import type { Logger } from "pino";
import { BlobHandlers } from "./blobs.ts";
import { answerJson, type Exchange, page } from "./exchange.ts";
import { ManifestHandlers } from "./manifests.ts";
import { Refusal } from "./refusal.ts";
import { RegistryStore } from "./store.ts";
import { Uploads } from "./uploads.ts";

/** Who asks, as `authenticate` says; `authorize` gets it back. */
export interface RegistryUser {
  name: string;
  groups?: string[];
}

export type RegistryAction = "pull" | "push" | "delete";

export interface RegistryOptions {
  dataDir: string;
  listen: { host: string; port: number };
  logger: Logger;
  /** The user of an Authorization header (undefined: the request has none), or undefined to answer 401. Absent: everybody may do everything. */
  authenticate?: (authorization: string | undefined) => Promise<RegistryUser | undefined>;
  /** Whether the user may; "" is the registry itself (ping, catalog). Absent: every authenticated user may. */
  authorize?: (user: RegistryUser, action: RegistryAction, repository: string) => Promise<boolean>;
  /** PEM texts; absent: plain HTTP, meant for loopback. */
  tls?: { certificate: string; key: string };
  now?: () => Date;
}

export interface RegistryServer {
  /** `http://127.0.0.1:5000` */
  url: string;
  /** `127.0.0.1:5000`, as image references spell it. */
  host: string;
  close(): Promise<void>;
}

/** Bodies may be large and links slow, but a request that stalls for this long is dead. */
const IDLE_TIMEOUT_MS = 120_000;

/** Starts an OCI distribution-spec 1.1 registry. Resolves when it answers. */
export async function startRegistry(options: RegistryOptions): Promise<RegistryServer> {
  const { dataDir, listen, logger, tls } = options;
  await mkdir(dataDir, { recursive: true });
  const router = new Router(options);
  await router.uploads.sweep((options.now?.() ?? new Date()).getTime());
  const handler = (request: http.IncomingMessage, response: http.ServerResponse): void => {
    router.handle(request, response).catch((error: unknown) => {
      logger.error({ err: error }, "registry: request failed");
      response.destroy();
    });
  };
  const server =
    tls === undefined
      ? http.createServer(handler)
      : https.createServer({ cert: tls.certificate, key: tls.key }, handler);
  // Uploads of large models take longer than any fixed limit for a whole request.
  server.requestTimeout = 0;
  server.timeout = IDLE_TIMEOUT_MS;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(listen.port, listen.host, () => {
      server.off("error", reject);
      resolve();
    });
  });
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : listen.port;
  const host = `${listen.host.includes(":") ? `[${listen.host}]` : listen.host}:${port}`;
  return {
    host,
    url: `${tls === undefined ? "http" : "https"}://${host}`,
    close: async () => {
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

type Handler = (exchange: Exchange) => Promise<void>;

class Router {
  readonly uploads: Uploads;
  readonly #options: RegistryOptions;
  readonly #store: RegistryStore;
  readonly #routes: Record<string, Handler>;

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.#store = new RegistryStore(options.dataDir);
    this.uploads = new Uploads(options.dataDir, this.#store.blobs);
    const blobs = new BlobHandlers(
      this.#store,
      this.uploads,
      async (exchange, repository) => await this.#may(exchange, "pull", repository),
    );
    const manifests = new ManifestHandlers(this.#store);
    this.#routes = {
      "GET blobs": (exchange) => blobs.read(exchange),
      "DELETE blobs": (exchange) => blobs.delete(exchange),
      "POST uploads": (exchange) => blobs.start(exchange),
      "GET uploads": (exchange) => blobs.status(exchange),
      "PATCH uploads": (exchange) => blobs.patch(exchange),
      "PUT uploads": (exchange) => blobs.finish(exchange),
      "DELETE uploads": (exchange) => blobs.cancel(exchange),
      "GET manifests": (exchange) => manifests.read(exchange),
      "PUT manifests": (exchange) => manifests.put(exchange),
      "DELETE manifests": (exchange) => manifests.delete(exchange),
      "GET tags": (exchange) => manifests.tags(exchange),
      "GET referrers": (exchange) => manifests.referrers(exchange),
      "GET ": async (exchange) => answerJson(exchange, 200, {}),
      "GET _catalog": async (exchange) => {
        const { names, headers } = page(exchange, await this.#store.repositories());
        answerJson(exchange, 200, { repositories: names }, headers);
      },
    };
  }

  async handle(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const exchange: Exchange = {
      request,
      response,
      url: new URL(request.url ?? "/", "http://registry"),
      repository: "",
      reference: "",
    };
    response.setHeader("docker-distribution-api-version", "registry/2.0");
    try {
      await this.#route(exchange);
    } catch (error) {
      this.#fail(exchange, error);
    }
    this.#options.logger.debug(
      { method: request.method, path: exchange.url.pathname, status: response.statusCode },
      "registry: request",
    );
  }

  async #route(exchange: Exchange): Promise<void> {
    const route = parsePath(exchange.url.pathname);
    if (route === undefined) throw new Refusal(404, "UNSUPPORTED", "not a path of the distribution API");
    exchange.repository = route.repository;
    exchange.reference = route.reference;
    const method = exchange.request.method ?? "GET";
    const handler = this.#routes[`${method === "HEAD" ? "GET" : method} ${route.endpoint}`];
    const action: RegistryAction =
      method === "GET" || method === "HEAD"
        ? "pull"
        : method === "DELETE" && route.endpoint !== "uploads"
          ? "delete"
          : "push";
    if (!(await this.#may(exchange, action, route.repository))) {
      throw new Refusal(
        403,
        "DENIED",
        `you may not ${action} ${route.repository === "" ? "here" : route.repository}`,
      );
    }
    if (handler === undefined) throw new Refusal(405, "UNSUPPORTED", `${method} is not supported here`);
    if (route.repository !== "" && !isRepositoryName(route.repository))
      throw new Refusal(400, "NAME_INVALID", "not a repository name");
    await handler(exchange);
  }

  async #may(exchange: Exchange, action: RegistryAction, repository: string): Promise<boolean> {
    const { authenticate, authorize } = this.#options;
    if (authenticate === undefined) return true;
    const user = await authenticate(exchange.request.headers.authorization);
    if (user === undefined) {
      throw new Refusal(401, "UNAUTHORIZED", "credentials are missing or not valid", {
        "www-authenticate": 'Basic realm="ai-edge registry"',
      });
    }
    return authorize === undefined || (await authorize(user, action, repository));
  }

  #fail(exchange: Exchange, error: unknown): void {
    const { request, response } = exchange;
    const refusal = error instanceof Refusal ? error : undefined;
    if (refusal === undefined && !request.destroyed && request.complete) {
      this.#options.logger.error({ err: error, path: exchange.url.pathname }, "registry: internal error");
    }
    if (response.headersSent) {
      response.destroy();
      return;
    }
    // A body that nobody reads would be taken for the next request.
    const close: Record<string, string> = request.complete ? {} : { connection: "close" };
    const { status, code, message, headers } =
      refusal ?? new Refusal(500, "UNKNOWN", "internal error; the registry's log says more");
    answerJson(exchange, status, { errors: [{ code, message }] }, { ...close, ...headers });
  }
}

/** `/v2/<name>/<endpoint>/<reference>`; names contain slashes, so it is taken apart from its end. */
function parsePath(
  pathname: string,
): { endpoint: string; repository: string; reference: string } | undefined {
  if (pathname === "/v2/" || pathname === "/v2") return { endpoint: "", repository: "", reference: "" };
  if (pathname === "/v2/_catalog") return { endpoint: "_catalog", repository: "", reference: "" };
  const uploads = /^\/v2\/(.+)\/blobs\/uploads\/([^/]*)$/.exec(pathname);
  if (uploads !== null)
    return { endpoint: "uploads", repository: uploads[1] ?? "", reference: uploads[2] ?? "" };
  const tags = /^\/v2\/(.+)\/tags\/list$/.exec(pathname);
  if (tags !== null) return { endpoint: "tags", repository: tags[1] ?? "", reference: "" };
  const other = /^\/v2\/(.+)\/(blobs|manifests|referrers)\/([^/]+)$/.exec(pathname);
  if (other === null) return undefined;
  return { endpoint: other[2] ?? "", repository: other[1] ?? "", reference: decode(other[3] ?? "") };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
