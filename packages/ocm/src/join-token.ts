/**
 * Join tokens: everything that a managed cluster needs to join a hub, in one string. Behind each is a Kubernetes
 * bootstrap token (a Secret of type bootstrap.kubernetes.io/token), so that any API server authenticates it.
 */
import { randomInt } from "node:crypto";
import { formatTime, validateDnsLabel } from "@ai-edge/apimachinery";
import { LABEL_CLUSTER_NAME, SECRET_TYPE_BOOTSTRAP_TOKEN, Secret } from "@ai-edge/api";
import type { Client } from "@ai-edge/client";
import {
  ANNOTATION_TOKEN_CLUSTER_SET,
  BOOTSTRAP_GROUP,
  BOOTSTRAP_NAMESPACE,
  BOOTSTRAP_SECRET_PREFIX,
} from "./names.ts";

/** As kubeadm's tokens: long enough for somebody to drive to the site, short enough to forget. */
export const DEFAULT_TOKEN_TTL_SECONDS = 24 * 60 * 60;
/** Names the format, so that a changed one can be told apart. */
const PREFIX = "aiedge1.";
/** A CA certificate is below 2 KiB; a bundle of a few still fits. */
const MAX_TOKEN_LENGTH = 32 * 1024;
const ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789";
const ID_LENGTH = 6;
const SECRET_LENGTH = 16;

export interface JoinToken {
  /** The hub's API. */
  server: string;
  /** PEM; the only authority that the cluster trusts for this hub. */
  caCertificate: string;
  cluster: string;
  /** `id.secret`, the bearer token of the bootstrap identity. */
  bootstrapToken: string;
  /** RFC 3339. For messages only: the hub decides. */
  expires: string;
}

export interface JoinTokenOptions {
  cluster: string;
  server: string;
  caCertificate: string;
  /** Seconds; default 24 h. */
  ttl?: number;
  /** The ManagedClusterSet to put the cluster in; default: what the hub's controllers are told. */
  clusterSet?: string;
  /** A number from 0 (included) to `max` (excluded), from a cryptographic source. */
  random?: (max: number) => number;
  now: () => Date;
}

/** A token that is not one, or of another version. Its message never holds a part of the token. */
export class JoinTokenError extends Error {
  override readonly name = "JoinTokenError";
}

/**
 * Makes a token with which one cluster can join once, and its Secret at the hub.
 * @throws JoinTokenError when the cluster's name cannot name a namespace
 */
export async function createJoinToken(client: Client, options: JoinTokenOptions): Promise<string> {
  const { cluster, server, caCertificate, clusterSet } = options;
  const complaints = validateDnsLabel(cluster);
  if (complaints.length > 0) throw new JoinTokenError(`cluster name "${cluster}": ${complaints.join("; ")}`);
  const id = randomText(ID_LENGTH, options.random);
  const secret = randomText(SECRET_LENGTH, options.random);
  const ttl = options.ttl ?? DEFAULT_TOKEN_TTL_SECONDS;
  const expires = formatTime(new Date(options.now().getTime() + ttl * 1000));
  await client.create(Secret, {
    metadata: {
      namespace: BOOTSTRAP_NAMESPACE,
      name: `${BOOTSTRAP_SECRET_PREFIX}${id}`,
      labels: { [LABEL_CLUSTER_NAME]: cluster },
      annotations: clusterSet === undefined ? {} : { [ANNOTATION_TOKEN_CLUSTER_SET]: clusterSet },
    },
    type: SECRET_TYPE_BOOTSTRAP_TOKEN,
    data: encoded({
      description: `Join token of the managed cluster ${cluster}`,
      "token-id": id,
      "token-secret": secret,
      expiration: expires,
      "usage-bootstrap-authentication": "true",
      "auth-extra-groups": BOOTSTRAP_GROUP,
    }),
  });
  return formatJoinToken({ server, caCertificate, cluster, bootstrapToken: `${id}.${secret}`, expires });
}

/** The text of a token. */
export function formatJoinToken(token: JoinToken): string {
  return PREFIX + Buffer.from(JSON.stringify(token)).toString("base64url");
}

/**
 * What a token's text says.
 * @throws JoinTokenError when the text is not a token of this version
 */
export function parseJoinToken(text: string): JoinToken {
  const trimmed = text.trim();
  if (!trimmed.startsWith(PREFIX) || trimmed.length > MAX_TOKEN_LENGTH) {
    throw new JoinTokenError(
      `not a join token: it should start with "${PREFIX}"; make one at the core: ai-edge token create CLUSTER`,
    );
  }
  let fields: unknown;
  try {
    fields = JSON.parse(Buffer.from(trimmed.slice(PREFIX.length), "base64url").toString("utf8"));
  } catch {
    throw new JoinTokenError("the join token is damaged (was it copied whole?)");
  }
  const server = field(fields, "server");
  if (!URL.canParse(server))
    throw new JoinTokenError("the join token is damaged: the hub's address is not a URL");
  return {
    server,
    caCertificate: field(fields, "caCertificate"),
    cluster: field(fields, "cluster"),
    bootstrapToken: field(fields, "bootstrapToken"),
    expires: field(fields, "expires"),
  };
}

function encoded(fields: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, text]) => [name, Buffer.from(text).toString("base64")]),
  );
}

function field(fields: unknown, name: keyof JoinToken): string {
  const value = typeof fields === "object" && fields !== null ? Reflect.get(fields, name) : undefined;
  if (typeof value !== "string" || value === "")
    throw new JoinTokenError(`the join token is damaged: it has no ${name}`);
  return value;
}

function randomText(length: number, random: (max: number) => number = (max) => randomInt(max)): string {
  return Array.from({ length }, () => ALPHABET.charAt(random(ALPHABET.length))).join("");
}
