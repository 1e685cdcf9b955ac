import { connect as netConnect, type Socket } from "node:net";

import type { Backend } from "./backends.ts";

/** Backends are on this machine: a connection that takes longer goes nowhere. */
const CONNECT_TIMEOUT_MS = 2_000;

/** No backend took the connection; nothing was sent to any. */
export class NoBackendError extends Error {
  override readonly name = "NoBackendError";
}

/**
 * Connects to the first backend that accepts. Nothing is sent before, so trying the next one is always safe.
 * @throws NoBackendError
 */
export async function connectToAny(backends: readonly Backend[]): Promise<Socket> {
  const reasons: string[] = [];
  for (const backend of backends) {
    try {
      return await connectTo(backend);
    } catch (error) {
      reasons.push(
        `${backend.address}:${backend.port}: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }
  throw new NoBackendError(reasons.length === 0 ? "no pod is ready" : reasons.join("; "));
}

async function connectTo({ address, port }: Backend): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = netConnect({
      host: address,
      port,
      allowHalfOpen: true,
      noDelay: true,
      timeout: CONNECT_TIMEOUT_MS,
    });
    const fail = (error: Error) => {
      socket.destroy();
      reject(error);
    };
    socket.once("error", fail);
    socket.once("timeout", () => fail(new Error(`no answer within ${CONNECT_TIMEOUT_MS} ms`)));
    socket.once("connect", () => {
      socket.off("error", fail);
      socket.removeAllListeners("timeout");
      socket.setTimeout(0);
      resolve(socket);
    });
  });
}
