import { Authorizer } from "./authorizer.ts";
import type { RegistryCredentials } from "./credentials.ts";
import { type HttpAnswer, type HttpRequest, Transport } from "./transport.ts";

export interface RegistryClientOptions {
  /** `host[:port]` as in a reference; docker.io is spoken to at registry-1.docker.io. */
  host: string;
  credentials?: RegistryCredentials | undefined;
  /** Default: only for loopback hosts, as docker does. */
  plainHttp?: boolean | undefined;
  /** PEM certificates to trust. */
  ca?: string | undefined;
  now?: (() => number) | undefined;
}

const MAX_REDIRECTS = 5;

export interface RegistryRequest {
  method: string;
  /** Below the host, or an absolute URL that the registry gave (upload locations). */
  path: string;
  scope: string;
  headers?: Record<string, string>;
  /** Called for each try, so that a request can be repeated after a challenge. */
  body?: (() => Uint8Array | AsyncIterable<Uint8Array>) | undefined;
  signal?: AbortSignal | undefined;
}

/** Requests to one registry with its credentials; follows redirects without taking the credentials along. */
export class RegistrySession {
  readonly host: string;
  readonly #base: URL;
  readonly #transport: Transport;
  readonly #authorizer: Authorizer;

  constructor(options: RegistryClientOptions) {
    this.host = options.host;
    const host = options.host === "docker.io" ? "registry-1.docker.io" : options.host;
    const plain = options.plainHttp ?? isLoopback(host);
    this.#base = new URL(`${plain ? "http" : "https"}://${host}`);
    this.#transport = new Transport(options.ca);
    this.#authorizer = new Authorizer(this.#transport, options.credentials, {
      now: options.now ?? Date.now,
      plainHttp: plain,
    });
  }

  /** Sends, answers one challenge, follows redirects of reads. The caller checks the status and consumes the body. */
  async request(request: RegistryRequest): Promise<HttpAnswer> {
    const { scope, signal } = request;
    const authorization = this.#authorizer.header(scope);
    const first = await this.#send(request, authorization);
    if (first.status !== 401) return first;
    const challenge = first.headers["www-authenticate"];
    const again = await this.#authorizer.answer(challenge, scope, authorization["authorization"], signal);
    if (!again) return first;
    first.body.resume();
    return await this.#send(request, this.#authorizer.header(scope));
  }

  /** An absolute URL for a Location; refuses another host, so that no registry can aim us at one of its choice. */
  locate(location: string): URL {
    const url = new URL(location, this.#base);
    if (url.host !== this.#base.host || url.protocol !== this.#base.protocol) {
      throw new Error(`registry ${this.host} sends uploads to ${url.origin}: refused`);
    }
    return url;
  }

  close(): void {
    this.#transport.close();
  }

  async #send(request: RegistryRequest, authorization: Record<string, string>): Promise<HttpAnswer> {
    let url = this.locate(request.path);
    let headers: Record<string, string> = {
      ...request.headers,
      ...authorization,
      "user-agent": USER_AGENT,
    };
    for (let redirects = 0; ; redirects += 1) {
      const http: HttpRequest = {
        method: request.method,
        url,
        headers,
        body: request.body?.(),
        signal: request.signal,
      };
      const answer = await this.#transport.send(http);
      const location = answer.headers.location;
      const redirected =
        [301, 302, 303, 307, 308].includes(answer.status) &&
        (request.method === "GET" || request.method === "HEAD");
      if (!redirected || location === undefined) return answer;
      answer.body.resume();
      if (redirects === MAX_REDIRECTS)
        throw new Error(`registry ${this.host}: more than ${MAX_REDIRECTS} redirects`);
      const next = new URL(location, url);
      if (url.protocol === "https:" && next.protocol !== "https:")
        throw new Error(`registry ${this.host} redirects from https to ${next.protocol}: refused`);
      if (next.host !== url.host)
        headers = Object.fromEntries(Object.entries(headers).filter(([name]) => name !== "authorization"));
      url = next;
    }
  }
}

const USER_AGENT = "ai-edge";

function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/.test(host);
}
