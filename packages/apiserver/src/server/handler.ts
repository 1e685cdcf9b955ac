import type { IncomingMessage, ServerResponse } from "node:http";
import type { UserInfo } from "@ai-edge/api";
import { type StatusError, statusError } from "@ai-edge/apimachinery";
import type { Logger } from "pino";
import type { Discovery } from "../discovery/handle.ts";
import type { Environment } from "../objects/environment.ts";
import type { OpenApi } from "../openapi/handle.ts";
import type { Call } from "../rest/call.ts";
import { unknownPath } from "../rest/errors.ts";
import { type RequestInfo, parseRequest } from "../rest/request-info.ts";
import { sendBody, sendError, sendText } from "../rest/respond.ts";
import { type SpecialHandlers, route } from "../rest/route.ts";
import { VERSION_INFO } from "./version.ts";

export interface HandlerParts {
  readonly environment: Environment;
  readonly discovery: Discovery;
  readonly openApi: OpenApi;
  readonly special: SpecialHandlers;
  readonly logger: Logger;
  /** Aborts when the server stops. */
  readonly signal: AbortSignal;
  /** Who asks. @throws StatusError Unauthorized for credentials that do not hold */
  authenticate(request: IncomingMessage): UserInfo;
  /** @throws StatusError Forbidden */
  authorize(user: UserInfo, info: RequestInfo): void;
}

/** Answers one request, whatever happens. */
export async function handleRequest(
  parts: HandlerParts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const info = parseRequest(request.method ?? "GET", request.url ?? "/");
    if (info === undefined) throw statusError("BadRequest", "the request's URL is malformed");
    if (isPublic(info.path)) {
      sendText(response, 200, "text/plain; charset=utf-8", "ok");
      return;
    }
    const user = parts.authenticate(request);
    parts.authorize(user, info);
    await dispatch(parts, info, user, request, response);
  } catch (error) {
    sendError(response, error, parts.logger);
    // What is left of a body that nobody read would be taken for the next request.
    if (!request.complete) request.resume();
  }
}

async function dispatch(
  parts: HandlerParts,
  info: RequestInfo,
  user: UserInfo,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (info.resource === undefined) {
    if (!answerPath(parts, info, request, response)) throw unknownPath();
    return;
  }
  const target = info.resource;
  const resource = parts.environment.registry.find(target.group, target.version, target.plural);
  if (resource === undefined) throw pageNotFound();
  const call: Call = {
    environment: parts.environment,
    resource,
    target,
    verb: info.verb,
    query: info.query,
    user,
    request,
    response,
    logger: parts.logger,
    signal: signalOf(response, parts.signal),
    warnings: [],
    duplicates: [],
  };
  await route(call, parts.special);
}

/** Aborts when the client goes away before its answer is complete, or the server stops. */
function signalOf(response: ServerResponse, stopped: AbortSignal): AbortSignal {
  const abort = new AbortController();
  const stop = (): void => abort.abort();
  stopped.addEventListener("abort", stop, { once: true });
  response.once("close", () => {
    stopped.removeEventListener("abort", stop);
    if (!response.writableFinished) abort.abort();
  });
  return abort.signal;
}

function answerPath(
  parts: HandlerParts,
  { path }: RequestInfo,
  request: IncomingMessage,
  response: ServerResponse,
): boolean {
  if (path === "/version" || path === "/version/") {
    sendBody(response, 200, "json", VERSION_INFO);
    return true;
  }
  if (path === "/") {
    sendBody(response, 200, "json", {
      paths: ["/api", "/apis", "/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version"],
    });
    return true;
  }
  return parts.discovery.handle(request, response, path) || parts.openApi.handle(response, path);
}

const HEALTH = /^\/(healthz|livez|readyz)(\/|$)/;

/** Health is for everybody: probes have no credentials. */
function isPublic(path: string): boolean {
  return HEALTH.test(path);
}

function pageNotFound(): StatusError {
  return statusError("NotFound", "the server could not find the requested resource");
}
