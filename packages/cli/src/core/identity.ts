import { createHash } from "node:crypto";

import { SubjectAccessReview, TokenReview, type UserInfo } from "@ai-edge/api";
import type { Client } from "@ai-edge/client";

/** A verdict is kept this long: a `git clone` or an image pull is dozens of requests with the same token. */
const CACHE_TTL_MS = 15_000;
/** Bound of the cache: more identities than a core has sites, in a few hundred KiB. */
const CACHE_ENTRIES = 10_000;

/** What the registry and the forge ask about a request; both know an identity only as an opaque value. */
interface Identity {
  name: string;
  user: UserInfo;
}

/** The content that is not a Kubernetes object, as RBAC sees it: `repositories` and `images` of the group `aiedge.dev`. */
type ContentResource = "repositories" | "images" | "metrics";

/** Authentication and authorization of registry, forge and metrics by the core's API server: one place for identities. */
export interface IdentityProvider {
  /** The owner of a ServiceAccount token, or null if it is not valid. */
  authenticate(token: string): Promise<Identity | null>;
  /** An identity by name, if it has authenticated lately: servers give back the name only. */
  known(name: string): Identity | undefined;
  /** Whether RBAC lets the identity `get` (read) or `update` (write) a named content. */
  authorize(
    identity: Identity,
    verb: "get" | "update",
    resource: ContentResource,
    name: string,
  ): Promise<boolean>;
}

/** Asks TokenReview and SubjectAccessReview, and remembers the answers for a few seconds. */
export function createIdentityProvider(client: Client, now: () => Date): IdentityProvider {
  const identities = new ExpiringCache<Identity | null>(now);
  const byName = new Map<string, Identity>();
  const decisions = new ExpiringCache<boolean>(now);
  return {
    authenticate: (token) => {
      // The cache holds digests: a heap dump must not yield tokens.
      const digest = createHash("sha256").update(token).digest("base64");
      return identities.get(digest, async () => {
        const review = await client.create(TokenReview, { metadata: { name: "" }, spec: { token } });
        const user = review.status?.user;
        if (review.status?.authenticated !== true || user?.username === undefined) return null;
        const identity = { name: user.username, user };
        if (byName.size >= CACHE_ENTRIES) byName.clear();
        byName.set(identity.name, identity);
        return identity;
      });
    },
    known: (name) => byName.get(name),
    authorize: ({ user }, verb, resource, name) =>
      decisions.get(JSON.stringify([user.username, user.groups, verb, resource, name]), async () => {
        const review = await client.create(SubjectAccessReview, {
          metadata: { name: "" },
          spec: {
            user: user.username ?? "",
            groups: user.groups ?? [],
            resourceAttributes: { group: "aiedge.dev", version: "v1", resource, verb, name },
          },
        });
        return review.status?.allowed === true;
      }),
  };
}

class ExpiringCache<T> {
  readonly #entries = new Map<string, { value: T; expires: number }>();
  readonly #now: () => Date;

  constructor(now: () => Date) {
    this.#now = now;
  }

  async get(key: string, load: () => Promise<T>): Promise<T> {
    const time = this.#now().getTime();
    const cached = this.#entries.get(key);
    if (cached !== undefined && cached.expires > time) return cached.value;
    const value = await load();
    this.#entries.delete(key);
    if (this.#entries.size >= CACHE_ENTRIES) {
      const oldest = this.#entries.keys().next().value;
      if (oldest !== undefined) this.#entries.delete(oldest);
    }
    this.#entries.set(key, { value, expires: time + CACHE_TTL_MS });
    return value;
  }
}
