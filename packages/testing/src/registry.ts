import { type RegistryOptions, type RegistryServer, startRegistry } from "@ai-edge/registry";
import { pino } from "pino";
import { temporaryDirectory } from "./temporary-directory.ts";

/** Starts an OCI registry on a free loopback port over a fresh directory, which `close` removes. */
export async function startTestRegistry(
  options: Partial<Omit<RegistryOptions, "dataDir">> = {},
): Promise<RegistryServer & { dataDir: string }> {
  const directory = await temporaryDirectory("ai-edge-registry-");
  const registry = await startRegistry({
    listen: { host: "127.0.0.1", port: 0 },
    logger: pino({ level: "silent" }),
    ...options,
    dataDir: directory.path,
  });
  return {
    ...registry,
    dataDir: directory.path,
    close: async () => {
      await registry.close();
      await directory.remove();
    },
  };
}
