import { resolve } from "node:path";
import { createInterface } from "node:readline";

import type { ProgramIO } from "../program-io.ts";
import { programLogger } from "../program-logger.ts";
import { startEdge } from "../edge/start-edge.ts";
import { Shutdown } from "../role/shutdown.ts";
import { announceReady } from "../role/announce-ready.ts";
import { openDataDirectory } from "../topology/data-directory.ts";
import { aborted } from "../topology/wait.ts";
import { UsageError } from "../user-error.ts";

export interface EdgeCommandOptions {
  dataDir: string;
  name?: string;
  join?: string;
  host: string;
  apiPort?: number;
}

/** `ai-edge edge`: runs one near edge until it is told to stop. */
export async function edge(options: EdgeCommandOptions, io: ProgramIO): Promise<void> {
  const logger = programLogger("edge", io);
  const shutdown = new Shutdown(logger);
  const joinToken = options.join === "-" ? readLine(io.stdin) : Promise.resolve(options.join);
  // The name of a new edge comes with its token; that of an old one stands in its data directory.
  const name = options.name ?? (await nameFromToken(await joinToken));
  const directory = await openDataDirectory(resolve(io.cwd, options.dataDir), "edge", name ?? "near-edge");
  shutdown.add("data directory", () => directory.release());
  try {
    const running = await startEdge({
      name: name ?? directory.settings.name,
      directory,
      joinToken,
      host: options.host,
      apiPort: options.apiPort,
      env: io.env,
      logger,
      now: () => new Date(),
      signal: io.signal,
      shutdown,
    });
    announceReady(running.endpoints, io);
    await aborted(io.signal);
  } finally {
    await shutdown.run();
  }
}

async function nameFromToken(token: string | undefined): Promise<string | undefined> {
  if (token === undefined) return undefined;
  const { JoinTokenError, parseJoinToken } = await import("@ai-edge/ocm");
  try {
    return parseJoinToken(token).cluster;
  } catch (error) {
    if (error instanceof JoinTokenError) throw new UsageError(error.message);
    throw error;
  }
}

/** The first line of standard input. */
async function readLine(stdin: NodeJS.ReadableStream): Promise<string> {
  const lines = createInterface({ input: stdin });
  for await (const line of lines) {
    lines.close();
    return line.trim();
  }
  throw new UsageError(
    "--join - expects a join token on standard input: ai-edge token create CLUSTER | ai-edge edge --join - …",
  );
}
