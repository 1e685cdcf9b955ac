import { randomUUID } from "node:crypto";
import { createReadStream, type ReadStream } from "node:fs";
import { type FileHandle, mkdir, open, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { algorithmOf, checkDigest, type Digest, DigestHasher, splitDigest } from "./digest.ts";

/** What is expected of content that is stored; the size may be unknown. */
export interface ExpectedContent {
  digest: Digest;
  size?: number | undefined;
}

export interface StoredBlob {
  digest: Digest;
  size: number;
}

/**
 * Content-addressed files under `<directory>/blobs/<algorithm>/<hex>`, the layout of an OCI image layout. A blob is
 * there completely or not at all: it is written beside, flushed, then renamed.
 */
export class BlobStore {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Where the blob is, or would be. */
  path(digest: Digest): string {
    const { algorithm, hex } = splitDigest(digest);
    return path.join(this.#directory, "blobs", algorithm, hex);
  }

  /** The size of a blob in bytes; undefined if it is not there. */
  async size(digest: Digest): Promise<number | undefined> {
    try {
      return (await stat(this.path(digest))).size;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  /** The bytes of a blob, or the inclusive range of them. */
  read(digest: Digest, range: { start?: number; end?: number } = {}): ReadStream {
    return createReadStream(this.path(digest), { ...range, highWaterMark: READ_CHUNK });
  }

  /** A whole small blob (manifest, config), refused above `limit` bytes and when it is not what its digest says. */
  async readAll(digest: Digest, limit: number): Promise<Uint8Array> {
    const size = await this.size(digest);
    if (size === undefined) throw new Error(`blob ${digest} is not in ${this.#directory}`);
    if (size > limit)
      throw new Error(`blob ${digest}: ${size} bytes, more than the ${limit} that are read into memory`);
    const hasher = new DigestHasher(algorithmOf(digest));
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.read(digest)) {
      hasher.update(chunk);
      chunks.push(chunk);
    }
    checkDigest(hasher, { digest }, `blob ${digest} in ${this.#directory}`);
    return Buffer.concat(chunks);
  }

  /** Stores a stream; refuses it, and leaves nothing behind, if it is not what is expected. */
  async write(source: AsyncIterable<Uint8Array>, expected?: ExpectedContent): Promise<StoredBlob> {
    const writer = await this.writer(expected);
    try {
      for await (const chunk of source) await writer.write(chunk);
      return await writer.commit();
    } catch (error) {
      await writer.abort();
      throw error;
    }
  }

  /** A blob to write piece by piece. */
  async writer(expected?: ExpectedContent): Promise<BlobWriter> {
    const temporary = path.join(this.#directory, "tmp");
    await mkdir(temporary, { recursive: true });
    const file = path.join(temporary, randomUUID());
    return new BlobWriter(this, file, await open(file, "wx"), expected);
  }

  /** Makes a complete, flushed file the blob of this digest. The file must be on the same file system. */
  async adopt(file: string, digest: Digest): Promise<void> {
    const target = this.path(digest);
    await mkdir(path.dirname(target), { recursive: true });
    await rename(file, target);
    await syncDirectory(path.dirname(target));
  }

  async delete(digest: Digest): Promise<void> {
    await rm(this.path(digest), { force: true });
  }
}

/** Large reads keep the hash ahead of the system calls. */
const READ_CHUNK = 1024 * 1024;

export class BlobWriter {
  readonly #store: BlobStore;
  readonly #file: string;
  readonly #handle: FileHandle;
  readonly #expected: ExpectedContent | undefined;
  readonly #hasher: DigestHasher;

  constructor(store: BlobStore, file: string, handle: FileHandle, expected: ExpectedContent | undefined) {
    this.#store = store;
    this.#file = file;
    this.#handle = handle;
    this.#expected = expected;
    this.#hasher = new DigestHasher(expected === undefined ? "sha256" : algorithmOf(expected.digest));
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#hasher.update(chunk);
    await writeFully(this.#handle, chunk);
  }

  /** Flushes, checks and publishes the blob. */
  async commit(): Promise<StoredBlob> {
    const { size } = this.#hasher;
    const digest = this.#expected?.digest;
    if (this.#expected !== undefined)
      checkDigest(this.#hasher, this.#expected, `blob ${this.#expected.digest}`);
    await this.#handle.datasync();
    await this.#handle.close();
    const name = digest ?? this.#hasher.digest();
    await this.#store.adopt(this.#file, name);
    return { digest: name, size };
  }

  async abort(): Promise<void> {
    await this.#handle.close().catch(() => undefined);
    await rm(this.#file, { force: true });
  }
}

/** Writes all of a chunk: a single write may be short. */
export async function writeFully(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  let offset = 0;
  while (offset < chunk.length) offset += (await handle.write(chunk, offset)).bytesWritten;
}

/**
 * Gathers small chunks (sockets give 64 KiB at most) into large ones: a write of its own for each would cost more than
 * the copy.
 */
export async function* gather(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  let buffer = Buffer.allocUnsafe(READ_CHUNK);
  let filled = 0;
  try {
    for await (const chunk of source) {
      if (filled + chunk.length > READ_CHUNK && filled > 0) {
        yield buffer.subarray(0, filled);
        buffer = Buffer.allocUnsafe(READ_CHUNK);
        filled = 0;
      }
      if (chunk.length >= READ_CHUNK) yield chunk;
      else {
        buffer.set(chunk, filled);
        filled += chunk.length;
      }
    }
  } catch (error) {
    // What came before the cut counts.
    if (filled > 0) yield buffer.subarray(0, filled);
    throw error;
  }
  if (filled > 0) yield buffer.subarray(0, filled);
}

/** Makes renames and removals in a directory durable. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** True for "no such file or directory". */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
}
