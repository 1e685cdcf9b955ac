import { randomUUID } from "node:crypto";
import { mkdir, open, readFile, rename } from "node:fs/promises";
import path from "node:path";
import { BlobStore, isMissing, syncDirectory } from "../blob-store.ts";
import { type Digest, isDigest, verifyStream } from "../digest.ts";
import {
  type Descriptor,
  type FetchedManifest,
  type ImageIndex,
  ManifestError,
  MAX_MANIFEST_SIZE,
  parseManifest,
} from "./manifest.ts";
import { MEDIA_TYPE_INDEX } from "./media-type.ts";
import { resumeBlob } from "./resume.ts";
import type { ImageRepository } from "./repository.ts";

/** The annotation that names an image in a layout's index (image-spec `annotations.md`). */
export const ANNOTATION_REF_NAME = "org.opencontainers.image.ref.name";

/** An OCI image layout directory (image-spec `image-layout.md`): the local image store. Tags are whole references. */
export class ImageLayout implements ImageRepository {
  readonly name: string;
  readonly blobs: BlobStore;
  readonly #directory: string;
  /** Two images may need one blob at once; it is moved once. */
  readonly #transfers = new Map<Digest, Promise<void>>();
  #writing: Promise<unknown> = Promise.resolve();

  constructor(directory: string) {
    this.name = directory;
    this.#directory = directory;
    this.blobs = new BlobStore(directory);
  }

  async manifest(reference: string): Promise<FetchedManifest> {
    if (isDigest(reference)) return parseManifest(await this.blobs.readAll(reference, MAX_MANIFEST_SIZE));
    const entry = (await this.entries()).find(
      ({ annotations }) => annotations?.[ANNOTATION_REF_NAME] === reference,
    );
    if (entry === undefined)
      throw new ManifestError(
        `image ${reference} is not in the local store ${this.#directory}: build or pull it first`,
      );
    return parseManifest(await this.blobs.readAll(entry.digest, MAX_MANIFEST_SIZE), entry.mediaType);
  }

  blob(descriptor: Descriptor): AsyncIterable<Uint8Array> {
    return verifyStream(
      this.blobs.read(descriptor.digest),
      descriptor,
      `blob ${descriptor.digest} in ${this.name}`,
    );
  }

  blobFrom(descriptor: Descriptor, offset: number): AsyncIterable<Uint8Array> {
    return this.blobs.read(descriptor.digest, { start: offset });
  }

  async hasBlob(digest: Digest): Promise<boolean> {
    return (await this.blobs.size(digest)) !== undefined;
  }

  /** Goes on where an earlier, cut transfer of the blob ended, in this process or before a restart. */
  async putBlob(
    descriptor: Descriptor,
    source: (offset: number) => AsyncIterable<Uint8Array>,
    signal?: AbortSignal,
  ): Promise<void> {
    const running = this.#transfers.get(descriptor.digest);
    if (running !== undefined) return await running;
    const transfer = resumeBlob(this.blobs, descriptor, source, signal).finally(() =>
      this.#transfers.delete(descriptor.digest),
    );
    this.#transfers.set(descriptor.digest, transfer);
    await transfer;
  }

  /** @param tag the name under which `manifest` finds it again */
  async putManifest(manifest: FetchedManifest, tag: string | undefined): Promise<void> {
    if (!(await this.hasBlob(manifest.descriptor.digest)))
      await this.blobs.write(single(manifest.bytes), manifest.descriptor);
    if (tag === undefined) return;
    const write = this.#writing.then(() => this.#setTag(manifest.descriptor, tag));
    this.#writing = write.catch(() => undefined);
    await write;
  }

  /** The images of the store, as descriptors whose annotation `org.opencontainers.image.ref.name` is their reference. */
  async entries(): Promise<Descriptor[]> {
    try {
      const { content } = parseManifest(
        await readFile(path.join(this.#directory, "index.json")),
        MEDIA_TYPE_INDEX,
      );
      return content.kind === "index" ? content.index.manifests : [];
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  }

  async #setTag(descriptor: Descriptor, tag: string): Promise<void> {
    const { mediaType, digest, size } = descriptor;
    const others = (await this.entries()).filter(
      ({ annotations }) => annotations?.[ANNOTATION_REF_NAME] !== tag,
    );
    const entry = { mediaType, digest, size, annotations: { [ANNOTATION_REF_NAME]: tag } };
    const index: ImageIndex = {
      schemaVersion: 2,
      mediaType: MEDIA_TYPE_INDEX,
      manifests: [...others, entry],
    };
    await mkdir(this.#directory, { recursive: true });
    await replaceFile(
      path.join(this.#directory, "oci-layout"),
      JSON.stringify({ imageLayoutVersion: "1.0.0" }),
    );
    await replaceFile(path.join(this.#directory, "index.json"), JSON.stringify(index, undefined, 2));
  }
}

/** Replaces a small file so that a reader, or a restart after a crash, sees the old or the new content, never a part. */
export async function replaceFile(file: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${file}.${randomUUID()}`;
  const handle = await open(temporary, "wx");
  try {
    await handle.writeFile(content);
    await handle.datasync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
  await syncDirectory(path.dirname(file));
}

/** One chunk as a stream. */
export async function* single(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}
