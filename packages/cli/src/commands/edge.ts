import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

import type { ProgramIO } from "../program-io.ts";
import { programLogger } from "../program-logger.ts";
import { startEdge } from "../edge/start-edge.ts";
import { Shutdown } from "../role/shutdown.ts";
import { announceReady } from "../role/announce-ready.ts";
import { startIdleCollection } from "../role/idle-collection.ts";
import { HUB_CREDENTIALS, openDataDirectory } from "../topology/data-directory.ts";
import { aborted } from "../topology/wait.ts";
import { UsageError, UserError } from "../user-error.ts";

export interface EdgeCommandOptions {
  dataDir: string;
  name?: string;
  join?: string;
  host: string;
  apiPort?: number;
}

/** `ai-edge edge`: runs one near edge until it is told to stop. */
export async function edge(options: EdgeCommandOptions, io: ProgramIO): Promise<void> {
  const dataDir = resolve(io.cwd, options.dataDir);
  if (options.join === undefined && !existsSync(join(dataDir, HUB_CREDENTIALS)))
    throw new UsageError(
      `${dataDir} has not joined a core yet: give --join TOKEN (made at the core: ai-edge token create CLUSTER)`,
    );
  // Seen before anything is started; a token from standard input may come later.
  if (options.join !== "-") await nameFromToken(options.join);
  const logger = programLogger("edge", io);
  const shutdown = new Shutdown(logger, io.signal);
  const joinToken = options.join === "-" ? readLine(io) : Promise.resolve(options.join);
  // The name of a new edge comes with its token; that of an old one stands in its data directory.
  const name = options.name ?? (await nameFromToken(await joinToken));
  const directory = await openDataDirectory(dataDir, "edge", name ?? "near-edge");
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
      signal: shutdown.signal,
      shutdown,
    });
    announceReady(running.endpoints, io);
    startIdleCollection(io.signal);
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
async function readLine({ stdin, signal }: ProgramIO): Promise<string> {
  const lines = createInterface({ input: stdin, signal });
  for await (const line of lines) {
    lines.close();
    return line.trim();
  }
  if (signal.aborted) throw new UserError("stopped before a join token came");
  throw new UsageError(
    "--join - expects a join token on standard input: ai-edge token create CLUSTER | ai-edge edge --join - …",
  );
}
