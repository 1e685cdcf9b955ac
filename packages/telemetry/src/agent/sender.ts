/** One remote-write request over HTTP(S), and what its answer means. */
import { Agent as HttpAgent, request as httpRequest, type RequestOptions } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";

export interface RemoteWrite {
  /** `http(s)://…/api/v1/write`; a function is asked at every request, for a core that may move. */
  url: string | (() => string);
  /** Asked at every request, so that credentials may be renewed. */
  headers?: () => Record<string, string> | Promise<Record<string, string>>;
  /** PEM; for mutual TLS and private authorities. Asked at every new connection. */
  tls?: () => { ca?: string; cert?: string; key?: string };
}

export type Outcome =
  | { kind: "accepted" }
  /** The receiver will never take this request: it is given up. */
  | { kind: "refused"; reason: string }
  /** Worth another try; the receiver may have said when. */
  | { kind: "later"; reason: string; retryAfterMs?: number };

const TIMEOUT_MS = 30_000;
/** Enough of an error answer to understand it. */
const MAX_REASON_BYTES = 2_048;

/**
 * Statuses that say the request itself is wrong. Other 4xx (401, 403, 404: credentials being renewed, a core that is
 * being set up) are not the samples' fault, so they wait, whatever the specification allows.
 */
const FINAL_STATUSES = new Set([400, 413, 415, 422]);

export class Sender {
  readonly #remote: RemoteWrite;
  #agent: { protocol: string; agent: HttpAgent | HttpsAgent } | undefined;

  constructor(remote: RemoteWrite) {
    this.#remote = remote;
  }

  #connect(protocol: string): HttpAgent | HttpsAgent {
    if (this.#agent?.protocol === protocol) return this.#agent.agent;
    this.reconnect();
    const keep = { keepAlive: true, maxSockets: 1 };
    const agent =
      protocol === "https:" ? new HttpsAgent({ ...keep, ...this.#remote.tls?.() }) : new HttpAgent(keep);
    this.#agent = { protocol, agent };
    return agent;
  }

  /** Drops the connection, so that the next request reads the TLS material again. */
  reconnect(): void {
    this.#agent?.agent.destroy();
    this.#agent = undefined;
  }

  /** Sends one compressed request body; never rejects. */
  async send(body: Buffer, signal: AbortSignal): Promise<Outcome> {
    try {
      const { status, retryAfter, text } = await this.#post(body, signal);
      if (status >= 200 && status < 300) return { kind: "accepted" };
      const reason = `HTTP ${status}${text === "" ? "" : `: ${text}`}`;
      if (FINAL_STATUSES.has(status)) return { kind: "refused", reason };
      const seconds = Number(retryAfter);
      return { kind: "later", reason, ...(seconds > 0 ? { retryAfterMs: seconds * 1_000 } : {}) };
    } catch (error) {
      this.reconnect();
      return { kind: "later", reason: error instanceof Error ? error.message : String(error) };
    }
  }

  async #post(
    body: Buffer,
    signal: AbortSignal,
  ): Promise<{ status: number; retryAfter: string | undefined; text: string }> {
    const { url } = this.#remote;
    const target = new URL(typeof url === "string" ? url : url());
    const options: RequestOptions = {
      method: "POST",
      agent: this.#connect(target.protocol),
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
      headers: {
        ...(await this.#remote.headers?.()),
        "content-type": "application/x-protobuf",
        "content-encoding": "snappy",
        "x-prometheus-remote-write-version": "0.1.0",
        "user-agent": "ai-edge-telemetry",
        "content-length": body.length,
      },
    };
    const { promise, resolve, reject } = Promise.withResolvers<{
      status: number;
      retryAfter: string | undefined;
      text: string;
    }>();
    const outgoing = (target.protocol === "https:" ? httpsRequest : httpRequest)(
      target,
      options,
      (response) => {
        let text = "";
        response.on("data", (chunk: Buffer) => {
          if (text.length < MAX_REASON_BYTES) text += chunk.toString("utf8");
        });
        response.on("error", reject);
        response.on("end", () => {
          const retryAfter = response.headers["retry-after"];
          resolve({
            status: response.statusCode ?? 0,
            retryAfter,
            text: text.slice(0, MAX_REASON_BYTES).trim(),
          });
        });
      },
    );
    outgoing.on("error", reject);
    outgoing.end(body);
    return promise;
  }
}
