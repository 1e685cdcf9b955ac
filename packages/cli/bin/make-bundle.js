// Plain JavaScript, like ai-edge.js beside it: `node make-bundle.js DIRECTORY` writes the program's bundle (main.js and its
// chunks) and the model server's (model-server.js). A process of its own, started by program-bundle.js, because a process
// that has bundled keeps some 45 MB for it, and an esbuild service of 17 MB as its child.
import { existsSync } from "node:fs";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";

import { MODEL_SERVER_BUNDLE } from "@ai-edge/model-server";
import { build, stop } from "esbuild";

const SOURCE_ENTRY = fileURLToPath(new URL("../src/main.ts", import.meta.url));

const bundle = process.argv[2];
const next = `${bundle}.${process.pid}`;
await Promise.all([
  bundleProgram(next),
  build({ ...MODEL_SERVER_BUNDLE, outfile: join(next, "model-server.js"), logLevel: "silent" }),
]);
await stop();
await writeFile(join(next, "package.json"), '{"type":"module"}\n');
await rename(next, bundle).catch(async (error) => {
  // Another process was faster with the same sources.
  await rm(next, { recursive: true, force: true });
  if (!existsSync(join(bundle, "main.js"))) throw error;
});

function bundleProgram(outdir) {
  return build({
    entryPoints: { main: SOURCE_ENTRY },
    outdir,
    bundle: true,
    // Commands are imported lazily: a chunk each keeps it so.
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node24",
    minify: true,
    external: ["esbuild", "onnxruntime-node"],
    logLevel: "silent",
    // Some dependencies are CommonJS and ask for Node's own modules with require.
    banner: {
      js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
    },
    plugins: [
      { name: "keep-module-urls", setup: keepModuleUrls },
      { name: "http-without-undici", setup: httpWithoutUndici },
      { name: "no-worker-threads", setup: noWorkerThreads },
    ],
  });
}

/** Our modules find their data files (manifests, examples) beside themselves: in the bundle they still name their source. */
function keepModuleUrls(build) {
  build.onLoad({ filter: /\.ts$/ }, async ({ path }) => ({
    contents: (await readFile(path, "utf8")).replaceAll(
      "import.meta.url",
      JSON.stringify(pathToFileURL(path).href),
    ),
    loader: "ts",
  }));
}

/**
 * Importing node:http as an ES module reads all its exports, and one of them (WebSocket) is a getter that loads the whole of
 * undici: 8 MB of resident memory. The bundle takes node:http with its plain exports only.
 */
function httpWithoutUndici(build) {
  build.onResolve({ filter: /^node:http$/ }, ({ kind, path }) =>
    kind === "import-statement" ? { path, namespace: "plain-exports", sideEffects: false } : undefined,
  );
  build.onLoad({ filter: /.*/, namespace: "plain-exports" }, () => {
    const names = Object.entries(Object.getOwnPropertyDescriptors(http)).flatMap(([name, property]) =>
      "value" in property ? [name] : [],
    );
    return {
      contents: `const http = process.getBuiltinModule("node:http"); export default http; export const { ${names.join(", ")} } = http;`,
      loader: "js",
    };
  });
}

/** pino loads worker_threads (2 MB) for transports in threads of their own, which we do not use. */
function noWorkerThreads(build) {
  build.onResolve({ filter: /^thread-stream$/ }, ({ path }) => ({ path, namespace: "unused" }));
  build.onLoad({ filter: /.*/, namespace: "unused" }, () => ({
    contents:
      'module.exports = class { constructor() { throw new Error("pino transports in threads are not part of the bundle"); } };',
    loader: "js",
  }));
}
