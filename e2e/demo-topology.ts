import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { clientFromKubeconfig, loadKubeconfig, type Client } from "@ai-edge/client";

import { startProgram, temporaryDirectory, type RunningProgram } from "./program.ts";

interface EndpointsFile {
  core: { api: string; registry: string; forge: string; metrics: string };
  edges: { name: string; api: string; routes: { namespace: string; name: string; url: string }[] }[];
}

/** A demo that has run all its hops and stays up: the starting point of the failure tests. */
export interface DemoTopology {
  readonly dataDir: string;
  readonly program: RunningProgram;
  endpoints(): Promise<EndpointsFile>;
  client(name: string): Promise<Client>;
  /** The pid of "core" or an edge. */
  pid(name: string): Promise<number>;
  /** kill -9, and keeps the supervisor from starting the process again. */
  killAndHold(name: string): Promise<void>;
  /** Lets the supervisor start it again. */
  letStart(name: string): Promise<void>;
  stop(): Promise<void>;
}

/** Starts the demo and waits until its hops are done. */
export async function startDemoTopology(): Promise<DemoTopology> {
  const directory = await temporaryDirectory();
  const program = startProgram(["demo", "--data-dir", directory.path]);
  await program.says("Everything is up");
  const clients = new Map<string, Client>();
  const pid = async (name: string) =>
    Number((await readFile(join(directory.path, name, "pid"), "utf8")).split(" ")[0]);
  return {
    dataDir: directory.path,
    program,
    endpoints: async () =>
      JSON.parse(await readFile(join(directory.path, "endpoints.json"), "utf8")) as EndpointsFile,
    client: async (name) => {
      const existing = clients.get(name);
      if (existing !== undefined) return existing;
      const client = clientFromKubeconfig(await loadKubeconfig(join(directory.path, name, "kubeconfig")));
      clients.set(name, client);
      return client;
    },
    pid,
    killAndHold: async (name) => {
      await writeFile(join(directory.path, name, "stopped"), "held by a test\n");
      process.kill(await pid(name), "SIGKILL");
    },
    letStart: (name) => rm(join(directory.path, name, "stopped"), { force: true }),
    stop: async () => {
      for (const client of clients.values()) client.close();
      await program.stop();
      await directory.remove();
    },
  };
}
