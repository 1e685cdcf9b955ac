import { mkdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";

import type { Pod } from "@ai-edge/api";
import {
  copyImage,
  createRegistryClient,
  decompressLayer,
  type Descriptor,
  type Digest,
  DigestError,
  digestOf,
  formatReference,
  hostPlatform,
  ImageLayout,
  manifestReference,
  parseReference,
  ReferenceError,
  type Reference,
  type RegistryCredentials,
  replaceFile,
  resolveImage,
  type ResolvedImage,
  splitDigest,
  unpackLayer,
} from "@ai-edge/oci";

import type { ImageSource } from "../pods/pod-context.ts";
import type { LocalImage } from "../runtimes/runtime.ts";
import { linkTree } from "./link-tree.ts";
import { ImageNeverPullError, ImagePullError } from "./pull-error.ts";

/** Written into an unpacked image when it is complete; without it the directory is unpacked again. */
const COMPLETE = "complete";

export interface ImageStoreOptions {
  /** Holds `blobs/` (an OCI layout) and `unpacked/`. */
  directory: string;
  /** What to show the registry, best first; tried until one is let in. */
  credentials: (pod: Pod, reference: Reference) => Promise<RegistryCredentials[]>;
  event: (pod: Pod, type: "Normal" | "Warning", reason: string, message: string) => void;
}

/** Images on this machine: pulled by digest, verified, unpacked once. */
export class ImageStore implements ImageSource {
  readonly #options: ImageStoreOptions;
  readonly #layout: ImageLayout;
  /** One pull or unpacking at a time per reference or digest. */
  readonly #busy = new Map<string, Promise<unknown>>();

  constructor(options: ImageStoreOptions) {
    this.#options = options;
    this.#layout = new ImageLayout(join(options.directory, "blobs"));
  }

  async ensure({
    reference: text,
    policy,
    pod,
    signal,
  }: Parameters<ImageSource["ensure"]>[0]): Promise<LocalImage> {
    const reference = parse(text);
    const present = await this.#find(reference);
    const pull = policy ?? defaultPolicy(reference);
    // A digest names its content: once it is here, asking the registry could tell nothing new.
    const mayUse = present !== undefined && (pull !== "Always" || reference.digest !== undefined);
    if (mayUse) {
      this.#options.event(pod, "Normal", "Pulled", `Container image "${text}" already present on machine`);
      return this.#unpacked(text, reference, present);
    }
    if (pull === "Never")
      throw new ImageNeverPullError(`Container image "${text}" is not present with pull policy of Never`);
    this.#options.event(pod, "Normal", "Pulling", `Pulling image "${text}"`);
    const image = await this.#once(`pull ${text}`, () => this.#pull(text, reference, pod, signal));
    const local = await this.#unpacked(text, reference, image);
    this.#options.event(pod, "Normal", "Pulled", `Successfully pulled image "${text}"`);
    return local;
  }

  async #find(reference: Reference): Promise<ResolvedImage | undefined> {
    const name = reference.digest ?? formatReference(reference);
    try {
      const image = await resolveImage(this.#layout, name, hostPlatform());
      const layers = await Promise.all(
        image.manifest.layers.map(({ digest }) => this.#layout.hasBlob(digest)),
      );
      return layers.every(Boolean) ? image : undefined;
    } catch {
      // Not here, or damaged on disk: the registry has it whole.
      return undefined;
    }
  }

  async #pull(text: string, reference: Reference, pod: Pod, signal: AbortSignal): Promise<ResolvedImage> {
    const candidates: (RegistryCredentials | undefined)[] = await this.#options.credentials(pod, reference);
    if (candidates.length === 0) candidates.push(undefined);
    const reasons: string[] = [];
    for (const credentials of candidates) {
      const client = createRegistryClient({ host: reference.registry, credentials });
      try {
        const source = client.repository(reference.repository);
        await copyImage(
          source,
          manifestReference(reference),
          this.#layout,
          formatReference(reference),
          signal,
          { platform: hostPlatform() },
        );
        return await resolveImage(
          this.#layout,
          reference.digest ?? formatReference(reference),
          hostPlatform(),
        );
      } catch (error) {
        signal.throwIfAborted();
        reasons.push(error instanceof Error ? error.message : String(error));
      } finally {
        client.close();
      }
    }
    throw new ImagePullError(`failed to pull image "${text}": ${reasons.at(-1) ?? "no reason given"}`);
  }

  async #unpacked(text: string, reference: Reference, image: ResolvedImage): Promise<LocalImage> {
    const { digest } = image.descriptor;
    const rootfs = await this.#once(`unpack ${digest}`, () => this.#unpack(digest, image));
    return {
      reference: text,
      imageID: `${reference.registry}/${reference.repository}@${digest}`,
      rootfs,
      config: image.config,
    };
  }

  async #unpack(digest: Digest, image: ResolvedImage): Promise<string> {
    const layers = image.manifest.layers;
    try {
      return await this.#unpackedTree(splitDigest(digest).hex, layers.slice(0, -1), layers.slice(-1));
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new ImagePullError(`image ${image.descriptor.digest} cannot be unpacked: ${message}`, {
        cause: error,
      });
    }
  }

  /**
   * The tree of some layers with more on top. The lower ones are unpacked once and linked into every image that has
   * them: model images share a base of 48 MB, and the layer of a model is small.
   * @returns its directory, whole: it is made beside and renamed
   */
  async #unpackedTree(
    name: string,
    lower: readonly Descriptor[],
    upper: readonly Descriptor[],
  ): Promise<string> {
    const target = join(this.#options.directory, "unpacked", name);
    const rootfs = join(target, "rootfs");
    if ((await readFile(join(target, COMPLETE), "utf8").catch(() => "")) === name) return rootfs;
    const next = `${target}.next`;
    await rm(next, { recursive: true, force: true });
    try {
      await mkdir(join(next, "rootfs"), { recursive: true });
      if (lower.length > 0) await linkTree(await this.#unpackedBase(lower), join(next, "rootfs"));
      // Containers with users of their own (runc) need root anyway; processes of this agent's user own what they read.
      const owners = process.getuid?.() === 0;
      for (const layer of upper) await this.#unpackLayer(layer, join(next, "rootfs"), owners);
      await replaceFile(join(next, COMPLETE), name);
    } catch (error) {
      await rm(next, { recursive: true, force: true });
      throw error;
    }
    await rm(target, { recursive: true, force: true });
    await rename(next, target);
    return rootfs;
  }

  /** The tree of the layers that are below an image's own, under a name made of their digests. */
  async #unpackedBase(layers: readonly Descriptor[]): Promise<string> {
    const digests = layers.map(({ digest }) => digest);
    const name = `base-${splitDigest(digestOf(Buffer.from(digests.join(" ")))).hex}`;
    return this.#once(`unpack ${name}`, () => this.#unpackedTree(name, [], layers));
  }

  async #unpackLayer(layer: Descriptor, rootfs: string, owners: boolean): Promise<void> {
    try {
      await unpackLayer(decompressLayer(this.#layout.blob(layer), layer.mediaType), rootfs, { owners });
    } catch (error) {
      // Damaged on this disk since it was pulled? Without it, the next try pulls it again.
      if (!(await this.#isWhole(layer))) await this.#layout.blobs.delete(layer.digest);
      throw error;
    }
  }

  /** Reads a blob to its end, where its digest is checked. */
  async #isWhole(layer: Descriptor): Promise<boolean> {
    const blob = this.#layout.blob(layer)[Symbol.asyncIterator]();
    try {
      while ((await blob.next()).done !== true);
      return true;
    } catch (error) {
      if (error instanceof DigestError) return false;
      throw error;
    }
  }

  async #once<T>(key: string, run: () => Promise<T>): Promise<T> {
    const running = this.#busy.get(key);
    // The key names the kind of work, so the promise under it is of that kind.
    if (running !== undefined) return running as Promise<T>;
    const started = run().finally(() => this.#busy.delete(key));
    this.#busy.set(key, started);
    return started;
  }
}

function parse(text: string): Reference {
  try {
    return parseReference(text);
  } catch (error) {
    if (error instanceof ReferenceError)
      throw new ImagePullError(`InvalidImageName: ${error.message}`, { cause: error });
    throw error;
  }
}

/** core/v1 Container: Always for the tag `latest` or none, otherwise IfNotPresent. */
function defaultPolicy(reference: Reference): "Always" | "IfNotPresent" {
  return reference.digest === undefined && (reference.tag ?? "latest") === "latest"
    ? "Always"
    : "IfNotPresent";
}
