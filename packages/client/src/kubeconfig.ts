import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";
import { parse, stringify } from "yaml";

/** A kubeconfig file (`client.config.k8s.io/v1` Config), with upstream's field names so that it is written as it was read. */
export interface Kubeconfig {
  apiVersion?: string;
  kind?: string;
  preferences?: Record<string, unknown>;
  clusters: { name: string; cluster: KubeconfigCluster }[];
  users: { name: string; user: KubeconfigUser }[];
  contexts: { name: string; context: KubeconfigContext }[];
  "current-context"?: string;
}

export interface KubeconfigCluster {
  server: string;
  /** PEM file. */
  "certificate-authority"?: string;
  /** base64 of PEM. */
  "certificate-authority-data"?: string;
  "insecure-skip-tls-verify"?: boolean;
  "tls-server-name"?: string;
  "proxy-url"?: string;
}

export interface KubeconfigUser {
  "client-certificate"?: string;
  "client-certificate-data"?: string;
  "client-key"?: string;
  "client-key-data"?: string;
  token?: string;
  /** File whose content is the token; it is read again from time to time, because kubelets rotate it. */
  tokenFile?: string;
  username?: string;
  password?: string;
  as?: string;
  "as-groups"?: string[];
  exec?: unknown;
  "auth-provider"?: unknown;
}

export interface KubeconfigContext {
  cluster: string;
  user: string;
  namespace?: string;
}

/** A kubeconfig that cannot be read or used; the message names the file and the field. */
export class KubeconfigError extends Error {
  override readonly name = "KubeconfigError";
}

/** What an error says, for the end of another message. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Far above any real kubeconfig (certificates are a few KiB each); stops a wrong path to a huge file. */
const MAX_KUBECONFIG_BYTES = 4 * 1024 * 1024;

const FILE_FIELDS = ["certificate-authority", "client-certificate", "client-key", "tokenFile"] as const;

/**
 * Reads kubeconfig YAML or JSON.
 * @param options.source how errors name the text (a file name); `directory` resolves relative file names in it
 * @throws KubeconfigError for bad YAML and fields of a wrong shape
 */
export function parseKubeconfig(
  text: string,
  options: { source?: string; directory?: string } = {},
): Kubeconfig {
  const source = options.source ?? "kubeconfig";
  const document = parseYaml(text, source);
  const resolve = (entry: Fields): Fields => resolveFiles(entry, options.directory);
  return {
    apiVersion: "v1",
    kind: "Config",
    clusters: section(document, "clusters", source).map(({ name, fields }) => ({
      name,
      cluster: { ...resolve(fields), server: required(fields, "server", `${source}: cluster ${name}`) },
    })),
    users: section(document, "users", source).map(({ name, fields }) => ({ name, user: resolve(fields) })),
    contexts: section(document, "contexts", source).map(({ name, fields }) => ({
      name,
      context: {
        ...fields,
        cluster: required(fields, "cluster", `${source}: context ${name}`),
        user: typeof fields["user"] === "string" ? fields["user"] : "",
      },
    })),
    "current-context": typeof document["current-context"] === "string" ? document["current-context"] : "",
  };
}

/** Reads one kubeconfig file; relative file names in it are taken from its directory. */
export async function loadKubeconfig(file: string): Promise<Kubeconfig> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    throw new KubeconfigError(`cannot read kubeconfig ${file}: ${messageOf(cause)}`, { cause });
  }
  return parseKubeconfig(text, { source: file, directory: dirname(file) });
}

/** Writes a kubeconfig readable by its owner only; a reader sees the old or the new file, never a half. */
export async function saveKubeconfig(file: string, kubeconfig: Kubeconfig): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const temporary = `${file}.${randomUUID()}`;
  try {
    await writeFile(temporary, formatKubeconfig(kubeconfig), { mode: 0o600 });
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** The YAML text of a kubeconfig. */
export function formatKubeconfig(kubeconfig: Kubeconfig): string {
  return stringify({ apiVersion: "v1", kind: "Config", preferences: {}, ...kubeconfig });
}

/** Merges as kubectl does with `KUBECONFIG=a:b`: of entries with one name, and of current contexts, the first wins. */
export function mergeKubeconfigs(...kubeconfigs: readonly Kubeconfig[]): Kubeconfig {
  return {
    apiVersion: "v1",
    kind: "Config",
    clusters: firstOfEachName(kubeconfigs.flatMap((config) => config.clusters)),
    users: firstOfEachName(kubeconfigs.flatMap((config) => config.users)),
    contexts: firstOfEachName(kubeconfigs.flatMap((config) => config.contexts)),
    "current-context":
      kubeconfigs
        .map((config) => config["current-context"])
        .find((name) => name !== undefined && name !== "") ?? "",
  };
}

/** Where kubelets mount a pod's service account. */
const SERVICE_ACCOUNT_DIRECTORY = "/var/run/secrets/kubernetes.io/serviceaccount";

/** The configuration of a pod that talks to its own cluster, from the environment and the mounted service account. */
export function inClusterKubeconfig(
  env: Record<string, string | undefined>,
  directory: string = SERVICE_ACCOUNT_DIRECTORY,
): Kubeconfig {
  const host = env["KUBERNETES_SERVICE_HOST"];
  const port = env["KUBERNETES_SERVICE_PORT"];
  if (host === undefined || port === undefined) {
    throw new KubeconfigError(
      "not in a cluster: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set; give a kubeconfig",
    );
  }
  return makeKubeconfig({
    name: "in-cluster",
    server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    cluster: { "certificate-authority": join(directory, "ca.crt") },
    user: { tokenFile: join(directory, "token") },
  });
}

/** A kubeconfig with one cluster, one user and one context of one name. */
export function makeKubeconfig(options: {
  name: string;
  server: string;
  cluster?: Omit<KubeconfigCluster, "server">;
  user?: KubeconfigUser;
  namespace?: string;
}): Kubeconfig {
  const { name, server, namespace } = options;
  return {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name, cluster: { server, ...options.cluster } }],
    users: [{ name, user: { ...options.user } }],
    contexts: [
      { name, context: { cluster: name, user: name, ...(namespace === undefined ? {} : { namespace }) } },
    ],
    "current-context": name,
  };
}

/**
 * The cluster, user and namespace that a context means.
 * @param context absent: the current context, or the only one there is
 */
export function resolveContext(
  kubeconfig: Kubeconfig,
  context?: string,
): { cluster: KubeconfigCluster; user: KubeconfigUser; namespace: string | undefined } {
  const current = context ?? kubeconfig["current-context"] ?? "";
  const wanted = current === "" && kubeconfig.contexts.length === 1 ? kubeconfig.contexts[0]?.name : current;
  const found = kubeconfig.contexts.find(({ name }) => name === wanted)?.context;
  if (found === undefined) {
    const names = kubeconfig.contexts.map(({ name }) => name).join(", ") || "none";
    throw new KubeconfigError(`kubeconfig: no context "${wanted}"; it has: ${names}`);
  }
  const cluster = kubeconfig.clusters.find(({ name }) => name === found.cluster)?.cluster;
  if (cluster === undefined) {
    throw new KubeconfigError(
      `kubeconfig: context "${wanted}" names cluster "${found.cluster}", which is not there`,
    );
  }
  const user = kubeconfig.users.find(({ name }) => name === found.user)?.user;
  if (user === undefined && found.user !== "") {
    throw new KubeconfigError(
      `kubeconfig: context "${wanted}" names user "${found.user}", which is not there`,
    );
  }
  return { cluster, user: user ?? {}, namespace: found.namespace };
}

type Fields = Record<string, unknown>;

function parseYaml(text: string, source: string): Fields {
  if (text.length > MAX_KUBECONFIG_BYTES) {
    throw new KubeconfigError(`${source}: larger than ${MAX_KUBECONFIG_BYTES} bytes, not a kubeconfig`);
  }
  let document: unknown;
  try {
    document = parse(text);
  } catch (cause) {
    throw new KubeconfigError(`${source}: not YAML: ${messageOf(cause)}`, {
      cause,
    });
  }
  // An empty file is an empty kubeconfig for kubectl too.
  if (document === null || document === undefined) return {};
  if (!isFields(document))
    throw new KubeconfigError(`${source}: not a kubeconfig: the document is not a mapping`);
  return document;
}

function section(document: Fields, name: string, source: string): { name: string; fields: Fields }[] {
  const list: unknown = document[name] ?? [];
  if (!Array.isArray(list)) throw new KubeconfigError(`${source}: ${name} is not a list`);
  const entries: readonly unknown[] = list;
  return entries.map((entry, index) => {
    if (!isFields(entry) || typeof entry["name"] !== "string") {
      throw new KubeconfigError(`${source}: ${name}[${index}] has no name`);
    }
    const fields: unknown = entry[name.slice(0, -1)] ?? {};
    if (!isFields(fields)) throw new KubeconfigError(`${source}: ${name}[${index}] is not a mapping`);
    return { name: entry["name"], fields };
  });
}

function required(fields: Fields, field: string, where: string): string {
  const value = fields[field];
  if (typeof value !== "string" || value === "") throw new KubeconfigError(`${where}: ${field} is missing`);
  return value;
}

function resolveFiles(fields: Fields, directory: string | undefined): Fields {
  if (directory === undefined) return fields;
  const resolved = { ...fields };
  for (const field of FILE_FIELDS) {
    const value = fields[field];
    if (typeof value === "string" && value !== "" && !isAbsolute(value))
      resolved[field] = join(directory, value);
  }
  return resolved;
}

function firstOfEachName<T extends { name: string }>(entries: readonly T[]): T[] {
  const seen = new Map<string, T>();
  for (const entry of entries) if (!seen.has(entry.name)) seen.set(entry.name, entry);
  return [...seen.values()];
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
