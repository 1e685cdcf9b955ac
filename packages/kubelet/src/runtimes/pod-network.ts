import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

import type { Logger } from "pino";

/** Linux tells nobody when a socket starts to listen, so the container's table of sockets is read this often. */
const PORT_POLL_MS = 200;
/** Ports that one pod may publish at its address. */
const MAX_PORTS = 64;

/**
 * Runs inside the pod's network namespace: takes connections on a Unix socket, reads a line with a port, connects to it
 * at the pod's address there, answers "+" and passes bytes. A program text, because it must run as a process of its own
 * wherever this package is bundled; it ends with the agent, whose end closes its stdin.
 */
const RELAY = `
const net = require("node:net");
const [socketPath, podIP] = process.argv.slice(1);
net.createServer({ allowHalfOpen: true }, (client) => {
  client.on("error", () => client.destroy());
  client.once("data", (line) => {
    client.pause();
    const target = net.connect({ host: podIP, port: Number(line.toString()), allowHalfOpen: true }, () => {
      client.write("+");
      client.pipe(target);
      target.pipe(client);
    });
    target.on("error", () => client.destroy());
    target.on("close", () => client.destroy());
    client.on("close", () => target.destroy());
  });
}).listen(socketPath, () => process.stdout.write("ready"));
process.stdin.resume().on("end", () => process.exit(0));
`;

export interface PodNetworkOptions {
  /** A process in the namespace. */
  pid: number;
  podIP: string;
  /** Where the relay listens. */
  socketPath: string;
  nodePath: string;
  logger: Logger;
}

/** Makes what listens inside a pod's network namespace reachable at the pod's address outside of it. */
export class PodNetwork {
  readonly #options: PodNetworkOptions;
  readonly #relay: ChildProcess;
  readonly #servers = new Map<number, Server>();
  readonly #sockets = new Set<Socket>();
  readonly #stop = new AbortController();
  readonly #polling: Promise<void>;

  private constructor(options: PodNetworkOptions, relay: ChildProcess) {
    this.#options = options;
    this.#relay = relay;
    this.#polling = this.#poll();
  }

  /** Resolves when connections can pass. */
  static async open(options: PodNetworkOptions): Promise<PodNetwork> {
    const { pid, podIP, socketPath, nodePath } = options;
    await rm(socketPath, { force: true });
    const relay = spawn(
      "nsenter",
      [`--net=/proc/${pid}/ns/net`, nodePath, "--max-old-space-size=32", "-e", RELAY, socketPath, podIP],
      {
        stdio: ["pipe", "pipe", "ignore"],
        env: {},
      },
    );
    const failed = once(relay, "close").then(() => {
      throw new Error("the relay into the pod's network could not be started (is nsenter installed?)");
    });
    failed.catch(() => undefined);
    relay.on("error", () => undefined);
    await Promise.race([once(relay.stdout, "data"), failed]);
    return new PodNetwork(options, relay);
  }

  /** For containers that join: kept alive by the relay. */
  get namespacePath(): string {
    return `/proc/${this.#relay.pid}/ns/net`;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#polling;
    for (const server of this.#servers.values()) server.close();
    for (const socket of this.#sockets) socket.destroy();
    this.#relay.kill("SIGKILL");
    await rm(this.#options.socketPath, { force: true });
  }

  async #poll(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.#follow(await listeningPorts(this.#relay.pid ?? 0));
      await delay(PORT_POLL_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  async #follow(ports: ReadonlySet<number>): Promise<void> {
    for (const [port, server] of this.#servers) {
      if (ports.has(port)) continue;
      server.close();
      this.#servers.delete(port);
    }
    for (const port of ports) {
      if (this.#servers.has(port) || this.#servers.size >= MAX_PORTS) continue;
      const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) =>
        this.#forward(client, port),
      );
      this.#servers.set(port, server);
      server.on("error", (error) => {
        this.#options.logger.warn(
          { err: error, address: `${this.#options.podIP}:${port}` },
          "a pod's port cannot be published",
        );
      });
      server.listen(port, this.#options.podIP);
    }
  }

  #forward(client: Socket, port: number): void {
    const relay = connect({ path: this.#options.socketPath, allowHalfOpen: true });
    for (const socket of [client, relay]) {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    }
    client.on("error", () => relay.destroy());
    relay.on("error", () => client.resetAndDestroy());
    relay.once("close", () => client.destroy());
    client.once("close", () => relay.destroy());
    relay.write(`${port}\n`);
    relay.once("data", (answer) => {
      // Whatever follows the "+" is the container speaking first.
      if (answer.length > 1) client.write(answer.subarray(1));
      relay.pipe(client);
      client.pipe(relay);
      client.resume();
    });
  }
}

/** TCP ports on which something listens in the network namespace of a process (proc(5), /proc/net/tcp). */
async function listeningPorts(pid: number): Promise<Set<number>> {
  const tables = await Promise.all(
    ["tcp", "tcp6"].map((name) => readFile(`/proc/${pid}/net/${name}`, "utf8").catch(() => "")),
  );
  return new Set(tables.flatMap(parseListening));
}

/** The listening ports of a socket table: state 0A, port in hexadecimal behind the local address. */
export function parseListening(table: string): number[] {
  return [...table.matchAll(/^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} 0A /gm)].map((match) =>
    Number.parseInt(match[1] ?? "0", 16),
  );
}
