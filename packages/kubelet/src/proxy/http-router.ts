import { createServer, type IncomingMessage, request as httpRequest, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

import { type Backend, RoundRobin } from "./backends.ts";
import { connectToAny, NoBackendError } from "./connect.ts";
import { listenOn } from "./tcp-forwarder.ts";

/** Headers that belong to one connection, not to the message (RFC 9110 section 7.6.1). */
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
/** As OpenShift's router: a backend that says nothing for this long has lost the request. */
const RESPONSE_TIMEOUT_MS = 30_000;

/** An HTTP reverse proxy of one Route. */
export interface HttpRouter {
  close(): Promise<void>;
}

/**
 * Routes each request on a connection of its own to a ready backend. Clients may keep their connection while pods come
 * and go: the backend is chosen per request, and connected before a byte is sent, so a rollout loses no request.
 * @param backends asked anew for every request
 */
export async function startHttpRouter(
  listen: { host: string; port: number },
  backends: () => Backend[],
): Promise<HttpRouter> {
  const turns = new RoundRobin();
  const server = createServer((request, response) => void route(request, response, turns.order(backends())));
  server.on(
    "upgrade",
    (request, socket: Duplex, head) => void upgrade(request, socket, head, turns.order(backends())),
  );
  // Large tensors over a slow line are one long request.
  server.requestTimeout = 0;
  await listenOn(server, listen);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function route(
  request: IncomingMessage,
  response: ServerResponse,
  backends: readonly Backend[],
): Promise<void> {
  try {
    const socket = await connectToAny(backends);
    const upstream = httpRequest({
      createConnection: () => socket,
      method: request.method,
      path: request.url,
      headers: { ...withoutHopByHop(request), connection: "close" },
      timeout: RESPONSE_TIMEOUT_MS,
    });
    upstream.on("timeout", () =>
      upstream.destroy(new Error(`the pod gave no answer within ${RESPONSE_TIMEOUT_MS / 1000} s`)),
    );
    upstream.on("error", (error) => answer(response, 502, `the pod's connection failed: ${error.message}`));
    upstream.on("response", (reply) => {
      response.writeHead(reply.statusCode ?? 502, withoutHopByHop(reply));
      reply.pipe(response);
      reply.on("error", () => response.destroy());
    });
    response.on("close", () => upstream.destroy());
    request.pipe(upstream);
  } catch (error) {
    if (!(error instanceof NoBackendError)) throw error;
    answer(response, 503, error.message);
  }
}

/** WebSockets and other upgrades: the handshake goes through as it came, then bytes both ways. */
async function upgrade(
  request: IncomingMessage,
  client: Duplex,
  head: Buffer,
  backends: readonly Backend[],
): Promise<void> {
  client.on("error", () => client.destroy());
  try {
    const backend = await connectToAny(backends);
    const lines = [`${request.method} ${request.url} HTTP/1.1`];
    for (let index = 0; index < request.rawHeaders.length; index += 2) {
      lines.push(`${request.rawHeaders[index]}: ${request.rawHeaders[index + 1]}`);
    }
    backend.on("error", () => client.destroy());
    backend.once("close", () => client.destroy());
    client.once("close", () => backend.destroy());
    backend.write(`${lines.join("\r\n")}\r\n\r\n`);
    backend.write(head);
    client.pipe(backend);
    backend.pipe(client);
  } catch {
    client.end("HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\n\r\n");
  }
}

function answer(response: ServerResponse, status: number, message: string): void {
  if (response.headersSent) {
    // The client must not take a cut answer for a whole one.
    response.destroy();
    return;
  }
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8" }).end(`${message}\n`);
}

function withoutHopByHop(message: IncomingMessage): Record<string, string | string[]> {
  const named = new Set(
    (message.headers.connection ?? "")
      .toLowerCase()
      .split(",")
      .map((name) => name.trim()),
  );
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(message.headers)) {
    if (value !== undefined && !HOP_BY_HOP.has(name) && !named.has(name)) headers[name] = value;
  }
  return headers;
}
