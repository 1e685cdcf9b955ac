import { readFile } from "node:fs/promises";
import { buildImage, ContainerfileError, copyImage, ImageLayout } from "@ai-edge/oci";
import type { ImageBuilder } from "./buildah.ts";
import { TaskError } from "./native-task.ts";

/**
 * An image builder that works in this process and keeps base images and layers in an image layout, so that the next
 * build moves only what is new.
 * @param imageDir the layout's directory
 */
export function localImageBuilder(imageDir: string): ImageBuilder {
  const layout = new ImageLayout(imageDir);
  return async ({ containerfile, context, buildArgs, reference, target, repository, signal, log }) => {
    try {
      const options = {
        containerfile: await readFile(containerfile, "utf8"),
        context,
        buildArgs,
        base: repository,
        layout,
        signal,
      };
      const { descriptor } = await buildImage(options);
      log(`built ${descriptor.digest}`);
      await copyImage(layout, descriptor.digest, target, reference.tag ?? "latest", signal);
      return descriptor.digest;
    } catch (error) {
      if (error instanceof ContainerfileError)
        throw new TaskError(`Containerfile: ${error.message}`, { cause: error });
      throw error;
    }
  };
}
