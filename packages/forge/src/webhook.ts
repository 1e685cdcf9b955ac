import { createHmac, randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import { fullName } from "./repository.ts";
import { NO_COMMIT } from "./push-event.ts";
import type { PushEvent } from "./push-event.ts";
import { isSuccess, send } from "./send.ts";

export interface Webhook {
  url: string;
  /** Signs the body as GitHub does: header `X-Hub-Signature-256`. */
  secret?: string | undefined;
}

/** A receiver that restarts is back within these attempts (0.25 + 0.5 + 1 + 2 s); after them its own polling takes over. */
const MAX_ATTEMPTS = 5;
const FIRST_RETRY_MS = 250;
const ATTEMPT_TIMEOUT_MS = 5_000;
/** Nobody reads what a receiver answers; Jenkins and GitLab answer pages. */
const MAX_ANSWER_BYTES = 1024 * 1024;

/**
 * Delivers a push to one receiver, with bounded retry. Never throws: a receiver that stays away is logged.
 * @param baseUrl the forge's own URL, for the links of the payload
 */
export async function deliver(
  hook: Webhook,
  event: PushEvent,
  baseUrl: string,
  defaultBranch: string,
  options: { logger: Logger; signal: AbortSignal },
): Promise<void> {
  const body = JSON.stringify(pushPayload(event, baseUrl, defaultBranch));
  const headers: Record<string, string> = {
    "content-type": "application/json",
    "user-agent": "ai-edge-forge",
    "x-github-event": "push",
    "x-github-delivery": randomUUID(),
  };
  if (hook.secret !== undefined) {
    headers["x-hub-signature-256"] = `sha256=${createHmac("sha256", hook.secret).update(body).digest("hex")}`;
  }
  for (let attempt = 1; attempt <= MAX_ATTEMPTS && !options.signal.aborted; attempt += 1) {
    const problem = await post(hook.url, headers, body, options.signal);
    if (problem === undefined) return;
    const log = { receiver: withoutQuery(hook.url), ref: event.ref, attempt, problem };
    if (attempt === MAX_ATTEMPTS)
      options.logger.warn(log, "a push webhook was given up: the receiver learns of the push when it polls");
    else options.logger.debug(log, "a push webhook failed and is tried again");
    await delay(FIRST_RETRY_MS * 2 ** (attempt - 1), undefined, { signal: options.signal }).catch(
      () => undefined,
    );
  }
}

async function post(
  url: string,
  headers: Record<string, string>,
  body: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const { status } = await send(url, {
      method: "POST",
      headers,
      body,
      signal: AbortSignal.any([signal, AbortSignal.timeout(ATTEMPT_TIMEOUT_MS)]),
      maxAnswerBytes: MAX_ANSWER_BYTES,
    });
    return isSuccess(status) ? undefined : `HTTP ${status}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** The payload of GitHub's `push` event, the fields that receivers read (docs.github.com, webhook events). */
export function pushPayload(
  event: PushEvent,
  baseUrl: string,
  defaultBranch: string,
): Record<string, unknown> {
  const page = `${baseUrl}/${fullName(event.repository)}`;
  const commits = event.commits.map((commit) => ({ ...commit, url: `${page}/commit/${commit.id}` }));
  return {
    ref: event.ref,
    before: event.before,
    after: event.after,
    created: event.before === NO_COMMIT,
    deleted: event.after === NO_COMMIT,
    forced: event.forced,
    base_ref: null,
    compare: `${page}/compare/${event.before.slice(0, 12)}...${event.after.slice(0, 12)}`,
    commits,
    head_commit: commits.at(-1) ?? null,
    repository: {
      name: event.repository.name,
      full_name: fullName(event.repository),
      owner: { name: event.repository.owner, login: event.repository.owner },
      html_url: page,
      url: page,
      clone_url: `${page}.git`,
      default_branch: defaultBranch,
    },
    pusher: { name: event.pusher },
    sender: { login: event.pusher },
  };
}

/** A receiver's URL may carry a token in its query or user info: logs get neither. */
function withoutQuery(url: string): string {
  const parsed = URL.parse(url);
  return parsed === null ? "an invalid URL" : `${parsed.origin}${parsed.pathname}`;
}
