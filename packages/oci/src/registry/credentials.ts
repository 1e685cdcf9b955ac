import { readFile } from "node:fs/promises";
import { isMissing } from "../blob-store.ts";

/** User name and password (Basic, or exchanged for a token where the registry asks), or a Bearer token as it is. */
export type RegistryCredentials = { username: string; password: string } | { token: string };

/** Credentials by registry host (`host[:port]`, optionally with a path prefix). */
export type CredentialsByHost = ReadonlyMap<string, RegistryCredentials>;

/**
 * Reads the JSON of `~/.docker/config.json` or of a `kubernetes.io/dockerconfigjson` Secret. Entries without usable
 * credentials (credential helpers) are left out. Never quotes the content in errors: it is secret.
 * @param name names the source in errors
 */
export function parseDockerConfig(text: string, name: string): CredentialsByHost {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error(`${name}: not JSON`);
  }
  if (typeof value !== "object" || value === null) throw new Error(`${name}: not a docker config object`);
  const auths = "auths" in value ? value.auths : undefined;
  if (typeof auths !== "object" || auths === null) return new Map();
  const found = new Map<string, RegistryCredentials>();
  for (const [key, entry] of Object.entries(auths)) {
    const credentials = readEntry(entry);
    if (credentials !== undefined) found.set(normalizeHost(key), credentials);
  }
  return found;
}

/** The docker config of a user; empty if there is none. */
export async function loadDockerConfig(file: string): Promise<CredentialsByHost> {
  try {
    return parseDockerConfig(await readFile(file, "utf8"), file);
  } catch (error) {
    if (isMissing(error)) return new Map();
    throw error;
  }
}

/** The credentials for a repository: the longest matching `host/path` prefix, as the kubelet's keyring does. */
export function credentialsFor(
  byHost: CredentialsByHost,
  registry: string,
  repository: string,
): RegistryCredentials | undefined {
  const segments = `${registry}/${repository}`.split("/");
  for (let count = segments.length; count > 0; count -= 1) {
    const found = byHost.get(segments.slice(0, count).join("/"));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** `https://index.docker.io/v1/` and friends → `docker.io`; others lose scheme and trailing slash. */
function normalizeHost(key: string): string {
  const bare = key
    .replace(/^https?:\/\//, "")
    .replace(/\/+$/, "")
    .replace(/\/v[12]$/, "");
  return bare === "index.docker.io" || bare === "registry-1.docker.io" ? "docker.io" : bare;
}

function readEntry(entry: unknown): RegistryCredentials | undefined {
  if (typeof entry !== "object" || entry === null) return undefined;
  const text = (field: string): string => {
    const value: unknown = Reflect.get(entry, field);
    return typeof value === "string" ? value : "";
  };
  if (text("registrytoken") !== "") return { token: text("registrytoken") };
  if (text("username") !== "" || text("password") !== "")
    return { username: text("username"), password: text("password") };
  const decoded = Buffer.from(text("auth"), "base64").toString("utf8");
  const colon = decoded.indexOf(":");
  return colon < 0 ? undefined : { username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}
