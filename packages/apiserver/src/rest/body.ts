import type { IncomingMessage } from "node:http";
import { type UnstructuredObject, isJsonObject, statusError } from "@ai-edge/apimachinery";
import { type YAMLParseError, parseDocument } from "yaml";
import { type ExpectedKind, decodeProtobufObject } from "../protobuf/object.ts";
import { duplicateFields } from "./duplicate-keys.ts";
import { parseMediaType } from "./negotiation.ts";

/** `MaxRequestBodyBytes` of kube-apiserver. */
const MAX_BODY_BYTES = 3 * 1024 * 1024;
/** Far above any real object; keeps recursive code within its stack (encoding/json stops at 10,000). */
const MAX_DEPTH = 500;
/** YAML aliases may blow up small bodies ("billion laughs"); kubectl sends none. */
const MAX_YAML_ALIASES = 100;

/** Of a key in a message. */
const MAX_SHOWN_KEY = 100;

const UTF8 = new TextDecoder("utf-8", { fatal: true });

/** Reads the whole body. @throws StatusError RequestEntityTooLarge */
export async function readBody(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) continue;
    length += chunk.length;
    if (length > MAX_BODY_BYTES) {
      throw statusError("RequestEntityTooLarge", `limit on request body size is ${MAX_BODY_BYTES} bytes`);
    }
    chunks.push(chunk);
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
}

export interface DecodeOptions {
  /** The kind of protobuf bodies that do not name it. */
  readonly expected?: ExpectedKind | undefined;
  /** Collects `duplicate field "…"` for keys that are there twice. */
  readonly duplicates?: string[] | undefined;
}

/**
 * The object in a body of JSON, YAML or Kubernetes protobuf.
 * @throws StatusError UnsupportedMediaType, BadRequest
 */
export function decodeObject(
  body: Uint8Array,
  contentType: string | undefined,
  options: DecodeOptions = {},
): UnstructuredObject {
  return asObject(decodeValue(body, contentType, options));
}

/** Like {@link decodeObject}, for bodies that may be something else: patches, DeleteOptions. */
export function decodeValue(
  body: Uint8Array,
  contentType: string | undefined,
  { expected, duplicates }: DecodeOptions = {},
): unknown {
  const { type } = parseMediaType(contentType ?? "application/json");
  switch (type) {
    case "application/json":
    case "":
      return parseJson(body, duplicates);
    case "application/yaml":
      return parseYamlBody(body, duplicates);
    case "application/vnd.kubernetes.protobuf":
      return decodeProtobufObject(body, expected);
    default:
      throw statusError(
        "UnsupportedMediaType",
        `the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf`,
      );
  }
}

/**
 * Parses JSON from outside. Of a key that is there twice the last one counts; @param duplicates collects them.
 * @throws StatusError BadRequest for bad UTF-8, bad JSON or too deep nesting
 */
export function parseJson(body: Uint8Array, duplicates?: string[]): unknown {
  const text = decodeText(body);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw badBody(error);
  }
  checkDepth(value);
  duplicates?.push(...duplicateFields(text).map((path) => `duplicate field "${path}"`));
  return value;
}

/** Parses one YAML (or JSON) document from outside, as {@link parseJson} does JSON. @throws StatusError BadRequest */
export function parseYamlBody(body: Uint8Array, duplicates?: string[]): unknown {
  const text = decodeText(body);
  let value: unknown;
  try {
    // YAML 1.1 booleans ("yes") stay strings, as in sigs.k8s.io/yaml for the values that objects hold.
    const document = parseDocument(text, { logLevel: "silent" });
    for (const error of document.errors) {
      if (error.code !== "DUPLICATE_KEY" || duplicates === undefined) throw error;
      duplicates.push(duplicateKey(text, error));
    }
    value = document.toJS({ maxAliasCount: MAX_YAML_ALIASES });
  } catch (error) {
    throw badBody(error);
  }
  checkDepth(value);
  return value;
}

/** In the words of go-yaml. */
function duplicateKey(text: string, { pos: [from, to], linePos }: YAMLParseError): string {
  const key = /^"?([^"':\s]*)/.exec(text.slice(from, Math.max(to, from + MAX_SHOWN_KEY)))?.[1] ?? "";
  return `line ${linePos?.[0].line ?? 0}: key "${key}" already set in map`;
}

function asObject(value: unknown): UnstructuredObject {
  if (!isJsonObject(value)) throw statusError("BadRequest", "the body of the request is not a JSON object");
  const { apiVersion, kind } = value;
  const metadata = value["metadata"] ?? {};
  if (!isJsonObject(metadata)) throw statusError("BadRequest", "metadata is not a JSON object");
  if (apiVersion !== undefined && typeof apiVersion !== "string") throw badField("apiVersion");
  if (kind !== undefined && typeof kind !== "string") throw badField("kind");
  checkMetadata(metadata);
  const name = typeof metadata["name"] === "string" ? metadata["name"] : "";
  return { ...value, apiVersion: apiVersion ?? "", kind: kind ?? "", metadata: { ...metadata, name } };
}

const METADATA_STRINGS = ["name", "namespace", "generateName", "uid", "resourceVersion", "creationTimestamp"];
const METADATA_MAPS = ["labels", "annotations"];
const METADATA_LISTS = ["finalizers", "ownerReferences", "managedFields"];

/** After this, the fields of metadata that the server itself reads have their types. */
export function checkMetadata(metadata: Record<string, unknown>): void {
  for (const field of METADATA_STRINGS) {
    if (metadata[field] === null) delete metadata[field];
    if (metadata[field] !== undefined && typeof metadata[field] !== "string")
      throw badField(`metadata.${field}`);
  }
  for (const field of METADATA_MAPS) {
    const value = metadata[field];
    if (value === undefined || value === null) {
      delete metadata[field];
      continue;
    }
    if (!isJsonObject(value) || !Object.values(value).every((item) => typeof item === "string")) {
      throw badField(`metadata.${field}`, "an object of strings");
    }
  }
  for (const field of METADATA_LISTS) {
    const value = metadata[field];
    if (value === undefined || value === null) {
      delete metadata[field];
      continue;
    }
    const item = field === "finalizers" ? (one: unknown) => typeof one === "string" : isJsonObject;
    if (!Array.isArray(value) || !value.every(item)) throw badField(`metadata.${field}`, "a list");
  }
}

function badField(field: string, expected = "a string"): Error {
  return statusError("BadRequest", `the request's ${field} must be ${expected}`);
}

function decodeText(body: Uint8Array): string {
  if (body.length === 0) throw statusError("BadRequest", "the body of the request is empty");
  try {
    return UTF8.decode(body);
  } catch {
    throw statusError("BadRequest", "the body of the request is not valid UTF-8");
  }
}

function badBody(error: unknown): Error {
  const message = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
  return statusError("BadRequest", `error decoding the body of the request: ${message}`);
}

function checkDepth(root: unknown): void {
  let level: unknown[] = [root];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > MAX_DEPTH)
      throw statusError("BadRequest", `the body of the request is nested deeper than ${MAX_DEPTH}`);
    level = level.flatMap((value) =>
      typeof value === "object" && value !== null
        ? Object.values(value).filter((child) => typeof child === "object" && child !== null)
        : [],
    );
  }
}
