import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, rm, stat } from "node:fs/promises";
import path from "node:path";
import {
  algorithmOf,
  type BlobStore,
  type Digest,
  DigestHasher,
  gather,
  isMissing,
  writeFully,
} from "@ai-edge/oci";
import { Refusal } from "./refusal.ts";

/** A session that nobody continued for this long is given up; a site with a daily link window may take days. */
const UPLOAD_LIFETIME_MS = 7 * 24 * 3600 * 1000;

interface Session {
  /** Hash of the bytes so far; absent after a restart, when the file is hashed again at the end. */
  hasher: DigestHasher | undefined;
  busy: boolean;
}

/**
 * Upload sessions: a file each under `uploads/<repository with / as +>/<id>`, so that a restarted registry knows how
 * far every one got.
 */
export class Uploads {
  readonly #directory: string;
  readonly #blobs: BlobStore;
  readonly #sessions = new Map<string, Session>();

  constructor(dataDir: string, blobs: BlobStore) {
    this.#directory = path.join(dataDir, "uploads");
    this.#blobs = blobs;
  }

  async start(repository: string): Promise<string> {
    const id = randomUUID();
    const file = this.#file(repository, id);
    await mkdir(path.dirname(file), { recursive: true });
    await (await open(file, "wx")).close();
    this.#sessions.set(file, { hasher: new DigestHasher(), busy: false });
    return id;
  }

  /** Bytes received so far. */
  async offset(repository: string, id: string): Promise<number> {
    try {
      return (await stat(this.#file(repository, id))).size;
    } catch (error) {
      if (isMissing(error))
        throw new Refusal(404, "BLOB_UPLOAD_UNKNOWN", "there is no such upload: start again with POST");
      throw error;
    }
  }

  /**
   * Appends; keeps what arrived if the stream breaks, so that the client can go on from there.
   * @param start the position that the client claims (Content-Range), if it did
   * @returns bytes received in all
   */
  async append(
    repository: string,
    id: string,
    source: AsyncIterable<Uint8Array>,
    start: number | undefined,
  ): Promise<number> {
    const file = this.#file(repository, id);
    const offset = await this.offset(repository, id);
    if (start !== undefined && start !== offset) {
      throw new Refusal(416, "RANGE_INVALID", `the upload has ${offset} bytes: continue from there`, {
        range: formatRange(offset),
      });
    }
    return await this.#exclusive(file, async (session) => {
      const handle = await open(file, "a");
      let total = offset;
      try {
        for await (const chunk of gather(source)) {
          // First the file, then the hash: a failed write must not count.
          await writeFully(handle, chunk);
          session.hasher?.update(chunk);
          total += chunk.length;
        }
        await handle.datasync();
        return total;
      } catch (error) {
        session.hasher = undefined;
        throw error;
      } finally {
        await handle.close();
      }
    });
  }

  /** Publishes the upload as a blob if it has this digest; otherwise it is thrown away. */
  async finish(repository: string, id: string, digest: Digest): Promise<void> {
    const file = this.#file(repository, id);
    await this.offset(repository, id);
    await this.#exclusive(file, async (session) => {
      const usable = algorithmOf(digest) === "sha256" ? session.hasher : undefined;
      const actual = usable === undefined ? await hashFile(file, digest) : usable.digest();
      this.#sessions.delete(file);
      if (actual !== digest) {
        await rm(file, { force: true });
        throw new Refusal(400, "DIGEST_INVALID", `the content has the digest ${actual}, not ${digest}`);
      }
      await this.#blobs.adopt(file, digest);
    });
  }

  async cancel(repository: string, id: string): Promise<void> {
    await this.offset(repository, id);
    await this.#exclusive(this.#file(repository, id), async () => {
      await rm(this.#file(repository, id), { force: true });
    });
    this.#sessions.delete(this.#file(repository, id));
  }

  /** Removes sessions that were given up. */
  async sweep(now: number): Promise<void> {
    const repositories = await readdir(this.#directory).catch(() => []);
    for (const repository of repositories) {
      for (const id of await readdir(path.join(this.#directory, repository))) {
        const file = path.join(this.#directory, repository, id);
        const age = now - (await stat(file)).mtimeMs;
        if (age > UPLOAD_LIFETIME_MS) await rm(file, { force: true });
      }
    }
  }

  #file(repository: string, id: string): string {
    if (!/^[0-9a-f-]{36}$/.test(id))
      throw new Refusal(404, "BLOB_UPLOAD_UNKNOWN", "there is no such upload: start again with POST");
    // "+" occurs in no repository name.
    return path.join(this.#directory, repository.replaceAll("/", "+"), id);
  }

  async #exclusive<T>(file: string, task: (session: Session) => Promise<T>): Promise<T> {
    const session = this.#sessions.get(file) ?? { hasher: undefined, busy: false };
    if (session.busy)
      throw new Refusal(409, "BLOB_UPLOAD_INVALID", "another request is writing to this upload");
    session.busy = true;
    this.#sessions.set(file, session);
    try {
      return await task(session);
    } finally {
      session.busy = false;
    }
  }
}

/** `Range` of an upload with so many bytes, as the specification writes it. */
export function formatRange(offset: number): string {
  return `0-${Math.max(0, offset - 1)}`;
}

async function hashFile(file: string, digest: Digest): Promise<Digest> {
  const hasher = new DigestHasher(algorithmOf(digest));
  const handle = await open(file, "r");
  for await (const chunk of handle.createReadStream()) hasher.update(chunk);
  return hasher.digest();
}
