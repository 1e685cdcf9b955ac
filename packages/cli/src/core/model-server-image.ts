import { existsSync } from "node:fs";
import { copyFile, link, mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { LABEL_IMAGE_RUNTIME } from "@ai-edge/api";
import { modelServerImageFiles, MODEL_SERVER_BUNDLE, MODEL_SERVER_NODE_FLAGS } from "@ai-edge/model-server";
import {
  buildImage,
  copyImage,
  createRegistryClient,
  type Digest,
  ImageLayout,
  type RegistryCredentials,
} from "@ai-edge/oci";

/** Where the base image of model images is in the core's registry. */
const MODEL_SERVER_REPOSITORY = "ai-edge/model-server";
const TAG = "latest";

/**
 * The base of every model image: the bundled model server and ONNX Runtime's native files, nothing else. It keeps the
 * process runtime's contract (docs/runtimes.md); under a container engine it needs a base with Node 24, which BASE_IMAGE
 * of the Containerfile names.
 */
const CONTAINERFILE = `FROM scratch
COPY opt /opt
ENV HOST=0.0.0.0
LABEL ${LABEL_IMAGE_RUNTIME}=process
EXPOSE 8080 8082
ENTRYPOINT ${JSON.stringify(["node", ...MODEL_SERVER_NODE_FLAGS, "/opt/ai-edge/model-server.js", "--model-dir", "/models"])}
`;

/**
 * Builds the model server's base image and pushes it to the core's registry. Deterministic: the same sources give the
 * same digest, and then nothing is sent.
 * @param options.directory keeps the files between two starts
 * @param options.program the program's bundle, if that is what runs: the model server's is made together with it
 */
export async function publishModelServerImage(options: {
  directory: string;
  program: string | undefined;
  /** The image store of the pipelines' builds: what is built here need not be fetched there. */
  store: string;
  registryHost: string;
  credentials: RegistryCredentials;
  signal: AbortSignal;
}): Promise<Digest> {
  const { directory, store, registryHost, credentials, signal } = options;
  const context = join(directory, "context");
  const layout = new ImageLayout(store);
  await writeContext(context, options.program);
  const image = await buildImage({
    containerfile: CONTAINERFILE,
    context,
    base: () => layout,
    layout,
    tag: TAG,
    signal,
  });
  const client = createRegistryClient({ host: registryHost, credentials });
  try {
    await copyImage(layout, image.descriptor.digest, client.repository(MODEL_SERVER_REPOSITORY), TAG, signal);
  } finally {
    client.close();
  }
  return image.descriptor.digest;
}

async function writeContext(context: string, program: string | undefined): Promise<void> {
  const target = join(context, "opt", "ai-edge");
  await rm(context, { recursive: true, force: true });
  await mkdir(target, { recursive: true });
  await writeFile(join(target, "package.json"), `${JSON.stringify({ type: "module" })}\n`);
  const [files] = await Promise.all([
    modelServerImageFiles(),
    writeModelServer(join(target, "model-server.js"), program),
  ]);
  for (const file of files) {
    const path = join(target, file.target);
    await mkdir(dirname(path), { recursive: true });
    // A link where the file system allows one: ONNX Runtime is 48 MB.
    await link(file.source, path).catch(() => copyFile(file.source, path));
  }
}

async function writeModelServer(outfile: string, program: string | undefined): Promise<void> {
  const bundled = program === undefined ? undefined : join(dirname(program), "model-server.js");
  if (bundled !== undefined && existsSync(bundled)) return copyFile(bundled, outfile);
  // The sources run unbuilt. Stopped at once: esbuild's service is a process of 17 MB that would stay as long as this one.
  const { build, stop } = await import("esbuild");
  const { entryPoints, external, ...options } = MODEL_SERVER_BUNDLE;
  await build({ ...options, entryPoints: [...entryPoints], external: [...external], outfile });
  await stop();
}
