import { readFile } from "node:fs/promises";

import { buildImage, copyImage, type Digest, ImageLayout, type RegistryRepository } from "@ai-edge/oci";
import type { ImageBuilder } from "@ai-edge/tekton";

/**
 * The image builder of the pipelines: a Containerfile build without an engine, pushed as it is.
 * @param directory a local image store that keeps layers between builds, so that an unchanged layer is not made again
 */
export function buildModelImage(directory: string): ImageBuilder {
  const layout = new ImageLayout(directory);
  return async (request) => {
    const bases: RegistryRepository[] = [];
    request.log(`building ${request.containerfile}`);
    const image = await buildImage({
      containerfile: await readFile(request.containerfile, "utf8"),
      context: request.context,
      buildArgs: request.buildArgs,
      base: async (reference) => {
        const repository = await request.repository(reference);
        bases.push(repository);
        return repository;
      },
      layout,
      created: request.now(),
      signal: request.signal,
    });
    const { digest } = image.descriptor;
    await mountLayers(
      request.target,
      image.manifest.layers.map((layer) => layer.digest),
      bases,
      request.signal,
    );
    const { transferred, skipped } = await copyImage(layout, digest, request.target, request.reference.tag, request.signal);
    request.log(`pushed ${digest}: ${transferred} bytes sent, ${skipped} blobs were there`);
    return digest;
  };
}

/** Layers that a base brought are in the registry already: it links them instead of getting them again. */
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
