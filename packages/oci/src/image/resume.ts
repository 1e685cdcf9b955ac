import { mkdir, open, rm } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";
import path from "node:path";
import { type BlobStore, gather, writeFully } from "../blob-store.ts";
import { algorithmOf, checkDigest, DigestError, DigestHasher } from "../digest.ts";
import type { Descriptor } from "./manifest.ts";

/** Tries without any progress before a transfer is given up; what arrived stays for the next one. */
const MAX_IDLE_TRIES = 3;
const RETRY_DELAY_MS = 300;
/** After so many bytes, what has arrived is flushed: a power cut costs at most this much again. */
const FLUSH_BYTES = 64 * 1024 * 1024;

/**
 * Moves a blob into a store through a partial file beside it, which survives cuts and restarts: only what is missing is
 * asked for. A complete file that is not what its digest says is thrown away, so that the next try starts clean.
 */
export async function resumeBlob(
  store: BlobStore,
  descriptor: Descriptor,
  source: (offset: number) => AsyncIterable<Uint8Array>,
  signal?: AbortSignal,
): Promise<void> {
  const partial = `${store.path(descriptor.digest)}.partial`;
  await mkdir(path.dirname(partial), { recursive: true });
  for (let idle = 0; ;) {
    const cut = await transfer(partial, descriptor, source, signal).catch(async (error: unknown) => {
      if (error instanceof DigestError) await rm(partial, { force: true });
      signal?.throwIfAborted();
      if (error instanceof TransferCut && (error.progress > 0 || idle + 1 < MAX_IDLE_TRIES)) return error;
      throw error instanceof TransferCut ? error.cause : error;
    });
    if (!(cut instanceof TransferCut)) break;
    idle = cut.progress > 0 ? 0 : idle + 1;
    await setTimeout(RETRY_DELAY_MS * (idle + 1), undefined, signal === undefined ? {} : { signal });
  }
  await store.adopt(partial, descriptor.digest);
}

/** The connection broke; what arrived before is kept. */
class TransferCut extends Error {
  readonly progress: number;

  constructor(progress: number, cause: unknown) {
    super("transfer cut", { cause });
    this.progress = progress;
  }
}

async function transfer(
  partial: string,
  descriptor: Descriptor,
  source: (offset: number) => AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<undefined> {
  const handle = await open(partial, "a+");
  try {
    // A hash cannot be stored half-way; reading what is there again costs a second per gigabyte.
    const hasher = new DigestHasher(algorithmOf(descriptor.digest));
    for await (const chunk of handle.createReadStream({ start: 0, autoClose: false })) hasher.update(chunk);
    const before = hasher.size;
    if (before < descriptor.size || descriptor.size === 0) {
      await receive(
        gather(source(before)),
        async (chunk) => {
          signal?.throwIfAborted();
          if (hasher.size + chunk.length > descriptor.size) throw tooLong(descriptor);
          const flush =
            Math.floor(hasher.size / FLUSH_BYTES) !== Math.floor((hasher.size + chunk.length) / FLUSH_BYTES);
          await writeFully(handle, chunk);
          hasher.update(chunk);
          if (flush) await handle.datasync();
        },
        () => hasher.size - before,
      );
    }
    checkDigest(hasher, descriptor, `blob ${descriptor.digest}`);
    await handle.datasync();
  } finally {
    await handle.close();
  }
}

async function receive(
  source: AsyncIterable<Uint8Array>,
  take: (chunk: Uint8Array) => Promise<void>,
  progress: () => number,
): Promise<void> {
  const chunks = source[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await chunks.next().catch((error: unknown) => {
        throw isCut(error) ? new TransferCut(progress(), error) : error;
      });
      if (next.done === true) return;
      await take(next.value);
    }
  } finally {
    await chunks.return?.();
  }
}

/** A broken connection, as against an answer that says no. */
function isCut(error: unknown): boolean {
  return (
    error instanceof Error &&
    "code" in error &&
    typeof error.code === "string" &&
    /^(ECONNRESET|ECONNREFUSED|EPIPE|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH)$/.test(error.code)
  );
}

function tooLong(descriptor: Descriptor): DigestError {
  return new DigestError(
    `blob ${descriptor.digest}: more than the ${descriptor.size} bytes of its descriptor`,
  );
}
