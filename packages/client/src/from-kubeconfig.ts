import { readFileSync } from "node:fs";
import { createClient } from "./client.ts";
import { type CredentialsProvider, credentialsOf } from "./credentials.ts";
import {
  type Kubeconfig,
  KubeconfigError,
  type KubeconfigCluster,
  resolveContext,
  messageOf,
} from "./kubeconfig.ts";
import type { ConnectionOptions } from "./transport.ts";
import type { Client } from "./types.ts";

export interface KubeconfigClientOptions {
  userAgent?: string | undefined;
  /** Absent: the current context. */
  context?: string | undefined;
  /** Instead of the kubeconfig's user: for agents that rotate their own certificate. */
  credentials?: CredentialsProvider | undefined;
}

/**
 * The connection that a context of a kubeconfig describes.
 * @throws KubeconfigError for a missing context, unreadable CA file or an unsupported way to log in
 */
export function connectionFromKubeconfig(
  kubeconfig: Kubeconfig,
  options: KubeconfigClientOptions = {},
): ConnectionOptions {
  const { cluster, user } = resolveContext(kubeconfig, options.context);
  if (cluster["proxy-url"] !== undefined) {
    throw new KubeconfigError("kubeconfig: cluster.proxy-url is not supported");
  }
  const impersonation: Record<string, string | string[]> = {};
  if (user.as !== undefined) impersonation["impersonate-user"] = user.as;
  if (user["as-groups"] !== undefined) impersonation["impersonate-group"] = user["as-groups"];
  return {
    server: cluster.server,
    certificateAuthority: certificateAuthority(cluster),
    tlsServerName: cluster["tls-server-name"],
    insecureSkipTlsVerify: cluster["insecure-skip-tls-verify"],
    credentials: options.credentials ?? credentialsOf(user),
    headers: impersonation,
    userAgent: options.userAgent,
  };
}

/** A client of the cluster that a context of a kubeconfig names. */
export function clientFromKubeconfig(kubeconfig: Kubeconfig, options: KubeconfigClientOptions = {}): Client {
  return createClient(connectionFromKubeconfig(kubeconfig, options));
}

function certificateAuthority(cluster: KubeconfigCluster): string | undefined {
  const data = cluster["certificate-authority-data"];
  if (data !== undefined) return Buffer.from(data, "base64").toString("utf8");
  const file = cluster["certificate-authority"];
  if (file === undefined) return undefined;
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new KubeconfigError(`kubeconfig: certificate-authority: ${messageOf(cause)}`, { cause });
  }
}
