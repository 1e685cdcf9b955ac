import { Secret } from "@ai-edge/api";
import { isStatus } from "@ai-edge/apimachinery";
import { createForgeClient, ForgeError } from "@ai-edge/forge";
import type { ForgeClient } from "@ai-edge/forge";
import type { NativeTask, NativeTaskCall } from "./native-task.ts";
import { TaskError } from "./native-task.ts";

/** GitHub's answer when the pull request is there already. */
const UNPROCESSABLE = 422;

/** The forge of a Task's parameters. */
export interface ForgeTarget {
  client: ForgeClient;
  owner: string;
  repo: string;
}

/** Reads GITHUB_HOST_URL, API_PATH_PREFIX, REPO_FULL_NAME, AUTH_TYPE and the token's Secret. @throws TaskError */
export async function forgeTarget(call: NativeTaskCall): Promise<ForgeTarget> {
  const [owner, repo, ...rest] = call.required("REPO_FULL_NAME").split("/");
  if (owner === undefined || repo === undefined || rest.length > 0)
    throw new TaskError("REPO_FULL_NAME is not owner/name");
  const authScheme = call.text("AUTH_TYPE") || "Bearer";
  const client = createForgeClient({
    kind: "github",
    apiUrl: apiUrl(call),
    token: await token(call),
    authScheme,
    signal: call.signal,
  });
  return { client, owner, repo };
}

/** `github-open-pr`: opens a pull request, or finds the one that an earlier attempt opened. */
export const githubOpenPullRequest: NativeTask = {
  name: "github-open-pr",
  run: async (call) => {
    const { client, owner, repo } = await forgeTarget(call);
    const [head, base] = [call.required("HEAD"), call.required("BASE")];
    try {
      const existing = await client.findPullRequest({ owner, repo, head, base });
      const pull =
        existing ??
        (await client.openPullRequest({
          owner,
          repo,
          head,
          base,
          title: call.required("TITLE"),
          body: call.text("BODY"),
        }));
      call.setResult("NUMBER", String(pull.number));
      call.setResult("URL", pull.url);
      call.log(`pull request ${pull.url}`);
    } catch (error) {
      if (!(error instanceof ForgeError)) throw error;
      const hint =
        error.code === UNPROCESSABLE ? " (is the branch pushed, and is there a change in it?)" : "";
      throw new TaskError(`${error.message}${hint}`, { cause: error });
    }
  },
};

/** HTTPS unless the host says http://, as upstream's Task has it. */
function apiUrl(call: NativeTaskCall): string {
  const host = call.required("GITHUB_HOST_URL").replace(/\/+$/, "");
  const prefix = call
    .text("API_PATH_PREFIX")
    .replace(/^\/*(?=.)/, "/")
    .replace(/\/+$/, "");
  return `${/^https?:\/\//.test(host) ? host : `https://${host}`}${prefix}`;
}

async function token(call: NativeTaskCall): Promise<string> {
  const name = call.text("GITHUB_TOKEN_SECRET_NAME") || "github";
  const key = call.text("GITHUB_TOKEN_SECRET_KEY") || "token";
  try {
    const secret = await call.client.get(Secret, { namespace: call.namespace, name });
    const value = Buffer.from(secret.data?.[key] ?? "", "base64")
      .toString("utf8")
      .trim();
    if (value === "") throw new TaskError(`Secret ${call.namespace}/${name} has no key ${key}`);
    return value;
  } catch (error) {
    if (isStatus(error, "NotFound"))
      throw new TaskError(
        `Secret ${call.namespace}/${name} does not exist: it must hold the forge's token under ${key}`,
        { cause: error },
      );
    throw error;
  }
}
