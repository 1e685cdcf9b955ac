import type { Descriptor, FetchedManifest, ImageManifest, Platform } from "./manifest.ts";
import { type ImageRepository, selectPlatform } from "./repository.ts";

/** Blobs in flight at once: enough to hide round trips, few enough to leave a site's link usable (ggcr uses 4). */
const PARALLEL_BLOBS = 4;

export interface CopyResult {
  descriptor: Descriptor;
  /** Bytes that had to be moved. */
  transferred: number;
  /** Blobs that the target had or could mount. */
  skipped: number;
}

/**
 * Copies an image or a whole index with everything it refers to, blobs before manifests, so that the target never
 * holds a manifest with holes. What the target already has is not moved.
 * @param reference a tag or digest of the source
 * @param tag the tag in the target; absent: by digest only
 * @param options.platform of an index, copy only the image for this platform: for layouts of a machine that runs
 *   nothing else; registries refuse an index with holes
 */
export async function copyImage(
  source: ImageRepository,
  reference: string,
  target: ImageRepository,
  tag: string | undefined,
  signal?: AbortSignal,
  options: { platform?: Platform } = {},
): Promise<CopyResult> {
  const fetched = await source.manifest(reference, signal);
  const result: CopyResult = { descriptor: fetched.descriptor, transferred: 0, skipped: 0 };
  const copyAll = async (content: FetchedManifest): Promise<void> => {
    if (content.content.kind === "image")
      return await copyBlobs(source, content.content.manifest, target, result, signal);
    for (const entry of chosenEntries(content.content.index.manifests, options.platform)) {
      const child = await source.manifest(entry.digest, signal);
      await copyAll(child);
      await target.putManifest(child, undefined, signal);
    }
  };
  await copyAll(fetched);
  await target.putManifest(fetched, tag, signal);
  return result;
}

function chosenEntries(
  entries: readonly Descriptor[],
  platform: Platform | undefined,
): readonly Descriptor[] {
  const chosen = platform && selectPlatform(entries, platform);
  return chosen === undefined ? entries : [chosen];
}

async function copyBlobs(
  source: ImageRepository,
  { config, layers }: ImageManifest,
  target: ImageRepository,
  result: CopyResult,
  signal: AbortSignal | undefined,
): Promise<void> {
  const distinct = new Map([...layers, config].map((descriptor) => [descriptor.digest, descriptor]));
  await forEachParallel([...distinct.values()], PARALLEL_BLOBS, async (descriptor) => {
    const moved = await copyBlob(source, descriptor, target, signal);
    if (moved) result.transferred += descriptor.size;
    else result.skipped += 1;
  });
}

async function copyBlob(
  source: ImageRepository,
  descriptor: Descriptor,
  target: ImageRepository,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  signal?.throwIfAborted();
  if (await target.hasBlob(descriptor.digest, signal)) return false;
  if ((await target.mountBlob?.(descriptor.digest, source, signal)) === true) return false;
  const open = (offset: number): AsyncIterable<Uint8Array> =>
    source.blobFrom?.(descriptor, offset, signal) ?? skipBytes(source.blob(descriptor, signal), offset);
  await target.putBlob(descriptor, open, signal);
  return true;
}

/** The stream without its first bytes. They are still read, so that the whole is verified. */
async function* skipBytes(
  source: AsyncIterable<Uint8Array>,
  offset: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let left = offset;
  for await (const chunk of source) {
    if (left >= chunk.length) left -= chunk.length;
    else {
      yield left === 0 ? chunk : chunk.subarray(left);
      left = 0;
    }
  }
}

/** Runs a task for every item, at most `limit` at once; the first failure stops the taking of new items. */
async function forEachParallel<T>(
  items: readonly T[],
  limit: number,
  task: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  let failed = false;
  const worker = async (): Promise<void> => {
    while (next < items.length && !failed) {
      const item = items[next];
      next += 1;
      if (item === undefined) continue;
      try {
        await task(item);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
}
