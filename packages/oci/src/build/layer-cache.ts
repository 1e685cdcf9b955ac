import { lstat, mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { digestOf, isDigest } from "../digest.ts";
import { replaceFile, type ImageLayout } from "../image/layout.ts";
import type { Descriptor } from "../image/manifest.ts";
import { MEDIA_TYPE_LAYER } from "../image/media-type.ts";
import { type LayerEntry, writeLayer } from "../layer/writer.ts";

/**
 * A file at least this large gets a layer of its own: a retrained model then moves alone, without its small
 * companions, and two images share what they share.
 */
const OWN_LAYER_SIZE = 1024 * 1024;

/** Splits the entries of one COPY into at most `limit` layers: first what is small, then a layer for each large file. */
export function partition(entries: readonly LayerEntry[], limit: number): LayerEntry[][] {
  const bySize = entries.filter((entry) => entry.size >= OWN_LAYER_SIZE).toSorted((a, b) => b.size - a.size);
  const alone = new Set(bySize.slice(0, Math.max(0, limit - 1)));
  const together = entries.filter((entry) => !alone.has(entry));
  const single = [...alone].toSorted((a, b) => (a.path < b.path ? -1 : 1)).map((entry) => [entry]);
  return together.length === 0 ? single : [together, ...single];
}

/**
 * Writes a layer, or finds it again: a file with the same inode, size and times as in an earlier build is not read.
 */
export async function cachedLayer(layout: ImageLayout, entries: readonly LayerEntry[]): Promise<Descriptor> {
  const directory = path.join(layout.name, "cache");
  const file = path.join(directory, (await cacheKey(entries)).slice("sha256:".length));
  const cached = await readCached(layout, file);
  if (cached !== undefined) return cached;
  const descriptor = await writeLayer(layout.blobs, entries);
  await mkdir(directory, { recursive: true });
  await replaceFile(file, JSON.stringify(descriptor.digest));
  return descriptor;
}

async function cacheKey(entries: readonly LayerEntry[]): Promise<string> {
  const rows: unknown[] = [];
  for (const { source, ...header } of entries) {
    if (source === undefined) rows.push(header);
    else if ("bytes" in source) rows.push([header, digestOf(source.bytes)]);
    else {
      const { ino, size, mtimeNs, ctimeNs } = await lstat(source.file, { bigint: true });
      rows.push([header, source.file, `${ino} ${size} ${mtimeNs} ${ctimeNs}`]);
    }
  }
  return digestOf(JSON.stringify(rows));
}

async function readCached(layout: ImageLayout, file: string): Promise<Descriptor | undefined> {
  const text = await readFile(file, "utf8").catch(() => "null");
  const digest: unknown = JSON.parse(text);
  if (typeof digest !== "string" || !isDigest(digest)) return undefined;
  const size = await layout.blobs.size(digest);
  return size === undefined ? undefined : { mediaType: MEDIA_TYPE_LAYER, digest, size };
}
