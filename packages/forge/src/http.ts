import type { IncomingMessage, ServerResponse } from "node:http";

/** The largest JSON body of an API request: a pull request's text, with GitHub's own limit of 64 KiB in mind. */
const MAX_JSON_BYTES = 1024 * 1024;

/** One entry of `errors` in a GitHub error body. */
export interface FieldError {
  resource: string;
  field?: string;
  code: "missing" | "missing_field" | "invalid" | "already_exists" | "custom" | "unprocessable";
  message?: string;
}

/** A refusal with GitHub's error body: `{message, errors?, documentation_url}`. */
export class ForgeHttpError extends Error {
  override readonly name = "ForgeHttpError";
  readonly code: number;
  readonly errors: FieldError[];

  constructor(code: number, message: string, errors: FieldError[] = []) {
    super(message);
    this.code = code;
    this.errors = errors;
  }
}

const DOCUMENTATION_URL = "https://docs.github.com/rest";

/** Answers with a JSON body. */
export function sendJson(response: ServerResponse, code: number, body: unknown): void {
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(code, {
    "content-type": "application/json; charset=utf-8",
    "content-length": bytes.length,
    "cache-control": "no-store",
  });
  response.end(bytes);
}

/** Answers with an error in GitHub's shape; 401 also asks for Basic, which makes git look for credentials. */
export function sendError(response: ServerResponse, error: ForgeHttpError): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  if (error.code === 401) response.setHeader("www-authenticate", 'Basic realm="ai-edge forge"');
  sendJson(response, error.code, {
    message: error.message,
    ...(error.errors.length === 0 ? {} : { errors: error.errors }),
    documentation_url: DOCUMENTATION_URL,
    status: String(error.code),
  });
}

/**
 * Reads a JSON object from a request; an empty body is an empty object.
 * @throws ForgeHttpError 400 or 413 for anything else
 */
export async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
    size += bytes.length;
    if (size > MAX_JSON_BYTES)
      throw new ForgeHttpError(413, `The request body is larger than ${MAX_JSON_BYTES} bytes`);
    chunks.push(bytes);
  }
  if (size === 0) return {};
  try {
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8"));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    throw new ForgeHttpError(400, "Problems parsing JSON");
  }
  throw new ForgeHttpError(400, "Body should be a JSON object");
}

/** An optional text field of a JSON body. @throws ForgeHttpError 422 when it is something else than a string */
export function textField(
  body: Record<string, unknown>,
  resource: string,
  field: string,
): string | undefined {
  const value = body[field];
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string") return value;
  throw new ForgeHttpError(422, "Validation Failed", [
    { resource, field, code: "invalid", message: `${field} is not a string` },
  ]);
}

/** A text field that must be there and not empty. @throws ForgeHttpError 422 */
export function requiredField(body: Record<string, unknown>, resource: string, field: string): string {
  const value = textField(body, resource, field);
  if (value !== undefined && value !== "") return value;
  throw new ForgeHttpError(422, "Validation Failed", [{ resource, field, code: "missing_field" }]);
}
