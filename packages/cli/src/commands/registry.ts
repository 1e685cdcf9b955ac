import { resolve } from "node:path";

import { startRegistry } from "@ai-edge/registry";

import { programLogger } from "../program-logger.ts";
import type { ProgramIO } from "../program-io.ts";
import { listenAtUsualPort, listenChoice } from "../topology/listen-address.ts";
import { makeDirectory } from "../topology/make-directory.ts";
import { aborted } from "../topology/wait.ts";
import { explainSystemError } from "../user-error.ts";

/** Taken unless `--listen` names another, or it is not free. */
const USUAL_PORT = 5_000;

/** `ai-edge registry`: the OCI registry alone; everybody who reaches the address may pull and push. */
export async function registry(options: { dataDir: string; listen?: string }, io: ProgramIO): Promise<void> {
  const choice = listenChoice(options.listen, USUAL_PORT);
  const dataDir = resolve(io.cwd, options.dataDir);
  await makeDirectory(dataDir);
  const running = await listenAtUsualPort(choice, (listen) =>
    startRegistry({ dataDir, listen, logger: programLogger("registry", io) }),
  ).catch((error: unknown) => {
    throw explainSystemError(error, { path: dataDir, address: options.listen ?? "its address" }) ?? error;
  });
  io.stderr.write(`registry at ${running.url}\n`);
  await aborted(io.signal);
  await running.close();
}
