import { readFile, writeFile } from "node:fs/promises";
import { copyImage, formatReference, hostPlatform, manifestReference, resolveImage } from "@ai-edge/oci";
import type { NativeTask, NativeTaskCall } from "./native-task.ts";
import { pathInside, TaskError } from "./native-task.ts";
import { imageReference, withRegistries } from "./registry-access.ts";
import type { DefaultCredentials, RegistryAccess } from "./registry-access.ts";

/** The file in which `retrieve-build-image-info` tells `skopeo-copy` what to copy. */
const URL_FILE = "url.txt";
const MAX_URL_FILE_BYTES = 1024 * 1024;
const LABEL_BUILDAH_VERSION = "io.buildah.version";

/** `retrieve-build-image-info`: what was built, and the list of tags it is to get. */
export function retrieveBuildImageInfo(defaults: DefaultCredentials | undefined): NativeTask {
  return {
    name: "retrieve-build-image-info",
    run: (call) =>
      withRegistries(call, defaults, async (access) => {
        const candidate = imageReference(
          call.required("candidate-image-tag-reference"),
          "candidate-image-tag-reference",
        );
        const targets = call.list("target-image-tag-references");
        for (const target of targets) imageReference(target, "target-image-tag-references");
        const repository = await access.repository(candidate);
        const image = await resolveImage(
          repository,
          manifestReference(candidate),
          hostPlatform(),
          call.signal,
        );
        const top = await repository.manifest(manifestReference(candidate), call.signal);
        const { digest } = top.descriptor;
        if (digest !== call.required("buildah-sha")) {
          throw new TaskError(
            `Candidate image tag does not contain the correct manifest digest after push: ${formatReference(candidate)} is ${digest}, built was ${call.required("buildah-sha")}`,
          );
        }
        const version = image.config.config?.Labels?.[LABEL_BUILDAH_VERSION];
        if (version === undefined)
          throw new TaskError(
            `${formatReference(candidate)} has no label ${LABEL_BUILDAH_VERSION}: it was not built by this pipeline`,
          );
        const digestReference = `${candidate.registry}/${candidate.repository}@${digest}`;
        call.setResult("model-name", call.required("model-name"));
        call.setResult("model-version", call.required("model-version"));
        call.setResult("image-digest-reference", digestReference);
        call.setResult(
          "image-size-bytes",
          `${image.manifest.layers.reduce((sum, layer) => sum + layer.size, 0)}\n`,
        );
        call.setResult("image-creation-time", `${image.config.created ?? ""}\n`);
        call.setResult("buildah-version", `${version}\n`);
        call.setResult("target-image-tag-references", targets.join(" "));
        const lines = targets.map((target) => `docker://${digestReference} docker://${target}\n`);
        await writeFile(await pathInside(call.requiredWorkspace("images_url"), URL_FILE), lines.join(""));
        call.log(digestReference);
      }),
  };
}

/** `skopeo-copy`: one source and destination from its parameters, or every line of `url.txt`. */
export function skopeoCopy(defaults: DefaultCredentials | undefined): NativeTask {
  return {
    name: "skopeo-copy",
    run: (call) =>
      withRegistries(call, defaults, async (access) => {
        let digest = "";
        for (const [source, destination] of await copiesOf(call))
          digest = await copy(call, access, source, destination);
        call.setResult("SOURCE_DIGEST", digest);
        call.setResult("DESTINATION_DIGEST", digest);
      }),
  };
}

async function copiesOf(call: NativeTaskCall): Promise<[string, string][]> {
  const [source, destination] = [
    call.text("SOURCE_IMAGE_URL", "srcImageURL"),
    call.text("DESTINATION_IMAGE_URL", "destImageURL"),
  ];
  if (source !== "" && destination !== "") return [[source, destination]];
  const file = await pathInside(call.requiredWorkspace("images_url"), URL_FILE);
  const content = await readFile(file).catch(() => undefined);
  if (content === undefined)
    throw new TaskError(`workspace images_url has no ${URL_FILE}, and no source and destination are given`);
  if (content.length > MAX_URL_FILE_BYTES)
    throw new TaskError(`${URL_FILE} is larger than ${MAX_URL_FILE_BYTES} bytes`);
  return content
    .toString("utf8")
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const [from, to, ...rest] = line.trim().split(/\s+/);
      if (from === undefined || to === undefined || rest.length > 0)
        throw new TaskError(`${URL_FILE}: ${JSON.stringify(line)} is not a source and a destination`);
      return [from, to];
    });
}

async function copy(call: NativeTaskCall, access: RegistryAccess, from: string, to: string): Promise<string> {
  const [source, target] = [imageReference(from, "source image"), imageReference(to, "destination image")];
  const [sourceRepository, targetRepository] = [
    await access.repository(source),
    await access.repository(target),
  ];
  const { descriptor, transferred } = await copyImage(
    sourceRepository,
    manifestReference(source),
    targetRepository,
    target.tag ?? "latest",
    call.signal,
  );
  call.log(`copied ${formatReference(source)} to ${formatReference(target)} (${transferred} bytes moved)`);
  return descriptor.digest;
}
