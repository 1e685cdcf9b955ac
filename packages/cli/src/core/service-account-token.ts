import { ANNOTATION_SERVICE_ACCOUNT_NAME, Secret, SECRET_TYPE_SERVICE_ACCOUNT_TOKEN } from "@ai-edge/api";
import type { Client } from "@ai-edge/client";

import { waitForObject } from "../watching/wait-for-object.ts";

/** The API server fills the Secret within milliseconds. */
const TOKEN_TIMEOUT_MS = 30_000;

/**
 * A long-lived token of a ServiceAccount, through a Secret of type `kubernetes.io/service-account-token` that the API
 * server fills (kubernetes.io/docs/concepts/configuration/secret/#serviceaccount-token-secrets).
 */
export async function longLivedToken(
  client: Client,
  account: { namespace: string; name: string },
  signal: AbortSignal,
): Promise<string> {
  const key = { namespace: account.namespace, name: `${account.name}-token` };
  await client.apply(
    Secret,
    {
      metadata: { ...key, annotations: { [ANNOTATION_SERVICE_ACCOUNT_NAME]: account.name } },
      type: SECRET_TYPE_SERVICE_ACCOUNT_TOKEN,
    },
    { fieldManager: "ai-edge-core", force: true },
  );
  const secret = await waitForObject(client, Secret, key, ({ data }) => data?.["token"] !== undefined, {
    timeoutMs: TOKEN_TIMEOUT_MS,
    signal,
    goal: "to be filled with a token by the API server",
  });
  return Buffer.from(secret.data?.["token"] ?? "", "base64").toString("utf8");
}
