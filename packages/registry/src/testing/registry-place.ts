import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { pino } from "pino";
import { type RegistryOptions, type RegistryServer, startRegistry } from "../server.ts";

/** A directory with a registry in it. */
export class RegistryPlace {
  readonly directory: string;
  server: RegistryServer;

  private constructor(directory: string, server: RegistryServer) {
    this.directory = directory;
    this.server = server;
  }

  static async make(): Promise<RegistryPlace> {
    const directory = await mkdtemp(path.join(os.tmpdir(), "registry-"));
    return new RegistryPlace(directory, await startIn(directory));
  }

  /** The same data directory, with other options. */
  async restart(options: Partial<RegistryOptions> = {}): Promise<void> {
    await this.server.close();
    this.server = await startIn(this.directory, options);
  }

  async remove(): Promise<void> {
    await this.server.close();
    await rm(this.directory, { recursive: true, force: true });
  }
}

function startIn(directory: string, options: Partial<RegistryOptions> = {}): Promise<RegistryServer> {
  return startRegistry({
    dataDir: path.join(directory, "registry"),
    listen: { host: "127.0.0.1", port: 0 },
    logger: pino({ level: "silent" }),
    ...options,
  });
}
