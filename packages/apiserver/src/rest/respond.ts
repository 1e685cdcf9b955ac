import type { ServerResponse } from "node:http";
import { type Status, StatusError, type UnstructuredObject, statusError } from "@ai-edge/apimachinery";
import type { Logger } from "pino";
import { stringify as stringifyYaml } from "yaml";
import { tableOf } from "../printing/table.ts";
import { fromStorage } from "../objects/create.ts";
import type { StoredObject } from "../storage/stored-object.ts";
import type { Call } from "./call.ts";
import { negotiate } from "./negotiation.ts";

/** Longer warnings are cut. */
const MAX_WARNING_LENGTH = 1024;
/** What comes after so many characters is left out, as upstream does: clients bound the size of headers. */
const MAX_WARNINGS_LENGTH = 4096;

/** Answers with one stored object in the form that the client asks for. */
export function sendStored(call: Call, code: number, stored: StoredObject): void {
  const output = negotiate(call.request.headers.accept, ["object", "table", "metadata"]);
  if (output.form === "object" && output.media === "json" && call.resource.convert === undefined) {
    sendText(call.response, code, "application/json", stored.text, call.warnings);
    return;
  }
  sendObject(call, code, fromStorage(call.resource, stored.object));
}

/** Answers with one object of the call's resource. */
function sendObject(call: Call, code: number, object: UnstructuredObject): void {
  const output = negotiate(call.request.headers.accept, ["object", "table", "metadata"]);
  const now = call.environment.now();
  let body: unknown = object;
  if (output.form === "table") {
    const meta = { resourceVersion: object.metadata.resourceVersion };
    body = tableOf(call.resource, [object], {
      meta,
      now,
      version: output.version,
      include: includeOf(call.query),
    });
  } else if (output.form === "metadata") {
    body = partialMetadata(object, output.version);
  }
  sendBody(call.response, code, output.media, body, call.warnings);
}

/** `PartialObjectMetadata` of an object. */
export function partialMetadata(object: UnstructuredObject, version: string): UnstructuredObject {
  return { apiVersion: `meta.k8s.io/${version}`, kind: "PartialObjectMetadata", metadata: object.metadata };
}

/** The `includeObject` of a Table request. */
export function includeOf(query: URLSearchParams): "None" | "Metadata" | "Object" {
  const value = query.get("includeObject");
  return value === "None" || value === "Object" ? value : "Metadata";
}

/** Answers with a JSON or YAML body. */
export function sendBody(
  response: ServerResponse,
  code: number,
  media: "json" | "yaml",
  body: unknown,
  warnings: readonly string[] = [],
): void {
  if (media === "yaml") sendText(response, code, "application/yaml", stringifyYaml(body), warnings);
  else sendText(response, code, "application/json", JSON.stringify(body), warnings);
}

/** Answers with a text. */
export function sendText(
  response: ServerResponse,
  code: number,
  contentType: string,
  text: string,
  warnings: readonly string[] = [],
): void {
  const headers: Record<string, string | string[] | number> = {
    "Content-Type": contentType,
    "Cache-Control": "no-cache, private",
  };
  if (warnings.length > 0) headers["Warning"] = warningHeaders(warnings);
  const bytes = Buffer.from(text);
  headers["Content-Length"] = bytes.length;
  response.writeHead(code, headers);
  response.end(bytes);
}

/** Answers with the Status of an error; what is not a StatusError is logged and told as InternalError. */
export function sendError(response: ServerResponse, error: unknown, logger: Logger): void {
  const status = statusOf(error, logger);
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const retry = status.status.details?.retryAfterSeconds;
  if (retry !== undefined) response.setHeader("Retry-After", String(retry));
  sendText(response, status.code, "application/json", JSON.stringify(status.status));
}

function statusOf(error: unknown, logger: Logger): StatusError {
  if (error instanceof StatusError) return error;
  logger.error({ err: error }, "a request failed");
  const message = error instanceof Error ? error.message : String(error);
  return statusError("InternalError", `Internal error occurred: ${message}`);
}

/** A Status that says that something was done (`kubectl delete` reads it). */
export function success(details: Status["details"]): Status {
  return {
    apiVersion: "v1",
    kind: "Status",
    metadata: {},
    status: "Success",
    ...(details === undefined ? {} : { details }),
  };
}

function warningHeaders(warnings: readonly string[]): string[] {
  let length = 0;
  return [...new Set(warnings)]
    .map((warning) => `299 - ${quoteWarning(warning)}`)
    .filter((header) => (length += header.length) <= MAX_WARNINGS_LENGTH);
}

function quoteWarning(text: string): string {
  const printable = text.replaceAll(/[^\x20-\x7e]+/g, " ").slice(0, MAX_WARNING_LENGTH);
  return `"${printable.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}
