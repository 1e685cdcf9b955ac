import { jsonLines } from "./log.ts";
import { ModelLoadError } from "./model.ts";
import { readModelSettings } from "./model-settings.ts";
import { startModelServer } from "./server.ts";
import { readSettings, USAGE, UsageError } from "./settings.ts";

export interface ProgramOptions {
  /** Arguments without the program's name. */
  args: readonly string[];
  env: Readonly<Record<string, string | undefined>>;
  /** Aborting drains the server and ends the program. */
  signal: AbortSignal;
  /** Gets the usage that was asked for, and the log: JSON lines without payloads. Default: the process's. */
  stdout?: { write(text: string): unknown };
  stderr: { write(text: string): unknown };
}

/**
 * The model server as a program: starts, serves until the signal, drains.
 *
 * @returns the exit code: 0 after a drain, 1 when the model or a port cannot be had, 2 for wrong usage
 */
export async function runModelServer(options: ProgramOptions): Promise<number> {
  const logger = jsonLines(options.stdout ?? process.stdout, Date.now);
  try {
    const settings = readSettings(options.args, options.env);
    if (settings === undefined) {
      (options.stdout ?? process.stdout).write(USAGE);
      return 0;
    }
    const { nameIsGuess = false, ...rest } = settings;
    const own = nameIsGuess ? (await readModelSettings(settings.modelDir)).name : undefined;
    const server = await startModelServer({ ...rest, modelName: own ?? settings.modelName, logger });
    if (!options.signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      options.signal.addEventListener("abort", () => resolve(), { once: true });
      await promise;
    }
    logger.info({}, "shutting down: not ready from now on, running requests end");
    await server.drain();
    return 0;
  } catch (error) {
    const known = error instanceof ModelLoadError || error instanceof UsageError || error instanceof Error;
    options.stderr.write(`model-server: ${known ? error.message : String(error)}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}
