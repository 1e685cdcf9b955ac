/** The answer envelope of Prometheus' HTTP API. */
import type { ServerResponse } from "node:http";

export type ErrorType = "bad_data" | "execution" | "internal" | "unauthorized" | "not_found" | "too_large";

const STATUS: Readonly<Record<ErrorType, number>> = {
  bad_data: 400,
  execution: 422,
  internal: 500,
  unauthorized: 401,
  not_found: 404,
  too_large: 413,
};

/** A failure with its place in the API; the message is shown to the client. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly errorType: ErrorType;
  readonly status: number;

  constructor(errorType: ErrorType, message: string, status = STATUS[errorType]) {
    super(message);
    this.errorType = errorType;
    this.status = status;
  }
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  const text = Buffer.from(JSON.stringify(body));
  response.writeHead(status, { "content-type": "application/json", "content-length": text.length });
  response.end(text);
}

export function sendError(response: ServerResponse, error: ApiError): void {
  sendJson(response, error.status, { status: "error", errorType: error.errorType, error: error.message });
}
