import { BINARY_HEADER, errorBody, ProtocolError, splitBody } from "@ai-edge/inference";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Log } from "../log.ts";
import {
  infer,
  invoke,
  modelMetadata,
  parseJson,
  predict,
  servingMetadata,
  servingStatus,
  type ServedModel,
} from "../dialect.ts";
import type { Api, ApiMethod, ServerMetrics } from "../metrics/server-metrics.ts";
import { readBody } from "./body.ts";
import { routeOf, type Action, type Route } from "./route.ts";

/** What the handler asks of the server at every request. */
interface ServerState {
  /** The model once it is loaded, warm and proven; until then why there is none. */
  served(): ServedModel | { reason: string };
  draining(): boolean;
}

export interface HandlerOptions {
  state: ServerState;
  metrics: ServerMetrics;
  modelName: string;
  serverVersion: string;
  logger: Log;
  /** Milliseconds, monotonic. */
  clock: () => number;
}

interface Answer {
  status: number;
  type: string;
  text: string;
  /** Follows the text, in the binary tensor extension. */
  binary?: readonly Uint8Array[];
}

const JSON_TYPE = "application/json";
/** An admitted request waits a second at most, so that a place is free by then. */
const RETRY_AFTER_SECONDS = 1;
/** JSON with binary data behind it. */
const BINARY_TYPE = "application/octet-stream";
/** Prometheus text format. */
const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

const API_METHODS: Partial<Record<Action, readonly [Api, ApiMethod]>> = {
  infer: ["KServe", "ModelInfer"],
  "model-metadata": ["KServe", "ModelMetadata"],
  "model-ready": ["KServe", "ModelReady"],
  predict: ["TensorFlowServing", "Predict"],
  "serving-status": ["TensorFlowServing", "GetModelStatus"],
  "serving-metadata": ["TensorFlowServing", "GetModelMetadata"],
};

/** MLServer counts neither scrapes nor probes. */
const UNCOUNTED: ReadonlySet<Action> = new Set<Action>(["metrics", "live", "ready", "ping"]);
const METHODS = new Set(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"]);

const json = (value: unknown, status = 200): Answer => ({
  status,
  type: JSON_TYPE,
  text: JSON.stringify(value),
});

function modelOf(route: Route, options: HandlerOptions): ServedModel {
  if (route.model !== undefined && route.model !== options.modelName) {
    throw new ProtocolError(
      `model ${JSON.stringify(route.model)} not found; this server has ${options.modelName}`,
      404,
    );
  }
  const served = options.state.served();
  if ("reason" in served)
    throw new ProtocolError(`model ${options.modelName} is not ready: ${served.reason}`, 503);
  if (route.version !== undefined && route.version !== served.version) {
    throw new ProtocolError(
      `version ${route.version} of ${served.name} not found; served is ${served.version}`,
      404,
    );
  }
  return served;
}

function admitted(route: Route, options: HandlerOptions): ServedModel {
  const served = modelOf(route, options);
  served.admit();
  return served;
}

function readiness(options: HandlerOptions): Answer {
  const served = options.state.served();
  if (options.state.draining()) return json({ live: true, ready: false, error: "shutting down" }, 503);
  if ("reason" in served) return json({ live: true, ready: false, error: served.reason }, 503);
  // The protocol's own example says "live" here, clients look for "ready": both are sent.
  return json({ live: true, ready: true });
}

/** MLServer takes the type with no parameter but `charset=utf-8`. @throws ProtocolError 400 for another one */
function checkInvocationsType(type = ""): void {
  if (/^application\/json\s*(;\s*charset=utf-8\s*)?$/i.test(type)) return;
  throw new ProtocolError(`Content-Type ${JSON.stringify(type.slice(0, 80))} is not application/json`);
}

async function answerInfer(served: ServedModel, request: IncomingMessage): Promise<Answer> {
  const body = await readBody(request);
  const header = request.headers[BINARY_HEADER];
  const { json: head, binary: raw } =
    header === undefined ? { json: body, binary: undefined } : splitBody(body, String(header));
  const { text, binary } = await infer(
    served,
    parseJson(Buffer.from(head.buffer, head.byteOffset, head.length).toString("utf8")),
    raw,
  );
  return binary.length === 0
    ? { status: 200, type: JSON_TYPE, text }
    : { status: 200, type: BINARY_TYPE, text, binary };
}

async function answerRoute(route: Route, request: IncomingMessage, options: HandlerOptions): Promise<Answer> {
  switch (route.action) {
    case "metrics":
      return { status: 200, type: METRICS_TYPE, text: options.metrics.text() };
    case "live":
      return json({ live: true });
    case "ready":
      return readiness(options);
    case "ping":
      return { ...readiness(options), type: "text/plain", text: "\n" };
    case "mlflow-version":
      return { status: 200, type: "text/plain", text: options.serverVersion };
    case "invocations": {
      const served = admitted(route, options);
      checkInvocationsType(request.headers["content-type"]);
      const text = await invoke(served, parseJson((await readBody(request)).toString("utf8")));
      return { status: 200, type: JSON_TYPE, text };
    }
    case "server-metadata":
      return json({
        name: "ai-edge-model-server",
        version: options.serverVersion,
        extensions: ["binary_tensor_data"],
      });
    case "model-metadata":
      return json(modelMetadata(modelOf(route, options)));
    case "model-ready":
      return json({ name: modelOf(route, options).name, ready: true });
    case "serving-status":
      return json(servingStatus(modelOf(route, options)));
    case "serving-metadata":
      return json(servingMetadata(modelOf(route, options)));
    case "infer":
      return answerInfer(admitted(route, options), request);
    case "predict": {
      const served = admitted(route, options);
      const text = await predict(served, parseJson((await readBody(request)).toString("utf8")));
      return { status: 200, type: JSON_TYPE, text };
    }
  }
}

function failure(error: unknown, logger: Log): Answer {
  if (error instanceof ProtocolError) return json(errorBody(error.message), error.status);
  // The runtime's message may quote input; the log gets the kind only.
  logger.error({ error: error instanceof Error ? error.name : typeof error }, "inference failed");
  return json(errorBody("inference failed inside the model"), 500);
}

async function answer(
  request: IncomingMessage,
  route: Route | undefined,
  options: HandlerOptions,
): Promise<Answer> {
  try {
    if (route === undefined) throw new ProtocolError("no such path", 404);
    const method = request.method === "HEAD" ? "GET" : request.method;
    if (method !== route.method) throw new ProtocolError(`${request.method} is not allowed here`, 405);
    return await answerRoute(route, request, options);
  } catch (error) {
    return failure(error, options.logger);
  }
}

/** Path label: bounded, because anyone can ask for any path. */
function pathLabel(path: string, route: Route | undefined, status: number): string {
  return route === undefined || status === 404 ? "unmatched" : path;
}

/** The request listener of the HTTP port. */
export function createHandler(
  options: HandlerOptions,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const { metrics, clock, state } = options;
  return async (request, response) => {
    const started = clock();
    const [path = "/"] = (request.url ?? "/").split("?");
    const method = METHODS.has(request.method ?? "") ? (request.method ?? "GET") : "OTHER";
    const route = routeOf(path);
    const counted = route === undefined || !UNCOUNTED.has(route.action);
    if (counted) metrics.requestStarts(method);
    const { status, type, text, binary } = await answer(request, route, options);
    const head = Buffer.from(text);
    const body = binary === undefined ? head : Buffer.concat([head, ...binary]);
    response.writeHead(status, {
      "content-type": type,
      "content-length": body.length,
      ...(binary === undefined ? {} : { [BINARY_HEADER]: String(head.length) }),
      ...(status === 429 ? { "retry-after": String(RETRY_AFTER_SECONDS) } : {}),
      // While draining, and after a body that was not read to its end, the connection is not used again.
      ...(state.draining() || status === 413 ? { connection: "close" } : {}),
    });
    response.end(request.method === "HEAD" ? undefined : body);
    const seconds = (clock() - started) / 1e3;
    if (counted) metrics.requestEnds(method, pathLabel(path, route, status), status, seconds);
    const api =
      route === undefined || route.model !== options.modelName ? undefined : API_METHODS[route.action];
    if (api !== undefined) metrics.apiCall(api[0], api[1], status < 400, seconds);
  };
}
