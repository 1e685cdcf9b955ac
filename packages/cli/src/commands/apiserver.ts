import { resolve } from "node:path";

import { startApiServer } from "@ai-edge/apiserver";

import { programLogger } from "../program-logger.ts";
import type { ProgramIO } from "../program-io.ts";
import { writeFileDurably } from "../topology/data-directory.ts";
import { listenAtUsualPort, listenChoice } from "../topology/listen-address.ts";
import { makeDirectory } from "../topology/make-directory.ts";
import { aborted } from "../topology/wait.ts";
import { explainSystemError } from "../user-error.ts";

/** Taken unless `--listen` names another, or it is not free. */
const USUAL_PORT = 6_443;

/** A part of kube-apiserver's default range: Services get addresses, which nobody serves here. */
const SERVICE_CIDR = "10.96.0.0/16";

/** `ai-edge apiserver`: the embedded API server alone, without any controller. */
export async function apiserver(
  options: { dataDir: string; listen?: string; writeKubeconfig?: string },
  io: ProgramIO,
): Promise<void> {
  const choice = listenChoice(options.listen, USUAL_PORT);
  const dataDir = resolve(io.cwd, options.dataDir);
  await makeDirectory(dataDir);
  const server = await listenAtUsualPort(choice, (listen) =>
    startApiServer({ dataDir, listen, serviceCIDR: SERVICE_CIDR, logger: programLogger("apiserver", io) }),
  ).catch((error: unknown) => {
    throw explainSystemError(error, { path: dataDir, address: options.listen ?? "its address" }) ?? error;
  });
  // Last: whoever waits for the file may use it at once.
  if (options.writeKubeconfig !== undefined)
    await writeFileDurably(resolve(io.cwd, options.writeKubeconfig), server.kubeconfig);
  io.stderr.write(`API server at ${server.url}\n`);
  await aborted(io.signal);
  await server.close();
}
