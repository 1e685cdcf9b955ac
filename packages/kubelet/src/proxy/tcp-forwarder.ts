import { createServer, type Server, type Socket } from "node:net";

import { type Backend, RoundRobin } from "./backends.ts";
import { connectToAny } from "./connect.ts";

/** Connections held by one Service port; beyond it new ones are refused rather than memory used up. */
const MAX_CONNECTIONS = 4_096;

/** Forwards TCP connections from one address to whatever backends there are when a connection comes. */
export interface TcpForwarder {
  close(): Promise<void>;
}

/**
 * Listens on a Service's address and port.
 * @param backends asked anew for every connection
 * @throws the listen error (EADDRINUSE, EADDRNOTAVAIL)
 */
export async function startTcpForwarder(
  listen: { host: string; port: number },
  backends: () => Backend[],
): Promise<TcpForwarder> {
  const turns = new RoundRobin();
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (client) => {
    open.add(client);
    client.once("close", () => open.delete(client));
    client.on("error", () => client.destroy());
    void forward(client, turns.order(backends()));
  });
  server.maxConnections = MAX_CONNECTIONS;
  await listenOn(server, listen);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}

async function forward(client: Socket, backends: readonly Backend[]): Promise<void> {
  try {
    const backend = await connectToAny(backends);
    if (client.destroyed) {
      backend.destroy();
      return;
    }
    backend.on("error", () => client.destroy());
    backend.once("close", () => client.destroy());
    client.once("close", () => backend.destroy());
    client.pipe(backend);
    backend.pipe(client);
    client.resume();
  } catch {
    // What a closed port looks like to a TCP client; there is no protocol here to say more in.
    client.resetAndDestroy();
  }
}

/** Listens, or rejects with the reason. */
export async function listenOn(
  server: Server,
  { host, port }: { host: string; port: number },
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}
