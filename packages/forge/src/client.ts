import { isSuccess, send } from "./send.ts";

/** How to reach a forge's REST API. */
export interface ForgeClientOptions {
  /** The API's shape; Gitea's pull requests have GitHub's fields below /api/v1. */
  kind: "github";
  /** Base URL of the API without a trailing slash, e.g. `https://api.github.com` or `http://127.0.0.1:3000/api/v3`. */
  apiUrl: string;
  token: string;
  /** The word before the token in `Authorization`. Default Bearer. */
  authScheme?: string | undefined;
  signal?: AbortSignal | undefined;
}

export interface ForgePullRequest {
  number: number;
  /** The page for people. */
  url: string;
  state: "open" | "closed";
  merged: boolean;
  head: string;
  base: string;
  mergeCommit?: string;
}

export interface ForgeClient {
  /** @throws ForgeError, e.g. 422 when one is open already for these branches */
  openPullRequest(request: {
    owner: string;
    repo: string;
    head: string;
    base: string;
    title: string;
    body: string;
  }): Promise<ForgePullRequest>;
  /** The newest pull request of a branch, or undefined. `state` defaults to open. */
  findPullRequest(query: {
    owner: string;
    repo: string;
    head: string;
    base?: string;
    state?: "open" | "closed" | "all";
  }): Promise<ForgePullRequest | undefined>;
  /** @returns the merge commit. @throws ForgeError 405 or 409 when it cannot be merged */
  mergePullRequest(request: {
    owner: string;
    repo: string;
    number: number;
    method?: "merge" | "squash" | "rebase";
  }): Promise<string>;
}

/** The forge answered with an error, or not at all (`code` 0). */
export class ForgeError extends Error {
  override readonly name = "ForgeError";
  readonly code: number;

  constructor(message: string, code: number, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

const REQUEST_TIMEOUT_MS = 30_000;
/** A page of 100 pull requests with full bodies stays below. */
const MAX_RESPONSE_BYTES = 16 * 1024 * 1024;

/** A client of GitHub's pull request API, or of a forge with the same one. */
export function createForgeClient(options: ForgeClientOptions): ForgeClient {
  const repository = (owner: string, repo: string): string =>
    `/repos/${encodeURIComponent(owner)}/${encodeURIComponent(repo)}`;
  return {
    openPullRequest: async ({ owner, repo, head, base, title, body }) =>
      pullRequest(
        await call(options, "POST", `${repository(owner, repo)}/pulls`, { title, body, head, base }),
      ),
    findPullRequest: async ({ owner, repo, head, base, state = "open" }) => {
      const query = new URLSearchParams({
        head: `${owner}:${head}`,
        state,
        ...(base === undefined ? {} : { base }),
      });
      const found = await call(options, "GET", `${repository(owner, repo)}/pulls?${query.toString()}`);
      const first: unknown = Array.isArray(found) ? found[0] : undefined;
      return first === undefined ? undefined : pullRequest(first);
    },
    mergePullRequest: async ({ owner, repo, number, method = "merge" }) => {
      const merged = await call(options, "PUT", `${repository(owner, repo)}/pulls/${number}/merge`, {
        merge_method: method,
      });
      return text(record(merged)["sha"]);
    },
  };
}

async function call(
  options: ForgeClientOptions,
  method: string,
  path: string,
  body?: unknown,
): Promise<unknown> {
  const timeout = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
  const url = `${options.apiUrl.replace(/\/+$/, "")}${path}`;
  let answer: { status: number; text: string };
  try {
    answer = await send(url, {
      method,
      headers: {
        accept: "application/vnd.github+json",
        authorization: `${options.authScheme ?? "Bearer"} ${options.token}`,
        "content-type": "application/json",
        "user-agent": "ai-edge",
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: options.signal === undefined ? timeout : AbortSignal.any([options.signal, timeout]),
      maxAnswerBytes: MAX_RESPONSE_BYTES,
    });
  } catch (error) {
    throw new ForgeError(`${method} ${url}: ${causeOf(error)}`, 0, { cause: error });
  }
  if (!isSuccess(answer.status))
    throw new ForgeError(`${method} ${url}: HTTP ${answer.status}: ${reasonOf(answer.text)}`, answer.status);
  return parse(answer.text) ?? {};
}

function pullRequest(value: unknown): ForgePullRequest {
  const pull = record(value);
  const mergeCommit = pull["merge_commit_sha"];
  return {
    number: Number(pull["number"]),
    url: text(pull["html_url"]),
    state: pull["state"] === "closed" ? "closed" : "open",
    merged: pull["merged"] === true || typeof pull["merged_at"] === "string",
    head: text(record(pull["head"])["ref"]),
    base: text(record(pull["base"])["ref"]),
    ...(typeof mergeCommit === "string" ? { mergeCommit } : {}),
  };
}

/** GitHub's `message`, with the messages of `errors` behind it. */
function reasonOf(answer: string): string {
  const body = record(parse(answer));
  const errors: unknown[] = Array.isArray(body["errors"]) ? body["errors"] : [];
  const details = errors.map(
    (error) =>
      text(record(error)["message"]) ||
      `${text(record(error)["field"])} ${text(record(error)["code"])}`.trim(),
  );
  return [text(body["message"]) || "no reason given", ...details].join("; ");
}

function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}

function parse(answer: string): unknown {
  try {
    return JSON.parse(answer);
  } catch {
    return undefined;
  }
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
