import { resolve } from "node:path";

import { startApiServer } from "@ai-edge/apiserver";

import { programLogger } from "../program-logger.ts";
import type { ProgramIO } from "../program-io.ts";
import { writeFileDurably } from "../topology/data-directory.ts";
import { formatListenAddress, parseListenAddress } from "../topology/listen-address.ts";
import { aborted } from "../topology/wait.ts";
import { explainSystemError } from "../user-error.ts";

/** `ai-edge apiserver`: the embedded API server alone, without any controller. */
export async function apiserver(
  options: { dataDir: string; listen: string; writeKubeconfig?: string },
  io: ProgramIO,
): Promise<void> {
  const listen = parseListenAddress(options.listen);
  const dataDir = resolve(io.cwd, options.dataDir);
  const server = await startApiServer({ dataDir, listen, logger: programLogger("apiserver", io) }).catch(
    (error: unknown) => {
      throw explainSystemError(error, { path: dataDir, address: formatListenAddress(listen) }) ?? error;
    },
  );
  // Last: whoever waits for the file may use it at once.
  if (options.writeKubeconfig !== undefined)
    await writeFileDurably(resolve(io.cwd, options.writeKubeconfig), server.kubeconfig);
  io.stderr.write(`API server at ${server.url}\n`);
  await aborted(io.signal);
  await server.close();
}
