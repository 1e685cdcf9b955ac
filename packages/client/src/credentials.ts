import { readFile } from "node:fs/promises";
import { type KubeconfigUser, KubeconfigError, messageOf } from "./kubeconfig.ts";

/** What a request proves its identity with. All are optional; an API server may allow anonymous requests. */
export interface Credentials {
  token?: string | undefined;
  basic?: { username: string; password: string } | undefined;
  /** PEM. */
  clientCertificate?: { certificate: string; key: string } | undefined;
}

/**
 * Gives the credentials of the next request. It is called for every request, so it should answer from memory; a
 * changed client certificate opens new connections, which is how certificates rotate without a restart.
 * @param refresh the server has just refused the last ones (401): read them again
 */
export type CredentialsProvider = (refresh: boolean) => Credentials | Promise<Credentials>;

/** As client-go: token files are read again once a minute (kubelets rotate them at 80 % of their life). */
const FILE_LIFETIME_MS = 60_000;

/** Credentials of a kubeconfig user; files are read when needed and again when they may have changed. */
export function credentialsOf(user: KubeconfigUser, now: () => number = Date.now): CredentialsProvider {
  refuseUnsupported(user);
  const fixed: Credentials = {
    token: user.token,
    basic:
      user.username === undefined ? undefined : { username: user.username, password: user.password ?? "" },
  };
  let cached: Promise<Credentials> | undefined;
  let readAt = 0;
  return (refresh) => {
    if (cached === undefined || refresh || now() - readAt > FILE_LIFETIME_MS) {
      readAt = now();
      cached = readCredentials(user, fixed);
      // A failed read is not kept: the next request tries again.
      cached.catch(() => (cached = undefined));
    }
    return cached;
  };
}

async function readCredentials(user: KubeconfigUser, fixed: Credentials): Promise<Credentials> {
  const certificate = await pem(user, "client-certificate");
  const key = await pem(user, "client-key");
  if ((certificate === undefined) !== (key === undefined)) {
    throw new KubeconfigError(
      "kubeconfig: client-certificate and client-key belong together; one is missing",
    );
  }
  // As client-go: the file wins over the literal token, because the file is the one that is kept fresh.
  const token =
    user.tokenFile === undefined ? fixed.token : (await readText(user.tokenFile, "tokenFile")).trim();
  return {
    ...fixed,
    token,
    clientCertificate: certificate === undefined || key === undefined ? undefined : { certificate, key },
  };
}

async function pem(
  user: KubeconfigUser,
  field: "client-certificate" | "client-key",
): Promise<string | undefined> {
  const data = user[`${field}-data`];
  if (data !== undefined) return Buffer.from(data, "base64").toString("utf8");
  const file = user[field];
  return file === undefined ? undefined : readText(file, field);
}

async function readText(file: string, field: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new KubeconfigError(`kubeconfig: ${field}: ${messageOf(cause)}`, {
      cause,
    });
  }
}

function refuseUnsupported(user: KubeconfigUser): void {
  for (const field of ["exec", "auth-provider"] as const) {
    if (user[field] !== undefined && user[field] !== null) {
      throw new KubeconfigError(
        `kubeconfig: user.${field} is not supported; use a token or a client certificate`,
      );
    }
  }
}
