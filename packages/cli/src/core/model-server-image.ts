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
import { build } from "esbuild";

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
 */
export async function publishModelServerImage(options: {
  directory: string;
  /** The image store of the pipelines' builds: what is built here need not be fetched there. */
  store: string;
  registryHost: string;
  credentials: RegistryCredentials;
  signal: AbortSignal;
}): Promise<Digest> {
  const { directory, store, registryHost, credentials, signal } = options;
  const context = join(directory, "context");
  const layout = new ImageLayout(store);
  await writeContext(context);
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

async function writeContext(context: string): Promise<void> {
  const target = join(context, "opt", "ai-edge");
  await rm(context, { recursive: true, force: true });
  await mkdir(target, { recursive: true });
  await writeFile(join(target, "package.json"), `${JSON.stringify({ type: "module" })}\n`);
  const [files] = await Promise.all([
    modelServerImageFiles(),
    build({
      ...MODEL_SERVER_BUNDLE,
      entryPoints: [...MODEL_SERVER_BUNDLE.entryPoints],
      external: [...MODEL_SERVER_BUNDLE.external],
      outfile: join(target, "model-server.js"),
    }),
  ]);
  for (const file of files) {
    const path = join(target, file.target);
    await mkdir(dirname(path), { recursive: true });
    // A link where the file system allows one: ONNX Runtime is 48 MB.
    await link(file.source, path).catch(() => copyFile(file.source, path));
  }
}
