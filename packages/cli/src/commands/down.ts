import { existsSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";

import type { ProgramIO } from "../program-io.ts";
import { runningProcess } from "../topology/data-directory.ts";
import { STOPPED_MARKER } from "../topology/supervised-process.ts";
import { until } from "../topology/wait.ts";
import { UsageError, UserError } from "../user-error.ts";

/** The supervisor gives every process 40 s to end and then kills it; edges first, then the core. */
const STOP_TIMEOUT_MS = 90_000;

/** `ai-edge down`: stops a topology, or single processes of it, which then stay stopped until `up` or the marker goes. */
export async function down(
  names: readonly string[],
  options: { dataDir: string },
  io: ProgramIO,
): Promise<void> {
  const dataDir = resolve(io.cwd, options.dataDir);
  if (names.length === 0) {
    await stopProcess(dataDir, "the topology", io);
    return;
  }
  for (const name of names) {
    const directory = join(dataDir, name);
    if (name.includes("/") || !existsSync(directory))
      throw new UsageError(`${dataDir} has no process "${name}"`);
    // Written first: the supervisor must not start it again in between.
    await writeFile(
      join(directory, STOPPED_MARKER),
      "stopped by `ai-edge down`; remove this file to start it again\n",
    );
    await stopProcess(directory, name, io).catch(async (error: unknown) => {
      await rm(join(directory, STOPPED_MARKER), { force: true });
      throw error;
    });
  }
}

async function stopProcess(directory: string, name: string, io: ProgramIO): Promise<void> {
  const pid = await runningProcess(directory);
  if (pid === undefined) {
    io.stderr.write(`${name} is not running (${directory})\n`);
    return;
  }
  process.kill(pid, "SIGTERM");
  const stopped = await until(
    async () => (await runningProcess(directory)) === undefined,
    STOP_TIMEOUT_MS,
    io.signal,
  );
  if (!stopped)
    throw new UserError(`${name} (process ${pid}) did not stop within ${STOP_TIMEOUT_MS / 1000} s`);
  io.stderr.write(`${name} is stopped\n`);
}
