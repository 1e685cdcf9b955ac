import { readFile } from "node:fs/promises";

import { buildImage, copyImage, ImageLayout } from "@ai-edge/oci";
import type { ImageBuilder } from "@ai-edge/tekton";

/**
 * The image builder of the pipelines: a Containerfile build without an engine, pushed as it is.
 * @param directory a local image store that keeps layers between builds, so that an unchanged layer is not made again
 */
export function buildModelImage(directory: string): ImageBuilder {
  const layout = new ImageLayout(directory);
  return async (request) => {
    request.log(`building ${request.containerfile}`);
    const image = await buildImage({
      containerfile: await readFile(request.containerfile, "utf8"),
      context: request.context,
      buildArgs: request.buildArgs,
      base: request.repository,
      layout,
      created: request.now(),
      signal: request.signal,
    });
    const { digest } = image.descriptor;
    const { transferred, skipped } = await copyImage(layout, digest, request.target, request.reference.tag, request.signal);
    request.log(`pushed ${digest}: ${transferred} bytes sent, ${skipped} blobs were there`);
    return digest;
  };
}
