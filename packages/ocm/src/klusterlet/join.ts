/** Joining: from a token to credentials, or the one clear reason why not. */
import { createClient } from "@ai-edge/client";
import { Backoff, sleep } from "@ai-edge/runtime";
import type { Logger } from "pino";
import type { JoinToken } from "../join-token.ts";
import { JoinRefusedError, requestCertificate } from "./certificate.ts";
import type { CredentialStore, HubCredentials } from "./credentials.ts";
import { classifyHubError } from "./hub-error.ts";

/** A hub that starts at the same time answers within a second … */
const RETRY_BASE_MS = 250;
/** … and one that is away for hours is asked twice a minute. */
const RETRY_MAX_MS = 30_000;

export interface JoinOptions {
  token: JoinToken;
  /** Default: the token's; another one is refused by the hub. */
  cluster: string;
  store: CredentialStore;
  apiUrl?: string | undefined;
  logger: Logger;
  now: () => Date;
  /** How often an unreachable hub is tried; default: until the signal aborts. */
  attempts?: number;
  signal: AbortSignal;
}

/**
 * Joins the hub of a token. An unreachable hub is tried again until the signal aborts; a refusal is final.
 * @throws JoinRefusedError with the reason
 */
export async function joinHub(options: JoinOptions): Promise<HubCredentials> {
  const { token, cluster, store, apiUrl, logger, signal } = options;
  const { server, caCertificate } = token;
  const client = createClient({
    server,
    certificateAuthority: caCertificate,
    credentials: () => ({ token: token.bootstrapToken }),
    userAgent: "ai-edge-klusterlet-bootstrap",
  });
  const backoff = new Backoff({ base: RETRY_BASE_MS, max: RETRY_MAX_MS });
  try {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const { certificate, key } = await requestCertificate({
          client,
          store,
          server,
          cluster,
          apiUrl,
          logger,
          signal,
        });
        const credentials = await store.save({ server, caCertificate, certificate, key });
        await store.saveJoinedWith(token.bootstrapToken);
        logger.info({ cluster, hub: server, notAfter: credentials.notAfter }, "joined the hub");
        return credentials;
      } catch (error) {
        signal.throwIfAborted();
        const refusal = refusalOf(error, options);
        if (refusal !== undefined) {
          await store.clearPending();
          throw refusal;
        }
        if (attempt === options.attempts) throw error;
        const delay = backoff.next();
        logger.warn(
          { hub: server, err: error, retryInMs: Math.round(delay) },
          "the hub cannot be reached, will try again",
        );
        await sleep(delay, signal);
      }
    }
  } finally {
    client.close();
  }
}

function refusalOf(error: unknown, { token, cluster, now }: JoinOptions): JoinRefusedError | undefined {
  if (error instanceof JoinRefusedError) return error;
  const again = `make a new one at the core: ai-edge token create ${cluster}`;
  switch (classifyHubError(error)) {
    case "unauthorized":
      return Date.parse(token.expires) <= now().getTime()
        ? new JoinRefusedError(
            "JoinTokenExpired",
            `the hub ${token.server} refuses the join token: it expired at ${token.expires}; ${again}`,
            { cause: error },
          )
        : new JoinRefusedError(
            "JoinTokenUnknown",
            `the hub ${token.server} refuses the join token: it was used before, revoked, or is of an earlier core; ${again}`,
            { cause: error },
          );
    case "untrusted":
      return new JoinRefusedError(
        "HubNotTrusted",
        `the server at ${token.server} is not the hub that made the join token (its certificate is of another authority); ${again}`,
        { cause: error },
      );
    case "forbidden":
      return new JoinRefusedError(
        "Forbidden",
        `the hub ${token.server} does not let join tokens ask for certificates: ${messageOf(error)}`,
        { cause: error },
      );
    default:
      return undefined;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
