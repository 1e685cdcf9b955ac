import type { RegistryCredentials } from "./credentials.ts";
import { registryError } from "./error.ts";
import { readText, type Transport } from "./transport.ts";

/** A token without `expires_in` is valid for 60 s (distribution `spec/auth/token.md`); we renew a little before. */
const DEFAULT_TOKEN_SECONDS = 60;
const RENEW_BEFORE_MS = 10_000;

interface Challenge {
  scheme: "basic" | "bearer";
  parameters: Record<string, string>;
}

/** Answers a registry's challenges: Basic, or the Bearer token flow with a token per scope. */
export class Authorizer {
  readonly #transport: Transport;
  readonly #credentials: RegistryCredentials | undefined;
  readonly #tokens = new Map<string, { token: string; until: number }>();
  readonly #now: () => number;
  readonly #plainHttp: boolean;
  #basic = false;

  constructor(
    transport: Transport,
    credentials: RegistryCredentials | undefined,
    options: { now: () => number; plainHttp: boolean },
  ) {
    this.#transport = transport;
    this.#credentials = credentials;
    this.#now = options.now;
    this.#plainHttp = options.plainHttp;
  }

  /** The Authorization header for a scope, as far as earlier challenges tell. */
  header(scope: string): Record<string, string> {
    const credentials = this.#credentials;
    if (credentials !== undefined && "token" in credentials)
      return { authorization: `Bearer ${credentials.token}` };
    if (this.#basic && credentials !== undefined) return { authorization: basic(credentials) };
    const cached = this.#tokens.get(scope);
    return cached !== undefined && cached.until > this.#now()
      ? { authorization: `Bearer ${cached.token}` }
      : {};
  }

  /**
   * Gets ready for a second try after a 401; false if there is nothing to try with.
   * @param refused the Authorization header that the first try had: requests run in parallel, and another may have
   *   answered the same challenge in between
   */
  async answer(
    challengeHeader: string | undefined,
    scope: string,
    refused: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const challenge = parseChallenge(challengeHeader ?? "");
    const credentials = this.#credentials;
    if (challenge === undefined || (credentials !== undefined && "token" in credentials)) return false;
    if (challenge.scheme === "basic") {
      if (credentials === undefined || refused !== undefined) return false;
      this.#basic = true;
      return true;
    }
    this.#tokens.set(scope, await this.#fetchToken(challenge, scope, signal));
    return true;
  }

  async #fetchToken(
    challenge: Challenge,
    scope: string,
    signal: AbortSignal | undefined,
  ): Promise<{ token: string; until: number }> {
    const realm = challenge.parameters["realm"];
    if (realm === undefined || !URL.canParse(realm))
      throw new Error("the registry asks for a Bearer token without saying where (realm)");
    const url = new URL(realm);
    // Credentials for a registry with TLS must not travel in the clear because its challenge says so.
    if (url.protocol !== "https:" && !(this.#plainHttp && url.protocol === "http:"))
      throw new Error(`the registry's token service is at ${url.protocol}//${url.host}: refused`);
    const service = challenge.parameters["service"];
    if (service !== undefined) url.searchParams.set("service", service);
    for (const one of scope.split(" ").filter((part) => part !== "")) url.searchParams.append("scope", one);
    const headers: Record<string, string> = {};
    if (this.#credentials !== undefined && "username" in this.#credentials)
      headers["authorization"] = basic(this.#credentials);
    const answer = await this.#transport.send({ method: "GET", url, headers, signal });
    if (answer.status !== 200) throw await registryError(`token from ${url.host}`, answer);
    return readToken(JSON.parse(await readText(answer.body)), this.#now());
  }
}

function readToken(value: unknown, now: number): { token: string; until: number } {
  const field = (name: string): unknown =>
    typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
  const token = field("token") ?? field("access_token");
  if (typeof token !== "string" || token === "")
    throw new Error("the registry's token service gave no token");
  const seconds = field("expires_in");
  const lifetime = typeof seconds === "number" && seconds > 0 ? seconds : DEFAULT_TOKEN_SECONDS;
  return { token, until: now + lifetime * 1000 - RENEW_BEFORE_MS };
}

function basic(credentials: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString("base64")}`;
}

/** `Bearer realm="…",service="…"` (RFC 9110 section 11.3), the first scheme that we can answer. */
export function parseChallenge(header: string): Challenge | undefined {
  const match = /^\s*(basic|bearer)(?:\s+(.*))?$/is.exec(header.slice(0, 8192));
  if (match === null) return undefined;
  const parameters: Record<string, string> = {};
  for (const [, key, quoted, bare] of (match[2] ?? "").matchAll(/([a-zA-Z_]+)=(?:"([^"]*)"|([^",\s]+))/g)) {
    if (key !== undefined) parameters[key.toLowerCase()] = quoted ?? bare ?? "";
  }
  return { scheme: match[1]?.toLowerCase() === "basic" ? "basic" : "bearer", parameters };
}
