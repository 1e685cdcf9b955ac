import { type Condition } from "@ai-edge/apimachinery";
import type { Client } from "@ai-edge/client";
import { Backoff, sleep } from "@ai-edge/runtime";
import type { Logger } from "pino";
import { requestCertificate } from "./certificate.ts";
import type { CredentialStore, HubCredentials } from "./credentials.ts";

/** Upstream: a random point between 20 and 25 % of the lifetime left, so that a fleet does not renew at once. */
const RENEW_WITH_LEFT = 0.2;
const RENEW_SPREAD = 0.05;
const RETRY_BASE_MS = 1_000;
const RETRY_MAX_MS = 10 * 60_000;
/** `setTimeout`'s limit is 24.8 days; and a clock that was set is noticed within this time. */
const LONGEST_SLEEP_MS = 60 * 60_000;

export interface RotationOptions {
  client: Client;
  store: CredentialStore;
  current: () => HubCredentials;
  /** From the next request on the new certificate is used. */
  replace: (credentials: HubCredentials) => void;
  report: (condition: Condition) => void;
  logger: Logger;
  now: () => Date;
}

/** When to renew: between 75 and 80 % of the lifetime. @param random from 0 to 1 */
export function renewalTime(
  { notBefore, notAfter }: { notBefore: Date; notAfter: Date },
  random: number,
): Date {
  const lifetime = notAfter.getTime() - notBefore.getTime();
  return new Date(notAfter.getTime() - lifetime * (RENEW_WITH_LEFT + RENEW_SPREAD * random));
}

/** Renews the certificate in time, again and again, until the signal aborts. */
export async function rotateCertificate(options: RotationOptions, signal: AbortSignal): Promise<void> {
  const { client, store, current, replace, report, logger, now } = options;
  const backoff = new Backoff({ base: RETRY_BASE_MS, max: RETRY_MAX_MS });
  let due = renewalTime(current(), Math.random());
  while (!signal.aborted) {
    const left = due.getTime() - now().getTime();
    if (left > 0) {
      await sleep(Math.min(left, LONGEST_SLEEP_MS), signal);
      continue;
    }
    const { server, cluster, caCertificate } = current();
    try {
      const renewed = await requestCertificate({ client, store, server, cluster, logger, signal });
      const credentials = await store.save({ server, caCertificate, ...renewed });
      replace(credentials);
      report({
        type: "ClusterCertificateRotated",
        status: "True",
        reason: "ClientCertificateUpdated",
        message: `client certificate rotated starting from ${credentials.notBefore.toISOString()} to ${credentials.notAfter.toISOString()}`,
      });
      logger.info({ notAfter: credentials.notAfter }, "client certificate renewed");
      due = renewalTime(credentials, Math.random());
      backoff.reset();
    } catch (error) {
      if (signal.aborted) return;
      const message = error instanceof Error ? error.message : String(error);
      report({
        type: "ClusterCertificateRotated",
        status: "False",
        reason: "ClientCertificateUpdateFailed",
        message,
      });
      const delay = backoff.next();
      logger.warn(
        { err: error, notAfter: current().notAfter, retryInMs: Math.round(delay) },
        "client certificate not renewed",
      );
      await sleep(delay, signal);
    }
  }
}
