import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";

export interface SentRequest {
  method: string;
  headers: Record<string, string>;
  body?: string | undefined;
  signal: AbortSignal;
  /** A longer answer is an error. */
  maxAnswerBytes: number;
}

/**
 * One HTTP request. Not by `fetch`, whose first use costs a process some 10 MB of resident memory for as long as it lives.
 * On a connection of its own: a kept one may be closed by its server just as the next request takes it.
 * Redirects are answers like others: the caller's credentials never follow one.
 * @returns status and body
 * @throws Error when there is no answer, the signal's reason when it aborted
 */
export async function send(
  url: string,
  { method, headers, body, signal, maxAnswerBytes }: SentRequest,
): Promise<{ status: number; text: string }> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const start = url.startsWith("https:") ? httpsRequest : httpRequest;
    const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
    start(url, { method, headers: { ...headers, ...length }, signal, agent: false }, resolve)
      .once("error", reject)
      .end(body);
  });
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    if (!Buffer.isBuffer(chunk)) continue;
    size += chunk.length;
    if (size > maxAnswerBytes) throw new Error(`the answer is larger than ${maxAnswerBytes} bytes`);
    chunks.push(chunk);
  }
  return { status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") };
}

/** Whether a status code means success. */
export function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}
