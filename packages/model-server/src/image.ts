/** What an image builder needs to lay the model server into a base image. */
import { createRequire } from "node:module";
import { readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * esbuild options for the one-file bundle `/opt/ai-edge/model-server.js` (with a `package.json` saying
 * `{"type":"module"}` beside it). ONNX Runtime stays outside: it is native, and loaded only for ONNX models.
 */
export const MODEL_SERVER_BUNDLE = {
  entryPoints: [fileURLToPath(new URL("./main.ts", import.meta.url))],
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node22",
  minify: true,
  external: ["onnxruntime-node"],
  // pino is CommonJS and asks for Node's own modules with require.
  banner: {
    js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
  },
} as const;

/**
 * Flags for Node in the image's entrypoint, before the script. A site's server answers a few requests a second, so small
 * beats fast: a small young generation, one optimising compiler instead of two, and that one only for code which is
 * really hot. Measured after 20 requests: 65 instead of 70 MB (XGBoost), 87 instead of 90 MB (ONNX); under full load some
 * 20 MB less, for about a tenth of the peak throughput.
 */
export const MODEL_SERVER_NODE_FLAGS: readonly string[] = [
  "--max-semi-space-size=1",
  "--no-maglev",
  "--invocation-count-for-turbofan=20000",
];

export interface ImageFile {
  /** Absolute path of the file here. */
  source: string;
  /** Path in the image, relative to the bundle's directory. */
  target: string;
}

async function packageFiles(
  root: string,
  target: string,
  keep: (path: string) => boolean,
): Promise<ImageFile[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .filter(keep)
    .toSorted()
    .map((path) => ({ source: join(root, path), target: join(target, path) }));
}

/**
 * ONNX Runtime's files for one platform, to be laid beside the bundle: about 48 MB of the 288 MB that the package has
 * for all platforms.
 */
export async function modelServerImageFiles(
  platform = "linux",
  arch: string = process.arch,
): Promise<ImageFile[]> {
  const require = createRequire(import.meta.url);
  const runtime = dirname(require.resolve("onnxruntime-node/package.json"));
  const common = dirname(
    dirname(dirname(createRequire(join(runtime, "package.json")).resolve("onnxruntime-common"))),
  );
  const script = /^(package\.json|LICENSE|dist\/.*\.js)$/;
  return [
    ...(await packageFiles(
      runtime,
      "node_modules/onnxruntime-node",
      (path) => script.test(path) || path.startsWith(join("bin", "napi-v6", platform, arch)),
    )),
    ...(await packageFiles(
      common,
      "node_modules/onnxruntime-common",
      (path) =>
        /^(package\.json|LICENSE|dist\/cjs\/.*\.js(on)?)$/.test(path) || path === "dist/cjs/package.json",
    )),
  ];
}
