import { readFile } from "node:fs/promises";
import {
  buildImage,
  ContainerfileError,
  copyImage,
  type Digest,
  ImageLayout,
  type RegistryRepository,
} from "@ai-edge/oci";
import type { ImageBuilder, ImageBuildRequest } from "./buildah.ts";
import { TaskError } from "./native-task.ts";

/**
 * An image builder that works in this process and keeps base images and layers in an image layout, so that the next
 * build moves only what is new. The same inputs give the same digest: promoting an unchanged model changes nothing.
 * @param imageDir the layout's directory
 */
export function localImageBuilder(imageDir: string): ImageBuilder {
  const layout = new ImageLayout(imageDir);
  return async (request) => {
    try {
      return await build(request, layout);
    } catch (error) {
      if (error instanceof ContainerfileError)
        throw new TaskError(`Containerfile: ${error.message}`, { cause: error });
      throw error;
    }
  };
}

async function build(request: ImageBuildRequest, layout: ImageLayout): Promise<Digest> {
  const { target, reference, signal, log } = request;
  const bases: RegistryRepository[] = [];
  const image = await buildImage({
    containerfile: await readFile(request.containerfile, "utf8"),
    context: request.context,
    buildArgs: request.buildArgs,
    base: async (base) => {
      const repository = await request.repository(base);
      bases.push(repository);
      return repository;
    },
    layout,
    signal,
  });
  const { digest } = image.descriptor;
  log(`built ${digest}`);
  await mountLayers(
    target,
    image.manifest.layers.map((layer) => layer.digest),
    bases,
    signal,
  );
  const { transferred, skipped } = await copyImage(layout, digest, target, reference.tag ?? "latest", signal);
  log(`sent ${transferred} bytes; ${skipped} blobs were there`);
  return digest;
}

/** Layers that a base brought are in its registry already: that links them instead of getting them again. */
async function mountLayers(
  target: RegistryRepository,
  digests: readonly Digest[],
  bases: readonly RegistryRepository[],
  signal: AbortSignal,
): Promise<void> {
  for (const digest of digests) {
    if (await target.hasBlob(digest, signal)) continue;
    for (const base of bases) {
      if ((await base.hasBlob(digest, signal)) && (await target.mountBlob(digest, base, signal))) break;
    }
  }
}
