import { type Digest, digestOf, isDigest } from "../digest.ts";
import {
  MEDIA_TYPE_DOCKER_MANIFEST,
  MEDIA_TYPE_DOCKER_MANIFEST_LIST,
  MEDIA_TYPE_INDEX,
  MEDIA_TYPE_MANIFEST,
} from "./media-type.ts";

/** image-spec `descriptor.md`. */
export interface Descriptor {
  mediaType: string;
  digest: Digest;
  /** Bytes. */
  size: number;
  annotations?: Record<string, string>;
  artifactType?: string;
  platform?: Platform;
}

export interface Platform {
  architecture: string;
  os: string;
  variant?: string;
}

/** image-spec `manifest.md`. */
export interface ImageManifest {
  schemaVersion: 2;
  mediaType?: string;
  artifactType?: string;
  config: Descriptor;
  layers: Descriptor[];
  subject?: Descriptor;
  annotations?: Record<string, string>;
}

/** image-spec `image-index.md`. */
export interface ImageIndex {
  schemaVersion: 2;
  mediaType?: string;
  artifactType?: string;
  manifests: Descriptor[];
  subject?: Descriptor;
  annotations?: Record<string, string>;
}

/** A manifest as stored: the bytes are what the digest is of, so they are never re-serialised. */
export interface FetchedManifest {
  descriptor: Descriptor;
  bytes: Uint8Array;
  content: { kind: "image"; manifest: ImageManifest } | { kind: "index"; index: ImageIndex };
}

export class ManifestError extends Error {
  override readonly name = "ManifestError";
}

/** distribution-spec asks registries to take at least 4 MiB; nothing legitimate is larger. */
export const MAX_MANIFEST_SIZE = 4 * 1024 * 1024;

/**
 * Reads a manifest or index. Unknown fields stay in `bytes`; what we use is checked, because it decides what is
 * downloaded and where it is written.
 * @param mediaType the Content-Type it came with; its own `mediaType` wins
 */
export function parseManifest(
  bytes: Uint8Array,
  mediaType?: string,
  algorithm: "sha256" | "sha512" = "sha256",
): FetchedManifest {
  if (bytes.length > MAX_MANIFEST_SIZE)
    throw new ManifestError(`manifest of ${bytes.length} bytes: more than ${MAX_MANIFEST_SIZE}`);
  const object = asRecord(parseJson(bytes), "manifest");
  if (object["schemaVersion"] !== 2) throw new ManifestError("manifest: schemaVersion must be 2");
  const own = typeof object["mediaType"] === "string" ? object["mediaType"] : undefined;
  const type =
    own ??
    mediaType?.split(";")[0]?.trim() ??
    ("manifests" in object ? MEDIA_TYPE_INDEX : MEDIA_TYPE_MANIFEST);
  const descriptor: Descriptor = { mediaType: type, digest: digestOf(bytes, algorithm), size: bytes.length };
  const subject =
    object["subject"] === undefined ? {} : { subject: readDescriptor(object["subject"], "subject") };
  const shared = {
    ...subject,
    ...readAnnotations(object),
    ...readArtifactType(object),
    mediaType: type,
    schemaVersion: 2 as const,
  };
  if (type === MEDIA_TYPE_INDEX || type === MEDIA_TYPE_DOCKER_MANIFEST_LIST) {
    return {
      descriptor,
      bytes,
      content: {
        kind: "index",
        index: { ...shared, manifests: readDescriptors(object["manifests"], "manifests") },
      },
    };
  }
  if (type !== MEDIA_TYPE_MANIFEST && type !== MEDIA_TYPE_DOCKER_MANIFEST) {
    throw new ManifestError(`manifest: media type ${type} is neither an image manifest nor an index`);
  }
  const config = readDescriptor(object["config"], "config");
  return {
    descriptor,
    bytes,
    content: {
      kind: "image",
      manifest: { ...shared, config, layers: readDescriptors(object["layers"], "layers") },
    },
  };
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new ManifestError("manifest: not JSON");
  }
}

function asRecord(value: unknown, field: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new ManifestError(`${field}: not an object`);
  return Object.fromEntries(Object.entries(value));
}

function readDescriptors(value: unknown, field: string): Descriptor[] {
  if (!Array.isArray(value)) throw new ManifestError(`${field}: not a list`);
  return value.map((item, index) => readDescriptor(item, `${field}[${index}]`));
}

function readDescriptor(value: unknown, field: string): Descriptor {
  const object = asRecord(value, field);
  const { mediaType, digest, size } = object;
  if (typeof mediaType !== "string") throw new ManifestError(`${field}.mediaType: not a string`);
  if (typeof digest !== "string" || !isDigest(digest))
    throw new ManifestError(`${field}.digest: not a digest`);
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0)
    throw new ManifestError(`${field}.size: not a byte count`);
  return {
    mediaType,
    digest,
    size,
    ...readAnnotations(object),
    ...readArtifactType(object),
    ...readPlatform(object["platform"]),
  };
}

function readArtifactType(object: Record<string, unknown>): { artifactType?: string } {
  return typeof object["artifactType"] === "string" ? { artifactType: object["artifactType"] } : {};
}

function readAnnotations(object: Record<string, unknown>): { annotations?: Record<string, string> } {
  const value = object["annotations"];
  if (typeof value !== "object" || value === null) return {};
  const entries = Object.entries(value).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string",
  );
  return { annotations: Object.fromEntries(entries) };
}

function readPlatform(value: unknown): { platform?: Platform } {
  if (typeof value !== "object" || value === null) return {};
  const { architecture, os, variant } = asRecord(value, "platform");
  if (typeof architecture !== "string" || typeof os !== "string") return {};
  return { platform: { architecture, os, ...(typeof variant === "string" ? { variant } : {}) } };
}
