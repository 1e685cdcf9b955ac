import * as http from "node:http";
import * as https from "node:https";
import { statusError } from "@ai-edge/apimachinery";
import type { Credentials, CredentialsProvider } from "./credentials.ts";

/** How to reach and trust one API server. */
export interface ConnectionOptions {
  /** Base URL, `https://host:port` (a path prefix is kept, as for clusters behind a proxy). */
  server: string;
  /** PEM of the CAs that may sign the server's certificate; absent: the system's. */
  certificateAuthority?: string | undefined;
  tlsServerName?: string | undefined;
  insecureSkipTlsVerify?: boolean | undefined;
  credentials?: CredentialsProvider | undefined;
  /** Sent with every request (impersonation). */
  headers?: Record<string, string | string[]> | undefined;
  userAgent?: string | undefined;
}

export interface TransportRequest {
  method: string;
  path: string;
  query?: Record<string, string> | undefined;
  headers?: Record<string, string> | undefined;
  body?: string | Uint8Array | undefined;
  signal?: AbortSignal | undefined;
  /** Long-lived answer: no idle timeout once it has begun. */
  stream?: boolean | undefined;
}

/** A server that has said nothing for this long is taken as gone. Above kube-apiserver's slowest usual answers. */
const IDLE_TIMEOUT_MS = 60_000;

/**
 * How long a connection may be silent before TCP probes it; a dead peer is then noticed within about 10 s more. Node's
 * default of 1 s would send a packet per second over every idle watch, which a metered site pays for.
 */
const TCP_PROBE_AFTER_MS = 30_000;

/** Sends requests over kept-alive HTTP/1.1 connections; answers are returned whatever their status. */
export class Transport {
  readonly server: string;
  readonly #base: URL;
  readonly #options: ConnectionOptions;
  #agent: http.Agent | undefined;
  #agentKey: string | undefined;

  constructor(options: ConnectionOptions) {
    this.#base = new URL(options.server);
    if (this.#base.protocol !== "https:" && this.#base.protocol !== "http:") {
      throw new TypeError(`API server ${options.server}: not an http or https URL`);
    }
    this.server = options.server.replace(/\/+$/, "");
    this.#options = options;
  }

  /**
   * @returns the answer with its body unread
   * @throws StatusError ServiceUnavailable, naming the server and the cause, when there is no answer; the signal's
   * reason when it aborted
   */
  async send(request: TransportRequest): Promise<http.IncomingMessage> {
    request.signal?.throwIfAborted();
    const credentials = (await this.#options.credentials?.(false)) ?? {};
    const answer = await this.#sendWith(request, credentials);
    if (answer.statusCode !== 401 || this.#options.credentials === undefined) return answer;
    const fresh = await this.#options.credentials(true);
    if (JSON.stringify(fresh) === JSON.stringify(credentials)) return answer;
    answer.resume();
    return this.#sendWith(request, fresh);
  }

  /** Closes all connections, also those in use. */
  close(): void {
    this.#agent?.destroy();
    this.#agent = undefined;
  }

  async #sendWith(request: TransportRequest, credentials: Credentials): Promise<http.IncomingMessage> {
    try {
      return await this.#sendOnce(request, credentials);
    } catch (error) {
      request.signal?.throwIfAborted();
      // The server may close a kept-alive connection just as we reuse it (RFC 9112 section 9.5): safe requests go again.
      if (error instanceof StaleConnectionError && request.method === "GET") {
        try {
          return await this.#sendOnce(request, credentials);
        } catch (again) {
          request.signal?.throwIfAborted();
          throw this.unreachable(again);
        }
      }
      throw this.unreachable(error);
    }
  }

  /** The error of a failed connection, with the server and the cause in its message. */
  unreachable(cause: unknown): Error {
    const error = statusError("ServiceUnavailable", `API server ${this.server}: ${describe(cause)}`);
    error.cause = cause;
    return error;
  }

  #sendOnce(request: TransportRequest, credentials: Credentials): Promise<http.IncomingMessage> {
    const url = new URL(this.server + request.path);
    for (const [name, value] of Object.entries(request.query ?? {})) url.searchParams.set(name, value);
    const send = url.protocol === "https:" ? https.request : http.request;
    return new Promise((resolve, reject) => {
      const outgoing = send(url, {
        method: request.method,
        agent: this.#agentFor(credentials),
        headers: this.#headers(request, credentials),
        ...(request.signal === undefined ? {} : { signal: request.signal }),
      });
      outgoing.setTimeout(IDLE_TIMEOUT_MS, () => {
        outgoing.destroy(new Error(`no answer for ${IDLE_TIMEOUT_MS / 1000} s`));
      });
      outgoing.on("response", (response) => {
        if (request.stream === true) outgoing.setTimeout(0);
        resolve(response);
      });
      outgoing.on("error", (error) => {
        const stale = outgoing.reusedSocket && "code" in error && error.code === "ECONNRESET";
        reject(stale ? new StaleConnectionError("connection closed by the server", { cause: error }) : error);
      });
      outgoing.end(request.body);
    });
  }

  #headers(request: TransportRequest, credentials: Credentials): http.OutgoingHttpHeaders {
    const headers: http.OutgoingHttpHeaders = {
      accept: "application/json",
      "user-agent": this.#options.userAgent ?? "ai-edge",
      ...this.#options.headers,
      ...request.headers,
    };
    if (credentials.token !== undefined) headers["authorization"] = `Bearer ${credentials.token}`;
    else if (credentials.basic !== undefined) {
      const { username, password } = credentials.basic;
      headers["authorization"] = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
    }
    if (request.body !== undefined) headers["content-length"] = Buffer.byteLength(request.body);
    return headers;
  }

  /** One agent per client certificate: connections authenticated with an older one are not used again. */
  #agentFor(credentials: Credentials): http.Agent {
    const certificate = credentials.clientCertificate;
    const key = certificate === undefined ? "" : certificate.certificate + certificate.key;
    if (this.#agent !== undefined && this.#agentKey === key) return this.#agent;
    closeIdle(this.#agent);
    const options = this.#options;
    this.#agentKey = key;
    this.#agent =
      this.#base.protocol === "http:"
        ? new http.Agent({ keepAlive: true, keepAliveMsecs: TCP_PROBE_AFTER_MS })
        : new https.Agent({
            keepAlive: true,
            keepAliveMsecs: TCP_PROBE_AFTER_MS,
            ...(options.certificateAuthority === undefined ? {} : { ca: options.certificateAuthority }),
            ...(options.tlsServerName === undefined ? {} : { servername: options.tlsServerName }),
            ...(certificate === undefined ? {} : { cert: certificate.certificate, key: certificate.key }),
            rejectUnauthorized: options.insecureSkipTlsVerify !== true,
          });
    return this.#agent;
  }
}

class StaleConnectionError extends Error {}

function closeIdle(agent: http.Agent | undefined): void {
  for (const sockets of Object.values(agent?.freeSockets ?? {})) {
    for (const socket of sockets ?? []) socket.destroy();
  }
}

function describe(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  // Happy-eyeballs failures have an empty message and one error per address.
  if (cause instanceof AggregateError) return cause.errors.map(describe).join("; ");
  if (cause instanceof StaleConnectionError) return describe(cause.cause);
  return cause.message;
}
