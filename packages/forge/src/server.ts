import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Logger } from "pino";
import { credentialsOf } from "./authentication.ts";
import type { Authenticate, Authorize, ForgeUser, ForgeVerb } from "./authentication.ts";
import { Forge } from "./forge.ts";
import type { SeedOptions } from "./forge.ts";
import type { CommitOptions } from "./commit.ts";
import { requireGit } from "./git.ts";
import { ForgeHttpError, sendError } from "./http.ts";
import { pullRequestPage } from "./page.ts";
import type { PushEvent } from "./push-event.ts";
import { fullName, isRepositoryName } from "./repository.ts";
import type { RepositoryName } from "./repository.ts";
import { RestApi } from "./rest-api.ts";
import { advertiseRefs, DEFAULT_MAX_PUSH_BYTES, runService } from "./smart-http.ts";
import type { GitService } from "./smart-http.ts";
import { deliver } from "./webhook.ts";
import type { Webhook } from "./webhook.ts";

export interface ForgeOptions {
  /** Holds `repos/<owner>/<name>.git` and `forge.db`. */
  dataDir: string;
  /** Port 0 takes any free one. */
  listen: { host: string; port: number };
  logger: Logger;
  now: () => Date;
  /** Without it everybody who reaches the address is the user "anonymous"; with it, nobody without credentials. */
  authenticate?: Authenticate | undefined;
  /** Without it every user may do everything. */
  authorize?: Authorize | undefined;
  /** Told about every push. */
  webhooks?: Webhook[] | undefined;
  /** The URL at which others reach the forge, without a trailing slash. Default: the listening address. */
  publicUrl?: string | undefined;
  maxPushBytes?: number | undefined;
}

export interface RunningForge {
  /** Base URL, without a trailing slash; a repository is at `<url>/<owner>/<name>.git`. */
  url: string;
  /** Makes a repository with one commit unless its branch is there. */
  seedRepository(options: SeedOptions): Promise<{ created: boolean; commit: string }>;
  /** Adds a commit to a branch, as a push would. */
  commitFiles(repository: RepositoryName, branch: string, options: CommitOptions): Promise<string>;
  /** Calls back for every branch or tag that moves, in this process. */
  onPush(listener: (event: PushEvent) => void): () => void;
  close(): Promise<void>;
}

/** Git processes at once: each needs some 10 MB; a fleet's simultaneous fetches wait their turn by Retry-After. */
const MAX_GIT_SERVICES = 64;
const GIT_PATH = /^\/([^/]+)\/([^/]+?)(?:\.git)?\/(info\/refs|git-upload-pack|git-receive-pack)$/;
const PAGE_PATH = /^\/([^/]+)\/([^/]+)\/pull\/(\d{1,9})$/;

/**
 * Starts a forge: Git over smart HTTP, GitHub's REST API for pull requests, push webhooks.
 * @throws MissingGitError without git; Error naming the address when it cannot be listened on
 */
export async function startForge(options: ForgeOptions): Promise<RunningForge> {
  await requireGit();
  const forge = await Forge.open(options.dataDir);
  const stopping = new AbortController();
  const server = createServer();
  // A push of a large model over a slow line is one long request; the headers' timeout stays.
  server.requestTimeout = 0;
  try {
    await listen(server, options.listen);
  } catch (error) {
    forge.close();
    throw error;
  }
  const url = options.publicUrl ?? addressOf(server, options.listen.host);
  const deliveries = new Deliveries(options, forge, url, stopping.signal);
  forge.onPush((event) => deliveries.start(event));
  const handler = new RequestHandler(options, forge, url, stopping.signal);
  server.on("request", (request, response) => void handler.handle(request, response));
  for (const repository of await forge.repositories.list()) await forge.announce(repository, "unknown");
  return {
    url,
    seedRepository: (seed) => forge.seedRepository(seed),
    commitFiles: (repository, branch, commit) => forge.commitFiles(repository, branch, commit),
    onPush: (listener) => forge.onPush(listener),
    close: async () => {
      stopping.abort();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await Promise.all([closed, deliveries.settled(), handler.settled()]);
      forge.close();
    },
  };
}

/** Webhook deliveries under way. */
class Deliveries {
  readonly #running = new Set<Promise<void>>();
  readonly #options: ForgeOptions;
  readonly #forge: Forge;
  readonly #url: string;
  readonly #signal: AbortSignal;

  constructor(options: ForgeOptions, forge: Forge, url: string, signal: AbortSignal) {
    this.#options = options;
    this.#forge = forge;
    this.#url = url;
    this.#signal = signal;
  }

  start(event: PushEvent): void {
    for (const hook of this.#options.webhooks ?? []) {
      const run = this.#deliver(hook, event).finally(() => this.#running.delete(run));
      this.#running.add(run);
    }
  }

  async settled(): Promise<void> {
    await Promise.allSettled(this.#running);
  }

  async #deliver(hook: Webhook, event: PushEvent): Promise<void> {
    const branch = await this.#forge.repositories.defaultBranch(event.repository).catch(() => "main");
    await deliver(hook, event, this.#url, branch, { logger: this.#options.logger, signal: this.#signal });
  }
}

/** Sends a request to git, the REST API or a page, once its user is known. */
class RequestHandler {
  readonly #options: ForgeOptions;
  readonly #forge: Forge;
  readonly #api: RestApi;
  readonly #signal: AbortSignal;
  readonly #running = new Set<Promise<void>>();
  #services = 0;

  constructor(options: ForgeOptions, forge: Forge, url: string, signal: AbortSignal) {
    this.#options = options;
    this.#forge = forge;
    this.#signal = signal;
    const require = (user: ForgeUser, verb: ForgeVerb, repository: RepositoryName): Promise<void> =>
      this.#require(user, verb, repository);
    this.#api = new RestApi({ forge, baseUrl: url, now: options.now, require });
  }

  async settled(): Promise<void> {
    await Promise.allSettled(this.#running);
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const run = this.#answer(request, response).catch((error: unknown) => {
      if (error instanceof ForgeHttpError) return sendError(response, error);
      if (!this.#signal.aborted && !request.destroyed) {
        this.#options.logger.error(
          { err: error, method: request.method, path: pathOf(request) },
          "a request to the forge failed",
        );
      }
      sendError(response, new ForgeHttpError(500, "Server Error"));
    });
    this.#running.add(run);
    await run;
    this.#running.delete(run);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = URL.parse(request.url ?? "/", "http://forge.invalid");
    if (url === null) throw new ForgeHttpError(400, "Bad request target");
    if (url.pathname === "/healthz")
      return void response.writeHead(200, { "content-type": "text/plain" }).end("ok\n");
    const user = await this.#user(request);
    const git = GIT_PATH.exec(url.pathname);
    if (git !== null)
      return this.#git(
        { owner: git[1] ?? "", name: git[2] ?? "" },
        git[3] ?? "",
        url,
        user,
        request,
        response,
      );
    if (await this.#api.handle({ request, response, url, user })) return;
    const page = PAGE_PATH.exec(url.pathname);
    if (page === null || request.method !== "GET") throw new ForgeHttpError(404, "Not Found");
    await this.#page({ owner: page[1] ?? "", name: page[2] ?? "" }, Number(page[3]), user, response);
  }

  async #user(request: IncomingMessage): Promise<ForgeUser> {
    if (this.#options.authenticate === undefined) return { login: "anonymous" };
    const credentials = credentialsOf(request);
    const user = credentials === undefined ? undefined : await this.#options.authenticate(credentials);
    if (user !== undefined) return user;
    throw new ForgeHttpError(401, credentials === undefined ? "Requires authentication" : "Bad credentials");
  }

  /** What a user may not read is not there; what he may read but not change is forbidden. */
  async #require(user: ForgeUser, verb: ForgeVerb, repository: RepositoryName): Promise<void> {
    const { authorize } = this.#options;
    if (authorize === undefined) return;
    if (verb !== "create" && !(await authorize(user, "read", repository)))
      throw new ForgeHttpError(404, "Not Found");
    if (verb !== "read" && !(await authorize(user, verb, repository))) {
      throw new ForgeHttpError(403, `User ${user.login} may not ${verb} ${fullName(repository)}`);
    }
  }

  async #git(
    repository: RepositoryName,
    path: string,
    url: URL,
    user: ForgeUser,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const service = path === "info/refs" ? url.searchParams.get("service") : path;
    if (!isGitService(service))
      throw new ForgeHttpError(403, "This forge speaks smart HTTP only: use git 1.6.6 or newer");
    if (request.method !== (path === "info/refs" ? "GET" : "POST"))
      throw new ForgeHttpError(405, "Method Not Allowed");
    if (!isRepositoryName(repository) || !(await this.#forge.repositories.has(repository)))
      throw new ForgeHttpError(404, "Not Found");
    await this.#require(user, service === "git-receive-pack" ? "write" : "read", repository);
    if (this.#services >= MAX_GIT_SERVICES) {
      response.setHeader("retry-after", "1");
      throw new ForgeHttpError(503, "Too many git requests at once: try again");
    }
    this.#services += 1;
    const maxPushBytes = this.#options.maxPushBytes ?? DEFAULT_MAX_PUSH_BYTES;
    const call = {
      service,
      repository: this.#forge.repositories.path(repository),
      request,
      response,
      maxPushBytes,
      signal: this.#signal,
    };
    try {
      if (path === "info/refs") await advertiseRefs(call);
      else await runService(call);
    } finally {
      this.#services -= 1;
      // A broken connection does not undo a push: what moved is announced in any case.
      if (path === "git-receive-pack" && !this.#signal.aborted)
        await this.#forge.announce(repository, user.login);
    }
  }

  async #page(
    repository: RepositoryName,
    number: number,
    user: ForgeUser,
    response: ServerResponse,
  ): Promise<void> {
    if (!(await this.#forge.repositories.has(repository))) throw new ForgeHttpError(404, "Not Found");
    await this.#require(user, "read", repository);
    const pull = this.#api.pulls.find(repository, number);
    const html = pullRequestPage(repository, pull, await this.#api.pulls.patch(repository, number));
    response.writeHead(200, {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
      "x-content-type-options": "nosniff",
    });
    response.end(html);
  }
}

function isGitService(service: string | null): service is GitService {
  return service === "git-upload-pack" || service === "git-receive-pack";
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? "").split("?")[0] ?? "";
}

function listen(server: Server, { host, port }: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const reason = error.code === "EADDRINUSE" ? "the address is in use" : error.message;
      reject(new Error(`the forge cannot listen on ${host}:${port}: ${reason}`, { cause: error }));
    });
    server.listen(port, host, () => resolve());
  });
}

function addressOf(server: Server, host: string): string {
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}
