import { resolve } from "node:path";

import { startCore } from "../core/start-core.ts";
import type { ProgramIO } from "../program-io.ts";
import { programLogger } from "../program-logger.ts";
import { announceReady } from "../role/announce-ready.ts";
import { startIdleCollection } from "../role/idle-collection.ts";
import { Shutdown } from "../role/shutdown.ts";
import { openDataDirectory } from "../topology/data-directory.ts";
import { aborted } from "../topology/wait.ts";
import { UserError } from "../user-error.ts";

export interface CoreCommandOptions {
  dataDir: string;
  host: string;
  apiPort?: number;
  registryPort?: number;
  forgePort?: number;
  metricsPort?: number;
}

/** `ai-edge core`: runs the core until it is told to stop. */
export async function core(options: CoreCommandOptions, io: ProgramIO): Promise<void> {
  if (!/^(?:127\.|localhost$|::1$)/.test(options.host)) {
    throw new UserError(
      `--host ${options.host}: registry, forge and metrics have no TLS yet and listen on loopback only (docs/adr/0003); put a TLS proxy before them`,
    );
  }
  const logger = programLogger("core", io);
  const shutdown = new Shutdown(logger, io.signal);
  const directory = await openDataDirectory(resolve(io.cwd, options.dataDir), "core", "core");
  shutdown.add("data directory", () => directory.release());
  try {
    const running = await startCore({
      directory,
      host: options.host,
      ports: {
        api: options.apiPort,
        registry: options.registryPort,
        forge: options.forgePort,
        metrics: options.metricsPort,
      },
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
