import type { Reference, RegistryRepository } from "@ai-edge/oci";
import { formatReference } from "@ai-edge/oci";
import type { NativeTask, NativeTaskCall } from "./native-task.ts";
import { pathInside, TaskError } from "./native-task.ts";
import { imageReference, withRegistries } from "./registry-access.ts";
import type { DefaultCredentials } from "./registry-access.ts";

/** What an image is built from. */
export interface ImageBuildRequest {
  /** Path of the Containerfile. */
  containerfile: string;
  /** Directory of the build context. */
  context: string;
  buildArgs: Record<string, string>;
  /** Where the image goes. */
  reference: Reference;
  target: RegistryRepository;
  /** Opens the repository of a base image, with the run's credentials. */
  repository: (reference: Reference) => Promise<RegistryRepository>;
  scratch: string;
  now: () => Date;
  signal: AbortSignal;
  log: (line: string) => void;
}

/** Builds an image and pushes it under its tag. @returns the digest of its manifest */
export type ImageBuilder = (request: ImageBuildRequest) => Promise<string>;

/** `buildah`: builds a Containerfile and pushes the image. */
export function buildah(build: ImageBuilder, defaults: DefaultCredentials | undefined): NativeTask {
  return {
    name: "buildah",
    run: (call) =>
      withRegistries(call, defaults, async (access) => {
        const reference = imageReference(call.required("IMAGE"), "IMAGE");
        if (call.text("SKIP_PUSH") === "true")
          throw new TaskError(
            "SKIP_PUSH=true is not supported: without a push there is no place to keep the image",
          );
        const source = call.requiredWorkspace("source");
        const digest = await build({
          containerfile: await pathInside(source, call.text("DOCKERFILE") || "Containerfile"),
          context: await pathInside(source, call.text("CONTEXT") || "."),
          buildArgs: buildArgsOf(call),
          reference,
          target: await access.repository(reference),
          repository: (base) => access.repository(base),
          scratch: call.scratch,
          now: call.now,
          signal: call.signal,
          log: call.log,
        });
        call.setResult("IMAGE_URL", formatReference(reference));
        call.setResult("IMAGE_DIGEST", digest);
        call.log(`pushed ${formatReference(reference)}@${digest}`);
      }),
  };
}

/** `--build-arg NAME=VALUE` of BUILD_EXTRA_ARGS; any other flag is refused rather than ignored. */
function buildArgsOf(call: NativeTaskCall): Record<string, string> {
  const words = call
    .text("BUILD_EXTRA_ARGS")
    .split(/\s+/)
    .filter((word) => word !== "");
  const args: Record<string, string> = {};
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? "";
    const pair = word === "--build-arg" ? (words[(index += 1)] ?? "") : /^--build-arg=(.*)$/.exec(word)?.[1];
    if (pair === undefined)
      throw new TaskError(`BUILD_EXTRA_ARGS: ${word} is not supported: use --build-arg NAME=VALUE`);
    const equals = pair.indexOf("=");
    if (equals < 1) throw new TaskError(`BUILD_EXTRA_ARGS: ${JSON.stringify(pair)} is not NAME=VALUE`);
    args[pair.slice(0, equals)] = pair.slice(equals + 1);
  }
  return args;
}
