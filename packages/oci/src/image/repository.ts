import { Readable } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { pipeline } from "node:stream";
import type { Digest } from "../digest.ts";
import { type ImageConfig, MAX_CONFIG_SIZE, parseImageConfig } from "./config.ts";
import {
  type Descriptor,
  type FetchedManifest,
  type ImageManifest,
  ManifestError,
  type Platform,
} from "./manifest.ts";
import { layerCompression } from "./media-type.ts";

/** A place where images are: a repository of a registry, or an OCI image layout. Everything read from it is verified. */
export interface ImageRepository {
  /** How errors name it: `registry.example.com/app`. */
  readonly name: string;
  /** The manifest of a tag or digest. Throws if there is none. */
  manifest(reference: string, signal?: AbortSignal): Promise<FetchedManifest>;
  /** The bytes of a blob; the stream throws at its end if they do not match the descriptor. */
  blob(descriptor: Descriptor, signal?: AbortSignal): AsyncIterable<Uint8Array>;
  /** Bytes from an offset, NOT verified: for a target that goes on with a partial copy and checks the whole itself. */
  blobFrom?(descriptor: Descriptor, offset: number, signal?: AbortSignal): AsyncIterable<Uint8Array>;
  hasBlob(digest: Digest, signal?: AbortSignal): Promise<boolean>;
  /** Stores a blob and refuses it if it is not what its descriptor says; `open` gives its bytes from an offset and may be called again after a cut. */
  putBlob(
    descriptor: Descriptor,
    open: (offset: number) => AsyncIterable<Uint8Array>,
    signal?: AbortSignal,
  ): Promise<void>;
  /** Stores a manifest whose blobs are there, under its digest or a tag. */
  putManifest(manifest: FetchedManifest, tag: string | undefined, signal?: AbortSignal): Promise<void>;
  /** Takes a blob over from another repository of the same registry without moving it; false if that is not possible. */
  mountBlob?(digest: Digest, from: ImageRepository, signal?: AbortSignal): Promise<boolean>;
}

/** An image resolved to one platform. */
export interface ResolvedImage {
  descriptor: Descriptor;
  fetched: FetchedManifest;
  manifest: ImageManifest;
  config: ImageConfig;
}

/** An index of indexes is legal but nothing makes deep ones. */
const MAX_INDEX_DEPTH = 4;

/** The image of a tag or digest; from an index, the entry for the platform. */
export async function resolveImage(
  repository: ImageRepository,
  reference: string,
  platform: Platform,
  signal?: AbortSignal,
): Promise<ResolvedImage> {
  let fetched = await repository.manifest(reference, signal);
  for (let depth = 0; fetched.content.kind === "index"; depth += 1) {
    if (depth === MAX_INDEX_DEPTH)
      throw new ManifestError(`${repository.name}: index nested deeper than ${MAX_INDEX_DEPTH}`);
    const { manifests } = fetched.content.index;
    const entry = selectPlatform(manifests, platform);
    if (entry === undefined) {
      const offered = manifests.map(({ platform: p }) =>
        p === undefined ? "unknown" : `${p.os}/${p.architecture}`,
      );
      throw new ManifestError(
        `${repository.name}@${fetched.descriptor.digest} has no image for ${platform.os}/${platform.architecture}; it has: ${offered.join(", ") || "none"}`,
      );
    }
    fetched = await repository.manifest(entry.digest, signal);
  }
  const { manifest } = fetched.content;
  const config = parseImageConfig(await readSmallBlob(repository, manifest.config, MAX_CONFIG_SIZE, signal));
  return { descriptor: fetched.descriptor, fetched, manifest, config };
}

/** The entry of an index for a platform; a single entry without one stands for all. */
export function selectPlatform(manifests: readonly Descriptor[], platform: Platform): Descriptor | undefined {
  const fits = (entry: Descriptor): boolean =>
    entry.platform?.os === platform.os && entry.platform.architecture === platform.architecture;
  return (
    manifests.find(fits) ??
    (manifests.length === 1 && manifests[0]?.platform === undefined ? manifests[0] : undefined)
  );
}

/** A verified blob in memory; refused above the limit. */
export async function readSmallBlob(
  repository: ImageRepository,
  descriptor: Descriptor,
  limit: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  if (descriptor.size > limit) {
    throw new ManifestError(
      `${repository.name}: blob ${descriptor.digest} of ${descriptor.size} bytes: more than ${limit}`,
    );
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of repository.blob(descriptor, signal)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The tar stream of a layer, decompressed by its media type. */
export function decompressLayer(
  source: AsyncIterable<Uint8Array>,
  mediaType: string,
): AsyncIterable<Uint8Array> {
  const compression = layerCompression(mediaType);
  if (compression === "none") return source;
  if (compression === undefined)
    throw new ManifestError(`layer media type ${mediaType} is not supported: want tar, tar+gzip or tar+zstd`);
  const decoder = compression === "gzip" ? createGunzip() : createZstdDecompress();
  // An error of the source destroys the decoder with it, and so reaches whoever reads the decoder.
  return pipeline(Readable.from(source), decoder, () => undefined);
}
