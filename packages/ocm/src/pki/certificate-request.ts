/** PKCS #10 certificate requests (RFC 2986) with an ECDSA P-256 key, the only kind that our agents make. */
import { type KeyObject, createPublicKey, sign, verify } from "node:crypto";
import { type DerNode, TAG, der, derObjectIdentifier, readDer, readDerChildren } from "./der.ts";

/** A request of an agent is about 400 bytes; other tools' with RSA keys below 4 KiB. */
const MAX_REQUEST_BYTES = 16 * 1024;

const COMMON_NAME = derObjectIdentifier("2.5.4.3");
const ORGANIZATION = derObjectIdentifier("2.5.4.10");
const ECDSA_WITH_SHA256 = derObjectIdentifier("1.2.840.10045.4.3.2");
const SIGNATURE_DIGESTS = new Map([
  ["1.2.840.10045.4.3.2", "sha256"],
  ["1.2.840.10045.4.3.3", "sha384"],
  ["1.2.840.10045.4.3.4", "sha512"],
  ["1.2.840.113549.1.1.11", "sha256"],
  ["1.2.840.113549.1.1.12", "sha384"],
  ["1.2.840.113549.1.1.13", "sha512"],
]);

export interface CertificateSubject {
  commonName: string;
  organizations: string[];
}

export interface CertificateRequest extends CertificateSubject {
  /** DER SubjectPublicKeyInfo. */
  publicKey: Buffer;
}

/** The PEM of a request for a subject, signed with the key that it is for (PKCS #8 key object, P-256). */
export function createCertificateRequest(subject: CertificateSubject, key: KeyObject): string {
  const publicKey = createPublicKey(key).export({ type: "spki", format: "der" });
  const attribute = (type: Buffer, value: string): Buffer =>
    der(TAG.set, der(TAG.sequence, type, der(TAG.utf8String, Buffer.from(value))));
  const name = der(
    TAG.sequence,
    ...subject.organizations.map((organization) => attribute(ORGANIZATION, organization)),
    attribute(COMMON_NAME, subject.commonName),
  );
  const version = der(TAG.integer, Buffer.from([0]));
  const info = der(TAG.sequence, version, name, publicKey, der(TAG.attributes));
  const signature = der(TAG.bitString, Buffer.from([0]), sign("sha256", info, key));
  const request = der(TAG.sequence, info, der(TAG.sequence, ECDSA_WITH_SHA256), signature);
  const lines = request.toString("base64").replace(/.{64}(?=.)/g, "$&\n");
  return `-----BEGIN CERTIFICATE REQUEST-----\n${lines}\n-----END CERTIFICATE REQUEST-----\n`;
}

/**
 * Subject and key of a request, after checking that it is signed by its own key.
 * @throws TypeError saying what is wrong with it
 */
export function parseCertificateRequest(pem: string): CertificateRequest {
  const match = /-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----([A-Za-z0-9+/=\s]+)-----END/.exec(pem);
  if (pem.length > MAX_REQUEST_BYTES || match === null) throw new TypeError("not a PEM certificate request");
  try {
    return readRequest(Buffer.from(match[1] ?? "", "base64"));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TypeError(`not a valid certificate request: ${reason}`, { cause });
  }
}

function readRequest(bytes: Buffer): CertificateRequest {
  const [info, algorithm, signature] = readDerChildren(readDer(bytes));
  if (info === undefined || algorithm === undefined || signature === undefined) {
    throw new TypeError("it lacks its signature");
  }
  const [, name, publicKey] = readDerChildren(info);
  if (name === undefined || publicKey === undefined) throw new TypeError("it lacks a subject or a key");
  const key = createPublicKey({ key: publicKey.encoded, format: "der", type: "spki" });
  if (!verify(digestOf(algorithm), info.encoded, key, signature.content.subarray(1))) {
    throw new TypeError("its signature does not match its key");
  }
  return {
    commonName: valuesOf(name, COMMON_NAME).join(","),
    organizations: valuesOf(name, ORGANIZATION),
    publicKey: Buffer.from(publicKey.encoded),
  };
}

function digestOf(algorithm: DerNode): string {
  const identifier = readDerChildren(algorithm)[0]?.encoded;
  for (const [dotted, digest] of SIGNATURE_DIGESTS) {
    if (identifier?.equals(derObjectIdentifier(dotted)) === true) return digest;
  }
  throw new TypeError("its signature algorithm is not ECDSA or RSA with SHA-2");
}

function valuesOf(name: DerNode, type: Buffer): string[] {
  return readDerChildren(name)
    .flatMap(readDerChildren)
    .flatMap((attribute) => {
      const [key, value] = readDerChildren(attribute);
      return key?.encoded.equals(type) === true && value !== undefined
        ? [value.content.toString("utf8")]
        : [];
    });
}
