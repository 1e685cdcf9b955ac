import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

import { clientFromKubeconfig, loadKubeconfig, type Client } from "@ai-edge/client";
import type { Logger } from "pino";

import { mintJoinToken } from "../core/join-token.ts";
import { HUB_CREDENTIALS, openDataDirectory, writeFileDurably } from "./data-directory.ts";
import { ENDPOINTS_FILE, type Endpoints, readEndpoints, resumeEndpoints } from "./endpoints.ts";
import { followRoutes } from "./route-directory.ts";
import { superviseProcess, type SupervisedProcess } from "./supervised-process.ts";

/** One core and N edges on this machine, each a process of its own. */
export interface Topology {
  readonly dataDir: string;
  readonly endpoints: () => Endpoints;
  readonly processes: () => { name: string; pid: number | undefined }[];
  /** A client with administrator rights for "core" or an edge. */
  client(name: string): Promise<Client>;
  /** Stops edges first: their pods finish what they serve. */
  stop(): Promise<void>;
}

export interface TopologyOptions {
  dataDir: string;
  edges: number;
  env: NodeJS.ProcessEnv;
  logger: Logger;
  /** Aborts when the user wants everything to end. */
  signal: AbortSignal;
  /** A line for the user: a process is up, a port was taken, a process died. */
  report: (line: string) => void;
}

/** The name of the Nth edge, from 1. */
export function edgeName(index: number): string {
  return `near-edge-${index}`;
}

/** Starts or resumes a local topology; resolves when the core answers and every edge has joined. */
export async function startTopology(options: TopologyOptions): Promise<Topology> {
  const dataDir = resolve(options.dataDir);
  const directory = await openDataDirectory(dataDir, "topology", "topology");
  await directory.save(directory.settings);
  const running = new RunningTopology(dataDir, options);
  try {
    await running.start();
  } catch (error) {
    await running.stop();
    await directory.release();
    throw error;
  }
  return {
    dataDir,
    endpoints: () => running.endpoints,
    processes: () => running.processes.map(({ name, pid }) => ({ name, pid })),
    client: (name) => running.client(name),
    stop: async () => {
      await running.stop();
      await directory.release();
    },
  };
}

class RunningTopology {
  readonly processes: SupervisedProcess[] = [];
  endpoints: Endpoints = resumeEndpoints(undefined, []);
  readonly #dataDir: string;
  readonly #options: TopologyOptions;
  readonly #stop = new AbortController();
  readonly #clients = new Map<string, Client>();
  #writing: Promise<void> = Promise.resolve();

  constructor(dataDir: string, options: TopologyOptions) {
    this.#dataDir = dataDir;
    this.#options = options;
  }

  async start(): Promise<void> {
    const names = Array.from({ length: this.#options.edges }, (_, index) => edgeName(index + 1));
    this.endpoints = resumeEndpoints(await readEndpoints(this.#dataDir).catch(() => undefined), names);
    // The edges come up while the core does; only their joining waits for it.
    const core = await this.#supervise("core", () => ["core"]);
    const edges = await Promise.all(names.map((name) => this.#superviseEdge(name)));
    await core.ready;
    await Promise.all(edges.map((edge) => this.#join(edge)));
    await this.#writing;
  }

  async client(name: string): Promise<Client> {
    const existing = this.#clients.get(name);
    if (existing !== undefined) return existing;
    const client = clientFromKubeconfig(await loadKubeconfig(join(this.#dataDir, name, "kubeconfig")));
    this.#clients.set(name, client);
    return client;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    const [core, ...edges] = this.processes;
    await Promise.all(edges.map((edge) => edge.stop()));
    await core?.stop();
    for (const client of this.#clients.values()) client.close();
    await this.#writing.catch(() => undefined);
  }

  async #superviseEdge(name: string): Promise<{ process: SupervisedProcess; joined: boolean }> {
    // Asked at every start: an edge that was killed after it had joined needs no token, and nobody would send one.
    const hasJoined = () => existsSync(join(this.#dataDir, name, HUB_CREDENTIALS));
    const joined = hasJoined();
    const process = await this.#supervise(name, () => [
      "edge",
      "--name",
      name,
      ...(hasJoined() ? [] : ["--join", "-"]),
    ]);
    return { process, joined };
  }

  async #supervise(name: string, args: () => string[]): Promise<SupervisedProcess> {
    const dataDir = join(this.#dataDir, name);
    const supervised = await superviseProcess(
      { name, dataDir, args: () => [...args(), "--data-dir", dataDir], env: this.#options.env },
      {
        onReady: (endpoints) => this.#readied(name, endpoints),
        signal: this.#options.signal,
        onExit: (description) => this.#options.report(`${description}; starting it again`),
      },
    );
    this.processes.push(supervised);
    return supervised;
  }

  async #join(edge: { process: SupervisedProcess; joined: boolean }): Promise<void> {
    const { name } = edge.process;
    if (!edge.joined) {
      const token = await mintJoinToken({ cluster: name, coreDataDir: join(this.#dataDir, "core") });
      edge.process.writeLine(token);
    }
    await edge.process.ready;
    followRoutes({
      client: await this.client(name),
      logger: this.#options.logger,
      signal: this.#stop.signal,
      onChange: (routes) => {
        const entry = this.endpoints.edges.find((candidate) => candidate.name === name);
        if (entry !== undefined) entry.routes = routes;
        this.#write();
      },
    });
  }

  #readied(name: string, addresses: Record<string, string>): void {
    if (name === "core") {
      const { api = "", registry = "", forge = "", metrics = "" } = addresses;
      this.endpoints.core = { api, registry, forge, metrics };
    } else {
      const entry = this.endpoints.edges.find((candidate) => candidate.name === name);
      if (entry !== undefined) entry.api = addresses["api"] ?? "";
    }
    this.#options.report(
      `${name} is up: ${Object.entries(addresses)
        .map(([what, url]) => `${what} ${url}`)
        .join(", ")}`,
    );
    this.#write();
  }

  #write(): void {
    const content = `${JSON.stringify(this.endpoints, null, 2)}\n`;
    this.#writing = this.#writing
      .catch(() => undefined)
      .then(() => writeFileDurably(join(this.#dataDir, ENDPOINTS_FILE), content, 0o644));
  }
}
