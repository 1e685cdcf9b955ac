import type { IncomingMessage, ServerResponse } from "node:http";
import { type Digest, isDigest } from "@ai-edge/oci";
import { Refusal } from "./refusal.ts";

/** One request with what handlers need of it. */
export interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  url: URL;
  /** Repository name; "" where the path has none. */
  repository: string;
  /** What follows it: a digest, tag or upload id. */
  reference: string;
}

/** The digest in a path or parameter. */
export function wantDigest(text: string | null, what: string): Digest {
  if (text !== null && isDigest(text)) return text;
  throw new Refusal(400, "DIGEST_INVALID", `${what}: want sha256:<64 hexadecimal digits> or sha512:<128>`);
}

/** The body, refused above the limit. */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) throw new Refusal(413, "SIZE_INVALID", `the body is larger than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Answers without a body. */
export function answer(exchange: Exchange, status: number, headers: Record<string, string>): void {
  const length: Record<string, string> =
    status === 204 || headers["content-length"] !== undefined ? {} : { "content-length": "0" };
  exchange.response.writeHead(status, { ...length, ...headers }).end();
}

/** Answers with JSON. */
export function answerJson(
  exchange: Exchange,
  status: number,
  value: unknown,
  headers: Record<string, string> = {},
): void {
  const body = JSON.stringify(value);
  const all = {
    "content-type": "application/json",
    "content-length": String(Buffer.byteLength(body)),
    ...headers,
  };
  exchange.response.writeHead(status, all).end(exchange.request.method === "HEAD" ? undefined : body);
}

/** A page of names after `last`, at most `n`, with the `Link` to the next one. */
export function page(
  exchange: Exchange,
  names: string[],
): { names: string[]; headers: Record<string, string> } {
  const { searchParams, pathname } = exchange.url;
  const last = searchParams.get("last") ?? "";
  const text = searchParams.get("n");
  const n = text === null ? Number.POSITIVE_INFINITY : Number(text);
  if (text !== null && !/^\d{1,9}$/.test(text)) throw new Refusal(400, "UNSUPPORTED", "n: want a number");
  const after = names.filter((name) => last === "" || name > last);
  const cut = after.slice(0, n);
  const end = cut.at(-1);
  const more = cut.length < after.length && end !== undefined;
  const link = `<${pathname}?n=${n}&last=${encodeURIComponent(end ?? "")}>; rel="next"`;
  return { names: cut, headers: more ? { link } : {} };
}
