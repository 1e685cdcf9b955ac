import "reflect-metadata";
import type { webcrypto } from "node:crypto";
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync, existsSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  type Extension,
  type JsonGeneralNames,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const DAY_MS = 24 * 3600 * 1000;
/** As kubeadm: the CA outlives what it signs by far. */
const CA_LIFETIME_MS = 3650 * DAY_MS;
/** Clocks of joining sites may be behind; kubeadm backdates by 5 min too. */
const BACKDATE_MS = 5 * 60 * 1000;
const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";

/** A certificate and its private key, PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

export interface Subject {
  readonly commonName: string;
  readonly organizations: readonly string[];
}

/** The cluster's certificate authority: ECDSA P-256, made at first start and kept under `dataDir/pki`. */
export class CertificateAuthority {
  /** PEM. */
  readonly certificate: string;
  readonly #certificate: X509Certificate;
  readonly #key: webcrypto.CryptoKey;
  readonly #now: () => Date;

  private constructor(certificate: X509Certificate, key: webcrypto.CryptoKey, now: () => Date) {
    this.certificate = certificate.toString("pem");
    this.#certificate = certificate;
    this.#key = key;
    this.#now = now;
  }

  /** Reads the authority of a data directory, or makes it. */
  static async load(dataDir: string, now: () => Date): Promise<CertificateAuthority> {
    const directory = join(dataDir, "pki");
    const certificateFile = join(directory, "ca.crt");
    const keyFile = join(directory, "ca.key");
    if (!existsSync(certificateFile)) {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      const { certificate, key } = await makeAuthority(now());
      // The certificate is renamed into place last: its presence says that both are whole.
      writeFileSync(keyFile, key, { mode: 0o600 });
      writeFileSync(`${certificateFile}.new`, certificate, { mode: 0o644 });
      renameSync(`${certificateFile}.new`, certificateFile);
    }
    const certificate = new X509Certificate(readFileSync(certificateFile, "utf8"));
    const key = await importKey(readFileSync(keyFile, "utf8"));
    return new CertificateAuthority(certificate, key, now);
  }

  /** `sha256:` and the hash of the CA's public key, as in kubeadm join tokens. */
  get pin(): string {
    const hash = createHash("sha256").update(Buffer.from(this.#certificate.publicKey.rawData)).digest("hex");
    return `sha256:${hash}`;
  }

  /** A serving certificate for names and IP addresses. */
  async issueServer(names: readonly string[], lifetimeMs: number): Promise<KeyPair> {
    const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
    const san: JsonGeneralNames = names.map((value) => ({ type: isIP(value) === 0 ? "dns" : "ip", value }));
    const certificate = await this.#sign(
      { commonName: "kube-apiserver", organizations: [] },
      keys.publicKey,
      [new ExtendedKeyUsageExtension([SERVER_AUTH]), new SubjectAlternativeNameExtension(san)],
      lifetimeMs,
    );
    return { certificate, key: await exportKey(keys.privateKey) };
  }

  /** A new key with a client certificate. */
  async issueClient(subject: Subject, lifetimeMs: number): Promise<KeyPair> {
    const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
    const certificate = await this.signClient(subject, keys.publicKey, lifetimeMs);
    return { certificate, key: await exportKey(keys.privateKey) };
  }

  /** A client certificate for a public key. @returns PEM */
  signClient(subject: Subject, publicKey: webcrypto.CryptoKey, lifetimeMs: number): Promise<string> {
    return this.#sign(subject, publicKey, [new ExtendedKeyUsageExtension([CLIENT_AUTH])], lifetimeMs);
  }

  async #sign(
    subject: Subject,
    publicKey: webcrypto.CryptoKey,
    extensions: Extension[],
    lifetimeMs: number,
  ): Promise<string> {
    const now = this.#now().getTime();
    const certificate = await X509CertificateGenerator.create({
      serialNumber: randomBytes(16).toString("hex"),
      subject: nameOf(subject),
      issuer: this.#certificate.subject,
      notBefore: new Date(now - BACKDATE_MS),
      notAfter: new Date(Math.min(now + lifetimeMs, this.#certificate.notAfter.getTime())),
      signingAlgorithm: ALGORITHM,
      publicKey,
      signingKey: this.#key,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        ...extensions,
      ],
    });
    return certificate.toString("pem");
  }
}

/** A subject in the form that x509 takes; values are passed as data, never parsed. */
function nameOf({ commonName, organizations }: Subject): Record<string, string[]>[] {
  return [
    ...organizations.map((organization) => ({ O: [organization] })),
    ...(commonName === "" ? [] : [{ CN: [commonName] }]),
  ];
}

async function makeAuthority(now: Date): Promise<KeyPair> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: randomBytes(16).toString("hex"),
    name: [{ CN: ["ai-edge-ca"] }],
    notBefore: new Date(now.getTime() - BACKDATE_MS),
    notAfter: new Date(now.getTime() + CA_LIFETIME_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(
        KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign | KeyUsageFlags.digitalSignature,
        true,
      ),
    ],
  });
  return { certificate: certificate.toString("pem"), key: await exportKey(keys.privateKey) };
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  return PemConverter.encode(await crypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY");
}

async function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const [der] = PemConverter.decode(pem);
  if (der === undefined)
    throw new Error("pki/ca.key holds no private key: restore it from a backup or remove pki/");
  return crypto.subtle.importKey("pkcs8", der, ALGORITHM, false, ["sign"]);
}
