/** Whether a join token may be used for a request, and using it up. */
import { formatTime, isStatus } from "@ai-edge/apimachinery";
import { LABEL_CLUSTER_NAME, Secret } from "@ai-edge/api";
import type { Client } from "@ai-edge/client";
import {
  ANNOTATION_TOKEN_CLUSTER_SET,
  ANNOTATION_TOKEN_USED_AT,
  ANNOTATION_TOKEN_USED_BY,
  BOOTSTRAP_NAMESPACE,
  BOOTSTRAP_SECRET_PREFIX,
  BOOTSTRAP_USER_PREFIX,
} from "../names.ts";
import type { ClusterRequest } from "./cluster-request.ts";

/**
 * A used token still authenticates this long: its owner has to fetch the certificate with it, and whoever tries it
 * again is told that it was used instead of a bare 401.
 */
const USED_TOKEN_LIFETIME_SECONDS = 60 * 60;

export type TokenVerdict =
  | { accepted: true; clusterSet: string | undefined }
  | { accepted: false; reason: TokenRefusal; message: string };

type TokenRefusal = "JoinTokenUnknown" | "JoinTokenExpired" | "JoinTokenUsed" | "JoinTokenOfAnotherCluster";

/** True for the user name that the API server gives to a bootstrap token. */
export function isBootstrapUser(user: string | undefined): user is string {
  return user?.startsWith(BOOTSTRAP_USER_PREFIX) === true;
}

/**
 * Uses a token up for the key of a request. The same key may come again (an agent that crashed half-way); another
 * key is refused. Two that come at once meet in the Secret's resource version: one gets Conflict, retries and loses.
 * @param user the authenticated user, `system:bootstrap:<id>`
 */
export async function useJoinToken(
  client: Client,
  user: string,
  request: ClusterRequest,
  now: Date,
): Promise<TokenVerdict> {
  const secret = await findSecret(client, user.slice(BOOTSTRAP_USER_PREFIX.length));
  if (secret === undefined) return refuse("JoinTokenUnknown", "the join token was revoked");
  const cluster = secret.metadata.labels?.[LABEL_CLUSTER_NAME];
  if (cluster !== request.cluster) {
    const bound = cluster === undefined ? "no managed cluster" : `the cluster "${cluster}"`;
    return refuse(
      "JoinTokenOfAnotherCluster",
      `the join token is for ${bound}, the request for "${request.cluster}"; make one for it: ai-edge token create ${request.cluster}`,
    );
  }
  const again = `make a new one: ai-edge token create ${request.cluster}`;
  const { [ANNOTATION_TOKEN_USED_BY]: usedBy, [ANNOTATION_TOKEN_USED_AT]: usedAt } =
    secret.metadata.annotations ?? {};
  if (usedBy !== undefined && usedBy !== request.keyDigest) {
    return refuse(
      "JoinTokenUsed",
      `the join token was used already, at ${usedAt ?? "an unknown time"}; ${again}`,
    );
  }
  const expires = expirationOf(secret);
  if (!(expires > now.getTime())) {
    return refuse("JoinTokenExpired", `the join token has expired; ${again}`);
  }
  if (usedBy === undefined) await markUsed(client, secret, request, now, expires);
  return { accepted: true, clusterSet: secret.metadata.annotations?.[ANNOTATION_TOKEN_CLUSTER_SET] };
}

/** When a token's Secret expires, in milliseconds; NaN when it does not say (then it is not one of ours). */
export function expirationOf(secret: Secret): number {
  return Date.parse(Buffer.from(secret.data?.["expiration"] ?? "", "base64").toString("utf8"));
}

async function findSecret(client: Client, id: string): Promise<Secret | undefined> {
  try {
    return await client.get(Secret, {
      namespace: BOOTSTRAP_NAMESPACE,
      name: `${BOOTSTRAP_SECRET_PREFIX}${id}`,
    });
  } catch (error) {
    if (isStatus(error, "NotFound")) return undefined;
    throw error;
  }
}

async function markUsed(
  client: Client,
  secret: Secret,
  request: ClusterRequest,
  now: Date,
  expires: number,
): Promise<void> {
  const { namespace, name, resourceVersion } = secret.metadata;
  const end = new Date(Math.min(expires, now.getTime() + USED_TOKEN_LIFETIME_SECONDS * 1000));
  const annotations = {
    [ANNOTATION_TOKEN_USED_BY]: request.keyDigest,
    [ANNOTATION_TOKEN_USED_AT]: formatTime(now),
  };
  const data = { expiration: Buffer.from(formatTime(end)).toString("base64") };
  const body = { metadata: { resourceVersion, annotations }, data };
  await client.patch(
    Secret,
    { ...(namespace === undefined ? {} : { namespace }), name },
    { type: "merge", body },
  );
}

function refuse(reason: TokenRefusal, message: string): TokenVerdict {
  return { accepted: false, reason, message };
}
