import {
  type KeyObject,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomUUID,
  sign,
  verify,
} from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isJsonObject } from "@ai-edge/apimachinery";

/** As in every cluster; also the default audience. */
export const ISSUER = "https://kubernetes.default.svc";
/** Longer than any token we make; keeps hostile headers away from the parser. */
const MAX_TOKEN_LENGTH = 8192;

/** A claim about another object that has to exist for the token to hold. */
export interface BoundObject {
  readonly name: string;
  readonly uid: string;
}

/** What a ServiceAccount token says. Times are in seconds since the epoch. */
export interface TokenClaims {
  readonly aud: readonly string[];
  readonly namespace: string;
  readonly serviceAccount: BoundObject;
  readonly secret?: BoundObject | undefined;
  readonly pod?: BoundObject | undefined;
  readonly issuedAt: number;
  /** Absent for the tokens in Secrets, which hold until the Secret goes. */
  readonly expiresAt?: number | undefined;
}

/** Makes and checks ServiceAccount tokens: JWTs signed with ES256, the key kept under `dataDir/pki`. */
export class TokenSigner {
  readonly #privateKey: KeyObject;
  readonly #publicKey: KeyObject;

  private constructor(privateKey: KeyObject) {
    this.#privateKey = privateKey;
    this.#publicKey = createPublicKey(privateKey);
  }

  /** Reads the signing key of a data directory, or makes it. */
  static load(dataDir: string): TokenSigner {
    const directory = join(dataDir, "pki");
    const file = join(directory, "sa.key");
    if (existsSync(file)) return new TokenSigner(createPrivateKey(readFileSync(file)));
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    writeFileSync(`${file}.new`, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
    renameSync(`${file}.new`, file);
    return new TokenSigner(privateKey);
  }

  /** The token for these claims. */
  sign(claims: TokenClaims): string {
    const { namespace, serviceAccount, secret, pod } = claims;
    const payload = {
      iss: ISSUER,
      sub: `system:serviceaccount:${namespace}:${serviceAccount.name}`,
      aud: claims.aud,
      iat: claims.issuedAt,
      nbf: claims.issuedAt,
      exp: claims.expiresAt,
      jti: randomUUID(),
      "kubernetes.io": { namespace, serviceaccount: serviceAccount, secret, pod },
    };
    const head = `${encode({ alg: "ES256", typ: "JWT" })}.${encode(payload)}`;
    const signature = sign("sha256", Buffer.from(head), { key: this.#privateKey, dsaEncoding: "ieee-p1363" });
    return `${head}.${signature.toString("base64url")}`;
  }

  /** The claims of a token that this key signed, whatever its times; undefined for any other text. */
  verify(token: string): TokenClaims | undefined {
    if (token.length > MAX_TOKEN_LENGTH) return undefined;
    const [header, payload, signature, ...rest] = token.split(".");
    if (header === undefined || payload === undefined || signature === undefined || rest.length > 0)
      return undefined;
    const head = decode(header);
    if (!isJsonObject(head) || head["alg"] !== "ES256") return undefined;
    const key = { key: this.#publicKey, dsaEncoding: "ieee-p1363" } as const;
    const holds = verify(
      "sha256",
      Buffer.from(`${header}.${payload}`),
      key,
      Buffer.from(signature, "base64url"),
    );
    return holds ? claimsOf(decode(payload)) : undefined;
  }
}

function claimsOf(payload: unknown): TokenClaims | undefined {
  if (!isJsonObject(payload) || payload["iss"] !== ISSUER) return undefined;
  const own = payload["kubernetes.io"];
  if (!isJsonObject(own) || typeof own["namespace"] !== "string") return undefined;
  const serviceAccount = boundOf(own["serviceaccount"]);
  const aud = payload["aud"];
  if (serviceAccount === undefined || !Array.isArray(aud)) return undefined;
  return {
    aud: aud.filter((one) => typeof one === "string"),
    namespace: own["namespace"],
    serviceAccount,
    secret: boundOf(own["secret"]),
    pod: boundOf(own["pod"]),
    issuedAt: Number(payload["iat"]),
    ...(payload["exp"] === undefined ? {} : { expiresAt: Number(payload["exp"]) }),
  };
}

function boundOf(value: unknown): BoundObject | undefined {
  if (!isJsonObject(value) || typeof value["name"] !== "string" || typeof value["uid"] !== "string")
    return undefined;
  return { name: value["name"], uid: value["uid"] };
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function decode(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, "base64url").toString());
  } catch {
    return undefined;
  }
}
