import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import {
  BlobStore,
  type Digest,
  isDigest,
  isMissing,
  isTag,
  replaceFile,
  splitDigest,
  syncDirectory,
} from "@ai-edge/oci";

/**
 * What the registry keeps, as files: content in `blobs/`, and per repository what it may see of it:
 * `repositories/<name>/_blobs/<algorithm>/<hex>` (links), `_manifests/<algorithm>/<hex>` (their media types),
 * `_tags/<tag>` (digests), `_referrers/<algorithm>/<subject>/<algorithm>-<hex>`. Repository names cannot contain a
 * component that starts with `_`, so repositories nest freely.
 */
export class RegistryStore {
  readonly blobs: BlobStore;
  readonly #root: string;

  constructor(dataDir: string) {
    this.blobs = new BlobStore(dataDir);
    this.#root = path.join(dataDir, "repositories");
  }

  async linkBlob(repository: string, digest: Digest): Promise<void> {
    await this.#write(this.#link(repository, "_blobs", digest), "");
  }

  /** The size of a blob that this repository may see. */
  async blobSize(repository: string, digest: Digest): Promise<number | undefined> {
    if ((await readOptional(this.#link(repository, "_blobs", digest))) === undefined) return undefined;
    return await this.blobs.size(digest);
  }

  /** Content goes with its last link only when garbage is collected; other repositories may hold it. */
  async unlinkBlob(repository: string, digest: Digest): Promise<boolean> {
    return await remove(this.#link(repository, "_blobs", digest));
  }

  async linkManifest(repository: string, digest: Digest, mediaType: string): Promise<void> {
    await this.#write(this.#link(repository, "_manifests", digest), mediaType);
  }

  async manifestType(repository: string, digest: Digest): Promise<string | undefined> {
    return await readOptional(this.#link(repository, "_manifests", digest));
  }

  /** Removes a manifest with the tags that point at it. */
  async unlinkManifest(repository: string, digest: Digest): Promise<boolean> {
    for (const tag of await this.tags(repository)) {
      if ((await this.tag(repository, tag)) === digest) await this.untag(repository, tag);
    }
    return await remove(this.#link(repository, "_manifests", digest));
  }

  async setTag(repository: string, tag: string, digest: Digest): Promise<void> {
    await this.#write(path.join(this.#root, repository, "_tags", tag), digest);
  }

  async tag(repository: string, tag: string): Promise<Digest | undefined> {
    const text = await readOptional(path.join(this.#root, repository, "_tags", tag));
    return text !== undefined && isDigest(text) ? text : undefined;
  }

  async untag(repository: string, tag: string): Promise<boolean> {
    return await remove(path.join(this.#root, repository, "_tags", tag));
  }

  /** In lexical order, as the specification wants. */
  async tags(repository: string): Promise<string[]> {
    return (await listOptional(path.join(this.#root, repository, "_tags"))).filter(isTag).toSorted();
  }

  /** True once anything was pushed to it. */
  async hasRepository(repository: string): Promise<boolean> {
    return (await listOptional(path.join(this.#root, repository))).some((name) => name.startsWith("_"));
  }

  async linkReferrer(repository: string, subject: Digest, referrer: Digest): Promise<void> {
    await this.#write(
      path.join(this.#link(repository, "_referrers", subject), referrer.replace(":", "-")),
      "",
    );
  }

  async unlinkReferrer(repository: string, subject: Digest, referrer: Digest): Promise<void> {
    await remove(path.join(this.#link(repository, "_referrers", subject), referrer.replace(":", "-")));
  }

  async referrers(repository: string, subject: Digest): Promise<Digest[]> {
    const names = await listOptional(this.#link(repository, "_referrers", subject));
    return names
      .map((name) => name.replace("-", ":"))
      .filter(isDigest)
      .toSorted();
  }

  /** All repositories, in lexical order. */
  async repositories(): Promise<string[]> {
    const found: string[] = [];
    const visit = async (name: string): Promise<void> => {
      const children = await listOptional(path.join(this.#root, name));
      if (children.includes("_manifests")) found.push(name);
      for (const child of children)
        if (!child.startsWith("_")) await visit(name === "" ? child : `${name}/${child}`);
    };
    await visit("");
    return found.toSorted();
  }

  #link(repository: string, kind: "_blobs" | "_manifests" | "_referrers", digest: Digest): string {
    const { algorithm, hex } = splitDigest(digest);
    return path.join(this.#root, repository, kind, algorithm, hex);
  }

  async #write(file: string, content: string): Promise<void> {
    await mkdir(path.dirname(file), { recursive: true });
    if (content !== "") return await replaceFile(file, content);
    // An empty file says all by being there; creating it is atomic.
    await writeFile(file, "");
    await syncDirectory(path.dirname(file));
  }
}

async function readOptional(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (isMissing(error) || isDirectory(error)) return undefined;
    throw error;
  }
}

async function listOptional(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

async function remove(file: string): Promise<boolean> {
  try {
    await rm(file);
    await syncDirectory(path.dirname(file));
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

function isDirectory(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EISDIR";
}
