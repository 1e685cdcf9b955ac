import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { KeyPair } from "../certificates/authority.ts";

/** Clients that open a connection and send nothing do not keep it (slow loris). */
const HEADERS_TIMEOUT_MS = 20_000;
const KEEP_ALIVE_TIMEOUT_MS = 120_000;

/**
 * Starts an HTTPS server that asks for client certificates but does not insist.
 * @throws Error in one line when the address cannot be used
 */
export async function listen(
  options: { host: string; port: number; serving: KeyPair; caCertificate: string },
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Server> {
  const { host, port, serving, caCertificate } = options;
  const server = createServer(
    {
      cert: serving.certificate,
      key: serving.key,
      ca: caCertificate,
      requestCert: true,
      rejectUnauthorized: false,
      minVersion: "TLSv1.2",
      noDelay: true,
    },
    handle,
  );
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.keepAliveTimeout = KEEP_ALIVE_TIMEOUT_MS;
  // Watches and log streams have no end of their own; bodies are bounded in size instead.
  server.requestTimeout = 0;
  server.on("clientError", (_error, socket) => {
    if (socket.writable) socket.end(`HTTP/1.1 400 ${STATUS_CODES[400]}\r\nConnection: close\r\n\r\n`);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(describeListenError(error, host, port)));
    server.listen(port, host, () => resolve());
  });
  return server;
}

/** The port that the system chose or we asked for. */
export function portOf(server: Server): number {
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no TCP address");
  return address.port;
}

function describeListenError(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const where = `${host}:${port}`;
  if (error.code === "EADDRINUSE") {
    return new Error(
      `cannot listen on ${where}: the port is taken; stop its owner, or choose another port (0 takes any free one)`,
      { cause: error },
    );
  }
  return new Error(`cannot listen on ${where}: ${error.message}`, { cause: error });
}
