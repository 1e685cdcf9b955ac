// Plain JavaScript, like ai-edge.js beside it. The sources run unbuilt, by type stripping; that costs a process some 45 MB
// (the stripper, and every module's text). A laptop runs four long-lived processes of ours, so those run a bundle, which
// is made in half a second when a source is newer than it.
import { existsSync, readdirSync, statSync } from "node:fs";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const CLI = fileURLToPath(new URL("..", import.meta.url));
const PACKAGES = fileURLToPath(new URL("../..", import.meta.url));
const SOURCE_ENTRY = join(CLI, "src", "main.ts");
const BUNDLES = join(CLI, "dist", "program");
/** Older bundles stay for a while: a process that runs one imports its chunks lazily. */
const KEPT_BUNDLES = 4;

/**
 * The module to run: the bundle of the sources as they are, if there is one, otherwise the sources themselves.
 * @param options.build makes the bundle first if it is missing
 * @param options.inherited the entry of the supervising process: its children run the same program
 */
export async function programEntry({ build, inherited }) {
  if (inherited !== undefined && existsSync(inherited)) return inherited;
  const bundle = join(BUNDLES, String(newestSource()));
  const entry = join(bundle, "main.js");
  if (existsSync(entry)) return entry;
  if (!build) return SOURCE_ENTRY;
  try {
    await bundleProgram(bundle);
    return entry;
  } catch (error) {
    // A read-only checkout, or a platform without esbuild: it runs all the same, only larger.
    process.stderr.write(`ai-edge: running from source, because it could not be bundled: ${error.message}\n`);
    return SOURCE_ENTRY;
  }
}

/** Modification time of the newest source file, in whole milliseconds: names the bundle that it went into. */
function newestSource() {
  let newest = 0;
  for (const name of readdirSync(PACKAGES)) {
    const source = join(PACKAGES, name, "src");
    for (const entry of readdirSync(source, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !entry.name.endsWith(".ts")) continue;
      newest = Math.max(newest, Math.floor(statSync(join(entry.parentPath, entry.name)).mtimeMs));
    }
  }
  return newest;
}

async function bundleProgram(bundle) {
  const esbuild = await import("esbuild");
  const next = `${bundle}.${process.pid}`;
  await esbuild.build({
    entryPoints: { main: SOURCE_ENTRY },
    outdir: next,
    bundle: true,
    // Commands are imported lazily: a chunk each keeps it so.
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node24",
    minifySyntax: true,
    minifyWhitespace: true,
    external: ["esbuild", "onnxruntime-node"],
    logLevel: "silent",
    // Some dependencies are CommonJS and ask for Node's own modules with require.
    banner: {
      js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
    },
    plugins: [
      { name: "keep-module-urls", setup: keepModuleUrls },
      { name: "lazy-builtins", setup: requireHttp },
    ],
  });
  await esbuild.stop();
  await writeFile(join(next, "package.json"), '{"type":"module"}\n');
  await rename(next, bundle).catch(async (error) => {
    // Another process was faster with the same sources.
    await rm(next, { recursive: true, force: true });
    if (!existsSync(join(bundle, "main.js"))) throw error;
  });
  await removeOldBundles();
}

async function removeOldBundles() {
  const names = readdirSync(BUNDLES).sort((a, b) => Number.parseFloat(b) - Number.parseFloat(a));
  for (const name of names.slice(KEPT_BUNDLES))
    await rm(join(BUNDLES, name), { recursive: true, force: true });
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
 * An ES import of node:http reads all of its exports, and one of them loads undici: 10 MB of RSS that nothing here uses.
 * Asked for as a CommonJS module it stays away.
 */
function requireHttp(build) {
  build.onResolve({ filter: /^node:(http|https|http2)$/ }, ({ path }) => ({ path, namespace: "builtin" }));
  build.onLoad({ filter: /.*/, namespace: "builtin" }, ({ path }) => ({
    contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)})`,
    loader: "js",
  }));
}
