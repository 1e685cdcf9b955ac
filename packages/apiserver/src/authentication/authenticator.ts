import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { UserInfo } from "@ai-edge/api";
import { statusError, valueAt } from "@ai-edge/apimachinery";
import type { StorageKey } from "../storage/event.ts";
import type { Store } from "../storage/store.ts";
import { userOfBootstrapToken } from "./bootstrap-token.ts";
import { hasBadCertificate, userOfCertificate } from "./client-certificate.ts";
import { type BoundObject, ISSUER, type TokenClaims, type TokenSigner } from "./token-signer.ts";
import { ANONYMOUS, authenticated, serviceAccountGroups, serviceAccountUsername } from "./user.ts";

export interface TokenUser {
  readonly user: UserInfo;
  /** Those of the wanted audiences that the token is for. */
  readonly audiences: readonly string[];
}

/** Says who a request comes from: a client certificate, a bearer token, or nobody. */
export class Authenticator {
  readonly #store: Store;
  readonly #signer: TokenSigner;
  readonly #now: () => Date;
  readonly #connections = new WeakMap<Socket, UserInfo>();

  constructor(options: { store: Store; signer: TokenSigner; now: () => Date }) {
    this.#store = options.store;
    this.#signer = options.signer;
    this.#now = options.now;
  }

  /** @throws StatusError Unauthorized for a token that does not hold: it is never taken for nobody */
  authenticate(request: IncomingMessage): UserInfo {
    const certificate = this.#userOfConnection(request);
    if (certificate !== undefined) return certificate;
    const header = request.headers.authorization;
    if (header === undefined) {
      if (hasBadCertificate(request)) throw statusError("Unauthorized", "Unauthorized");
      return ANONYMOUS;
    }
    const [scheme, token = ""] = header.split(" ", 2);
    const user = scheme?.toLowerCase() === "bearer" ? this.userOfToken(token)?.user : undefined;
    if (user === undefined) throw statusError("Unauthorized", "Unauthorized");
    return user;
  }

  /** A connection's certificate does not change: reading it for every request would cost a tenth of all time. */
  #userOfConnection(request: IncomingMessage): UserInfo | undefined {
    const known = this.#connections.get(request.socket);
    if (known !== undefined) return known;
    const user = userOfCertificate(request);
    if (user === undefined) return undefined;
    const made = authenticated(user);
    this.#connections.set(request.socket, made);
    return made;
  }

  /** The user of a bearer token for one of these audiences (default: the API server's own); undefined if it does not hold. */
  userOfToken(token: string, wanted: readonly string[] = [ISSUER]): TokenUser | undefined {
    const bootstrap = userOfBootstrapToken(token, this.#store, this.#now());
    if (bootstrap !== undefined) return { user: authenticated(bootstrap), audiences: wanted };
    const claims = this.#signer.verify(token);
    if (claims === undefined) return undefined;
    const audiences = wanted.filter((audience) => claims.aud.includes(audience));
    if (audiences.length === 0 || !this.#holds(claims, token)) return undefined;
    const { namespace, serviceAccount } = claims;
    const user = {
      username: serviceAccountUsername(namespace, serviceAccount.name),
      uid: serviceAccount.uid,
      groups: serviceAccountGroups(namespace),
    };
    return { user: authenticated(user), audiences };
  }

  /** Whether the token's time has not passed and everything that it is bound to is still there. */
  #holds(claims: TokenClaims, token: string): boolean {
    const { namespace, serviceAccount, secret, pod, expiresAt } = claims;
    if (expiresAt !== undefined && this.#now().getTime() >= expiresAt * 1000) return false;
    if (!this.#exists({ resource: "serviceaccounts", namespace, name: serviceAccount.name }, serviceAccount))
      return false;
    if (pod !== undefined && !this.#exists({ resource: "pods", namespace, name: pod.name }, pod))
      return false;
    if (secret === undefined) return true;
    const key = { resource: "secrets", namespace, name: secret.name };
    if (!this.#exists(key, secret)) return false;
    // A Secret whose token was replaced revokes the old one.
    const current = valueAt(this.#store.get(key)?.object, ["data", "token"]);
    return typeof current === "string" && Buffer.from(current, "base64").toString() === token;
  }

  #exists(key: StorageKey, bound: BoundObject): boolean {
    const metadata = this.#store.get(key)?.object.metadata;
    return metadata?.uid === bound.uid && metadata.deletionTimestamp === undefined;
  }
}
