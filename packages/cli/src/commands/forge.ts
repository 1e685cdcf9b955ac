import { timingSafeEqual } from "node:crypto";
import { resolve } from "node:path";

import { startForge, type Authenticate } from "@ai-edge/forge";

import { programLogger } from "../program-logger.ts";
import type { ProgramIO } from "../program-io.ts";
import { listenAtUsualPort, listenChoice } from "../topology/listen-address.ts";
import { makeDirectory } from "../topology/make-directory.ts";
import { aborted } from "../topology/wait.ts";
import { explainSystemError } from "../user-error.ts";

/** Set to require this token (as password, or as `Authorization: Bearer`) of everybody. */
const TOKEN_VARIABLE = "AI_EDGE_FORGE_TOKEN";

/** Taken unless `--listen` names another, or it is not free. */
const USUAL_PORT = 3_000;

/** `ai-edge forge`: the Git server alone. Without AI_EDGE_FORGE_TOKEN everybody who reaches the address may push. */
export async function forge(options: { dataDir: string; listen?: string }, io: ProgramIO): Promise<void> {
  const choice = listenChoice(options.listen, USUAL_PORT);
  const token = io.env[TOKEN_VARIABLE];
  const logger = programLogger("forge", io);
  const dataDir = resolve(io.cwd, options.dataDir);
  await makeDirectory(dataDir);
  const running = await listenAtUsualPort(choice, (listen) =>
    startForge({
      dataDir,
      listen,
      logger,
      now: () => new Date(),
      authenticate: token === undefined ? undefined : tokenHolder(token),
    }),
  ).catch((error: unknown) => {
    throw explainSystemError(error, { path: dataDir, address: options.listen ?? "its address" }) ?? error;
  });
  io.stderr.write(
    `forge at ${running.url}${token === undefined ? ` (open to everybody there; set ${TOKEN_VARIABLE} to require a token)` : ""}\n`,
  );
  await aborted(io.signal);
  await running.close();
}

function tokenHolder(token: string): Authenticate {
  const expected = Buffer.from(token);
  return async (credentials) => {
    const given = Buffer.from(credentials.scheme === "basic" ? credentials.password : credentials.token);
    const equal = given.length === expected.length && timingSafeEqual(given, expected);
    const name = credentials.scheme === "basic" ? credentials.username : "";
    return equal ? { login: name === "" ? "ai-edge" : name } : undefined;
  };
}
