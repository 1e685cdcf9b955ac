import type { IncomingMessage } from "node:http";
import { durationMs } from "../promql/lexer.ts";
import { ApiError } from "./answer.ts";

/**
 * Reads a body.
 *
 * @throws ApiError `too_large` above `limit` bytes
 */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const tooLarge = (): ApiError => new ApiError("too_large", `body is larger than ${limit} bytes`);
  if (Number(request.headers["content-length"] ?? 0) > limit) throw tooLarge();
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) continue;
    size += chunk.length;
    if (size > limit) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Form bodies of queries; a query itself is bounded far below. */
const MAX_FORM_BYTES = 256 * 1024;

/** Parameters from the URL and, of a POST, from its form body. */
export async function readParameters(request: IncomingMessage, url: URL): Promise<URLSearchParams> {
  if (request.method !== "POST") return url.searchParams;
  const form = new URLSearchParams((await readBody(request, MAX_FORM_BYTES)).toString("utf8"));
  for (const [name, value] of url.searchParams) form.append(name, value);
  return form;
}

/** Seconds since the epoch (with fraction) or RFC 3339, in milliseconds. */
export function timeParameter(parameters: URLSearchParams, name: string, fallback: number): number {
  const text = parameters.get(name);
  if (text === null || text === "") return fallback;
  const seconds = Number(text);
  const time = Number.isFinite(seconds) ? seconds * 1_000 : Date.parse(text);
  if (!Number.isFinite(time))
    throw new ApiError("bad_data", `${name}: ${JSON.stringify(text)} is not a time`);
  return Math.round(time);
}

/** Seconds or a duration such as `15s`, in milliseconds. */
export function stepParameter(parameters: URLSearchParams): number {
  const text = parameters.get("step") ?? "";
  const step = /^(\d+(ms|[smhdwy]))+$/.test(text) ? durationMs(text) : Number(text || Number.NaN) * 1_000;
  if (!Number.isFinite(step) || step <= 0) {
    throw new ApiError("bad_data", `step: ${JSON.stringify(text)} is not a positive duration`);
  }
  return Math.max(1, Math.round(step));
}
