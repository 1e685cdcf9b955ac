import { createServer, type Server } from "node:net";

/** Blocks 127.16.0.0/16 … 127.249.0.0/16: clear of 127.0.0.1, of systemd-resolved (127.0.0.53) and of Debian's 127.0.1.1. */
const FIRST_BLOCK = 16;
const BLOCKS = 234;
/** A port that nothing else uses on the guard address; whoever listens there owns the block on this machine. */
const GUARD_PORT = 47_127;

/** A /16 block of loopback addresses that only this process uses, for pods, Services and Routes. */
export interface LoopbackNetwork {
  /** `127.N.0.0/16` */
  cidr: string;
  /** `127.N.0.0/17` */
  podCIDR: string;
  /** `127.N.128.0/18` */
  serviceCIDR: string;
  /** `127.N.192.0/18` */
  routeCIDR: string;
  release(): Promise<void>;
}

/**
 * Claims a free block, the remembered one first: pods and Routes keep their addresses over restarts.
 * @throws Error when all blocks of the machine are taken
 */
export async function claimLoopbackNetwork(options: { preferred: number }): Promise<LoopbackNetwork> {
  for (let attempt = 0; attempt < BLOCKS; attempt += 1) {
    const block = FIRST_BLOCK + ((options.preferred + attempt) % BLOCKS);
    const guard = await listenOnGuard(`127.${block}.255.254`);
    if (guard !== undefined) return networkOf(block, guard);
  }
  throw new Error(`all ${BLOCKS} loopback blocks of this machine are in use by other ai-edge processes`);
}

/** The block number of a network, to remember it. */
export function blockNumberOf(network: LoopbackNetwork): number {
  return Number(network.cidr.split(".")[1]) - FIRST_BLOCK;
}

function networkOf(block: number, guard: Server): LoopbackNetwork {
  return {
    cidr: `127.${block}.0.0/16`,
    podCIDR: `127.${block}.0.0/17`,
    serviceCIDR: `127.${block}.128.0/18`,
    routeCIDR: `127.${block}.192.0/18`,
    release: () => new Promise((resolve) => guard.close(() => resolve())),
  };
}

async function listenOnGuard(host: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const guard = createServer((socket) => socket.destroy());
    guard.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(undefined);
      else
        reject(
          new Error(`cannot use loopback addresses in 127/8 on this machine: ${error.message}`, {
            cause: error,
          }),
        );
    });
    guard.listen({ host, port: GUARD_PORT, exclusive: true }, () => {
      guard.unref();
      resolve(guard);
    });
  });
}
