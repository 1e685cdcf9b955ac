import type { IncomingMessage, ServerResponse } from "node:http";
import type { Logger } from "pino";
import type { MetricsStore } from "../store/store.ts";
import { ApiError, sendError, sendJson } from "./answer.ts";
import { instantQuery, labelNames, labelValues, rangeQuery, seriesList, type QueryContext } from "./query.ts";
import { readParameters } from "./request.ts";
import { receiveWrite } from "./write.ts";

/** Who asks, and what of the metrics is theirs. */
export interface MetricsIdentity {
  /** May query. */
  reads: boolean;
  /** May write: series of one cluster (whose label is then enforced), of any, or nothing. */
  writes: { cluster: string } | "any" | "nothing";
}

export interface MetricsHandlerOptions {
  /** @returns undefined for a caller that is not known */
  authenticate(request: IncomingMessage): Promise<MetricsIdentity | undefined>;
  logger: Logger;
  now: () => Date;
}

const QUERIES: Readonly<Record<string, (context: QueryContext) => unknown>> = {
  "/api/v1/query": instantQuery,
  "/api/v1/query_range": rangeQuery,
  "/api/v1/series": seriesList,
  "/api/v1/labels": labelNames,
  // Grafana asks both before its first query.
  "/api/v1/status/buildinfo": () => ({
    application: "ai-edge",
    version: "2.0.0",
    revision: "",
    features: {},
  }),
  "/api/v1/metadata": () => ({}),
};
/** Label names are ASCII words, so nothing in the path needs decoding. */
const LABEL_VALUES = /^\/api\/v1\/label\/([a-zA-Z_][a-zA-Z0-9_]*)\/values$/;

function requireIdentity(identity: MetricsIdentity | undefined): MetricsIdentity {
  if (identity === undefined) throw new ApiError("unauthorized", "credentials are missing or not valid");
  return identity;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  store: MetricsStore,
  options: MetricsHandlerOptions,
): Promise<void> {
  const url = URL.parse(request.url ?? "/", "http://core");
  if (url === null) throw new ApiError("bad_data", "the path cannot be read");
  const now = options.now().getTime();
  const label = LABEL_VALUES.exec(url.pathname)?.[1];
  const query = label === undefined ? QUERIES[url.pathname] : undefined;
  const isWrite = url.pathname === "/api/v1/write";
  if (!isWrite && query === undefined && label === undefined) throw new ApiError("not_found", "no such path");
  const { reads, writes } = requireIdentity(await options.authenticate(request));
  if (isWrite) {
    if (request.method !== "POST") throw new ApiError("bad_data", "write needs POST", 405);
    if (writes === "nothing") throw new ApiError("unauthorized", "not allowed to write metrics", 403);
    await receiveWrite(request, store, writes === "any" ? undefined : writes.cluster, now);
    response.writeHead(204).end();
    return;
  }
  if (!reads) throw new ApiError("unauthorized", "not allowed to read metrics", 403);
  if (request.method !== "GET" && request.method !== "POST")
    throw new ApiError("bad_data", "use GET or POST", 405);
  const context: QueryContext = { store, parameters: await readParameters(request, url), now };
  const data = label === undefined ? query?.(context) : labelValues(context, label);
  sendJson(response, 200, { status: "success", data });
}

/**
 * The request listener of the core's metrics: remote write (`POST /api/v1/write`) and Prometheus' query API
 * (`/api/v1/query`, `query_range`, `series`, `labels`, `label/{name}/values`). Never rejects.
 */
export function createMetricsHandler(
  store: MetricsStore,
  options: MetricsHandlerOptions,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  return async (request, response) => {
    try {
      await answer(request, response, store, options);
    } catch (error) {
      if (response.headersSent || response.destroyed) return;
      if (error instanceof ApiError) {
        if (error.errorType === "too_large") response.setHeader("connection", "close");
        sendError(response, error);
        return;
      }
      options.logger.error({ err: error, path: request.url?.split("?")[0] }, "metrics request failed");
      sendError(response, new ApiError("internal", "metrics request failed; see the core's log"));
    }
  };
}
