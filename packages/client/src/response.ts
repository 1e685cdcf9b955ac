import type { IncomingMessage } from "node:http";
import {
  type KubernetesObject,
  type Status,
  type StatusReason,
  StatusError,
  statusError,
} from "@ai-edge/apimachinery";
import type { ClientResponse } from "./types.ts";

/** A list of every object of a big cluster fits; a runaway answer does not eat the heap. */
const MAX_BODY_BYTES = 256 * 1024 * 1024;
/** A `Status` with a cause per field is a few KiB. */
const MAX_ERROR_BODY_BYTES = 1024 * 1024;
/** How much of a non-JSON error page (a proxy's) is shown. */
const MAX_ERROR_TEXT = 300;

const REASONS: Record<number, StatusReason> = {
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  405: "MethodNotAllowed",
  406: "NotAcceptable",
  409: "Conflict",
  410: "Gone",
  413: "RequestEntityTooLarge",
  415: "UnsupportedMediaType",
  422: "Invalid",
  429: "TooManyRequests",
  500: "InternalError",
  503: "ServiceUnavailable",
  504: "Timeout",
};

/** True for 2xx. */
export function isSuccess(response: IncomingMessage): boolean {
  const status = response.statusCode ?? 0;
  return status >= 200 && status < 300;
}

/** The whole body as text, up to `limit` bytes; throws when it is longer. */
export async function readText(response: IncomingMessage, limit: number = MAX_BODY_BYTES): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of bodyOf(response)) {
    length += chunk.length;
    if (length > limit) {
      response.destroy();
      throw statusError("RequestEntityTooLarge", `the API server's answer is longer than ${limit} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** The body as an object of the API. */
export async function readObject<T extends KubernetesObject>(
  response: IncomingMessage,
  what: string,
): Promise<T> {
  return parseObject<T>(await readText(response), what);
}

/** Parses one object of the API; `what` names it in errors. */
export function parseObject<T>(text: string, what: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const error = statusError(
      "InternalError",
      `${what}: the API server's answer is not JSON: ${excerpt(text)}`,
    );
    error.cause = cause;
    throw error;
  }
  if (!isShape<T>(value)) {
    throw statusError("InternalError", `${what}: the API server's answer is not an object: ${excerpt(text)}`);
  }
  return value;
}

/** The StatusError of a non-2xx answer: its `Status` if it carries one, else one made from code and text. */
export async function responseError(response: IncomingMessage, what: string): Promise<StatusError> {
  const code = response.statusCode ?? 500;
  let text = "";
  try {
    text = await readText(response, MAX_ERROR_BODY_BYTES);
  } catch {
    // The code alone says enough when the body cannot be read.
  }
  const status = parseStatus(text);
  if (status !== undefined) return new StatusError({ code, reason: REASONS[code] ?? "Unknown", ...status });
  const message = `${what}: HTTP ${code}${text === "" ? "" : `: ${excerpt(text)}`}`;
  const retryAfter = Number(response.headers["retry-after"]);
  return new StatusError({
    apiVersion: "v1",
    kind: "Status",
    metadata: {},
    status: "Failure",
    message,
    reason: REASONS[code] ?? "Unknown",
    code,
    ...(Number.isFinite(retryAfter) && retryAfter > 0 ? { details: { retryAfterSeconds: retryAfter } } : {}),
  });
}

/** The answer as callers of `Client.request` see it. */
export function clientResponse(response: IncomingMessage): ClientResponse {
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: bodyOf(response),
    text: () => readText(response),
  };
}

/** True if a value decoded from JSON can be a `Status`. */
export function isStatusObject(value: unknown): value is Status {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "Status";
}

function bodyOf(response: IncomingMessage): AsyncIterable<Buffer> {
  return response;
}

function parseStatus(text: string): Status | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isStatusObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

// The API server validates kinds against their schemas; the client only refuses what is not an object at all.
function isShape<T>(value: unknown): value is T {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function excerpt(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > MAX_ERROR_TEXT ? `${line.slice(0, MAX_ERROR_TEXT)}…` : line;
}
