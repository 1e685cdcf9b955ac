import { open } from "node:fs/promises";
import type { BlobStore } from "../blob-store.ts";
import type { Descriptor } from "../image/manifest.ts";
import { MEDIA_TYPE_LAYER } from "../image/media-type.ts";
import { BLOCK, encodeTarHeader, padding, type TarEntry } from "../tar/header.ts";

/** What goes into a layer: an entry, and for files where the bytes are. */
export interface LayerEntry extends TarEntry {
  source?: { file: string } | { bytes: Uint8Array } | undefined;
}

const READ_SIZE = 1024 * 1024;

/**
 * The bytes of a layer: entries in order of their paths, so that the same content always is the same layer. The
 * caller sees to it that parents of a path come as entries of their own.
 */
export async function* layerStream(
  entries: readonly LayerEntry[],
): AsyncGenerator<Uint8Array, void, undefined> {
  for (const entry of entries.toSorted((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))) {
    yield encodeTarHeader(entry);
    if (entry.type !== "file") continue;
    if (entry.source !== undefined && "bytes" in entry.source) yield entry.source.bytes;
    else if (entry.source !== undefined) yield* fileContent(entry.source.file, entry.size, entry.path);
    if (padding(entry.size) > 0) yield new Uint8Array(padding(entry.size));
  }
  yield new Uint8Array(2 * BLOCK);
}

/** Exactly the bytes that the header announced: a file that changes during the build would shift all that follows. */
async function* fileContent(
  file: string,
  size: number,
  path: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  const handle = await open(file, "r");
  try {
    for (let offset = 0; offset < size;) {
      const buffer = Buffer.allocUnsafe(Math.min(READ_SIZE, size - offset));
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, offset);
      if (bytesRead === 0) throw new Error(`${path}: the file became shorter while it was packed`);
      yield buffer.subarray(0, bytesRead);
      offset += bytesRead;
    }
  } finally {
    await handle.close();
  }
}

/**
 * Writes a layer into a store. It is not compressed: model weights do not shrink, and so the digest of the blob is
 * the layer's diff id and never depends on a compressor's version.
 */
export async function writeLayer(store: BlobStore, entries: readonly LayerEntry[]): Promise<Descriptor> {
  const { digest, size } = await store.write(layerStream(entries));
  return { mediaType: MEDIA_TYPE_LAYER, digest, size };
}
