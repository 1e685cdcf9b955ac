/**
 * The agent's identity on disk, `<data directory>/pki`: what it has (`hub-kubeconfig`) and what it is asking for
 * (`pending.json`). Keys are made here and never leave the site. Every file is replaced whole, so a crash leaves the
 * old or the new one.
 */
import {
  type KeyObject,
  X509Certificate,
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  randomUUID,
} from "node:crypto";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { formatKubeconfig, loadKubeconfig, makeKubeconfig, resolveContext } from "@ai-edge/client";

export interface HubCredentials {
  server: string;
  /** PEM. */
  caCertificate: string;
  /** PEM. */
  certificate: string;
  /** PEM, PKCS #8. */
  key: string;
  cluster: string;
  notBefore: Date;
  notAfter: Date;
}

/** A request that is under way: the same key and name are used again after a crash. */
export interface PendingRequest {
  server: string;
  cluster: string;
  /** The CertificateSigningRequest's name. */
  name: string;
  key: string;
}

const KUBECONFIG = "hub-kubeconfig";
const PENDING = "pending.json";
const JOINED_WITH = "joined-with";

export interface CredentialStore {
  load(): Promise<HubCredentials | undefined>;
  save(credentials: Omit<HubCredentials, "cluster" | "notBefore" | "notAfter">): Promise<HubCredentials>;
  loadPending(): Promise<PendingRequest | undefined>;
  savePending(pending: PendingRequest): Promise<void>;
  /** Forgets a request that was denied, so that the next one has a new key and name. */
  clearPending(): Promise<void>;
  /** Remembers the digest of the token that the credentials were got with … */
  saveJoinedWith(token: string): Promise<void>;
  /** … so that the same token on the command line of a restart is known. */
  wasJoinedWith(token: string): Promise<boolean>;
  /** Where the kubeconfig is, for messages. */
  readonly file: string;
}

/** The credentials below a data directory. Unreadable or damaged files are errors, missing ones are not. */
export function credentialStore(dataDir: string): CredentialStore {
  const directory = join(dataDir, "pki");
  const file = join(directory, KUBECONFIG);
  const pending = join(directory, PENDING);
  const joinedWith = join(directory, JOINED_WITH);
  return {
    file,
    load: async () => {
      if ((await readIfThere(file)) === undefined) return undefined;
      const { cluster, user } = resolveContext(await loadKubeconfig(file));
      const decode = (field: string | undefined): string =>
        Buffer.from(field ?? "", "base64").toString("utf8");
      return inspect({
        server: cluster.server,
        caCertificate: decode(cluster["certificate-authority-data"]),
        certificate: decode(user["client-certificate-data"]),
        key: decode(user["client-key-data"]),
      });
    },
    save: async (credentials) => {
      const whole = inspect(credentials);
      const base64 = (text: string): string => Buffer.from(text).toString("base64");
      const kubeconfig = makeKubeconfig({
        name: "hub",
        server: credentials.server,
        cluster: { "certificate-authority-data": base64(credentials.caCertificate) },
        user: {
          "client-certificate-data": base64(credentials.certificate),
          "client-key-data": base64(credentials.key),
        },
        namespace: whole.cluster,
      });
      await writePrivate(file, formatKubeconfig(kubeconfig));
      await rm(pending, { force: true });
      return whole;
    },
    loadPending: async () => parsePending(await readIfThere(pending)),
    savePending: (request) => writePrivate(pending, JSON.stringify(request)),
    saveJoinedWith: (token) => writePrivate(joinedWith, digest(token)),
    wasJoinedWith: async (token) => (await readIfThere(joinedWith)) === digest(token),
    clearPending: () => rm(pending, { force: true }),
  };
}

/** A new P-256 key, PEM. */
export function generateKey(): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

/** A PEM key for signing. */
export function readKey(pem: string): KeyObject {
  return createPrivateKey(pem);
}

function digest(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

function inspect(credentials: Omit<HubCredentials, "cluster" | "notBefore" | "notAfter">): HubCredentials {
  const certificate = new X509Certificate(credentials.certificate);
  // CN=system:open-cluster-management:<cluster>:<agent>
  const parts = (/^CN=(.*)$/m.exec(certificate.subject)?.[1] ?? "").split(":");
  return {
    ...credentials,
    cluster: parts.length === 4 ? (parts[2] ?? "") : "",
    notBefore: certificate.validFromDate,
    notAfter: certificate.validToDate,
  };
}

function parsePending(text: string | undefined): PendingRequest | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    const of = (name: string): string => {
      const field: unknown =
        typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
      if (typeof field !== "string") throw new TypeError(`${name} is missing`);
      return field;
    };
    return { server: of("server"), cluster: of("cluster"), name: of("name"), key: of("key") };
  } catch {
    // A request that cannot be continued is begun anew; nothing is lost but a key that nobody has signed.
    return undefined;
  }
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** Written, flushed, renamed: after a power cut there is a whole file, readable by its owner only. */
async function writePrivate(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const temporary = `${file}.${randomUUID()}`;
  try {
    const handle = await open(temporary, "wx", 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
