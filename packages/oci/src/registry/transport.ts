import http from "node:http";
import https from "node:https";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

/** One HTTP exchange with a registry. Streams in both directions. */
export interface HttpRequest {
  method: string;
  url: URL;
  headers: Record<string, string>;
  /** A stream needs `content-length` in the headers. */
  body?: Uint8Array | AsyncIterable<Uint8Array> | undefined;
  signal?: AbortSignal | undefined;
}

export interface HttpAnswer {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: http.IncomingMessage;
}

/** A connection on which nothing moves for this long is dead; the caller resumes on a new one. */
const IDLE_TIMEOUT_MS = 60_000;
/** Error bodies and tokens are small. */
const MAX_SMALL_BODY = 1024 * 1024;

/** Keep-alive connections to registries. */
export class Transport {
  readonly #http = new http.Agent({ keepAlive: true });
  readonly #https: https.Agent;

  /** @param ca PEM certificates to trust besides the system's for https */
  constructor(ca?: string) {
    this.#https = new https.Agent({ keepAlive: true, ...(ca === undefined ? {} : { ca }) });
  }

  async send(request: HttpRequest): Promise<HttpAnswer> {
    const { method, url, headers, body, signal } = request;
    signal?.throwIfAborted();
    const secure = url.protocol === "https:";
    const call = (secure ? https : http).request(url, {
      method,
      headers,
      agent: secure ? this.#https : this.#http,
      timeout: IDLE_TIMEOUT_MS,
      ...(signal === undefined ? {} : { signal }),
    });
    call.on("timeout", () =>
      call.destroy(new Error(`${url.host}: nothing received for ${IDLE_TIMEOUT_MS / 1000} s`)),
    );
    const answer = new Promise<http.IncomingMessage>((resolve, reject) => {
      call.on("response", resolve);
      call.on("error", reject);
    });
    // Either may fail first; the answer decides, because a server may refuse before it has read everything.
    const sent = sendBody(call, body);
    const received = await Promise.race([answer, sent.then(() => answer)]).catch(async (error: unknown) => {
      call.destroy();
      await sent.catch(() => undefined);
      throw error;
    });
    sent.catch(() => undefined);
    return { status: received.statusCode ?? 0, headers: received.headers, body: received };
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }
}

async function sendBody(call: http.ClientRequest, body: HttpRequest["body"]): Promise<void> {
  if (body === undefined) call.end();
  else if (body instanceof Uint8Array) call.end(body);
  else await pipeline(Readable.from(body), call);
}

/** A small body as text; throws if it is not small. */
export async function readText(
  body: AsyncIterable<Uint8Array>,
  limit: number = MAX_SMALL_BODY,
): Promise<string> {
  return Buffer.from(await readBytes(body, limit)).toString("utf8");
}

/** A small body; throws if it is not small. */
export async function readBytes(body: AsyncIterable<Uint8Array>, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > limit) throw new Error(`answer of more than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The body of an answer as chunks of bytes. */
export function bytesOf(answer: HttpAnswer): AsyncIterable<Uint8Array> {
  return answer.body;
}
