import { execFile } from "node:child_process";
import { promisify } from "node:util";

import type { ContentCredentials } from "../core/content-credentials.ts";

/** A clone or push of the demo's small repositories takes well under a second. */
const TIMEOUT_MS = 60_000;

/** Runs git with credentials for the forge; they travel in the environment, never in arguments or in a file. */
export async function runGit(
  args: readonly string[],
  options: { cwd: string; credentials: ContentCredentials; env: NodeJS.ProcessEnv; signal: AbortSignal },
): Promise<string> {
  const { username, token } = options.credentials;
  const { stdout } = await promisify(execFile)("git", [...args], {
    cwd: options.cwd,
    signal: options.signal,
    timeout: TIMEOUT_MS,
    env: {
      ...options.env,
      GIT_TERMINAL_PROMPT: "0",
      GIT_CONFIG_COUNT: "1",
      GIT_CONFIG_KEY_0: "http.extraHeader",
      GIT_CONFIG_VALUE_0: `Authorization: Basic ${Buffer.from(`${username}:${token}`).toString("base64")}`,
      GIT_AUTHOR_NAME: "ai-edge demo",
      GIT_AUTHOR_EMAIL: "demo@ai-edge.invalid",
      GIT_COMMITTER_NAME: "ai-edge demo",
      GIT_COMMITTER_EMAIL: "demo@ai-edge.invalid",
    },
  });
  return stdout;
}
