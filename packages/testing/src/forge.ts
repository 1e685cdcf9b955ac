import { type ForgeOptions, type RunningForge, startForge } from "@ai-edge/forge";
import { pino } from "pino";
import { temporaryDirectory } from "./temporary-directory.ts";

/** Starts a Git forge on a free loopback port over a fresh directory, which `close` removes. */
export async function startTestForge(
  options: Partial<Omit<ForgeOptions, "dataDir">> = {},
): Promise<RunningForge & { dataDir: string }> {
  const directory = await temporaryDirectory("ai-edge-forge-");
  const forge = await startForge({
    listen: { host: "127.0.0.1", port: 0 },
    logger: pino({ level: "silent" }),
    now: () => new Date(),
    ...options,
    dataDir: directory.path,
  });
  return {
    ...forge,
    dataDir: directory.path,
    close: async () => {
      await forge.close();
      await directory.remove();
    },
  };
}
