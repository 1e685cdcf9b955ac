// Plain JavaScript, like ai-edge.js beside it. The sources run unbuilt, by type stripping; that costs a process some 45 MB
// (the stripper, and every module's text). A laptop runs four long-lived processes of ours, so those run a bundle, which
// is made in half a second when a source is newer than it.
import { readdirSync, statSync } from "node:fs";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const CLI = fileURLToPath(new URL("..", import.meta.url));
const PACKAGES = fileURLToPath(new URL("../..", import.meta.url));
const SOURCE_ENTRY = join(CLI, "src", "main.ts");
const BUNDLE = join(CLI, "dist", "program");
const BUNDLE_ENTRY = join(BUNDLE, "main.js");

/** The module to run: the bundle if it is up to date, otherwise the sources; `build` makes it up to date first. */
export async function programEntry({ build }) {
  if (isFresh()) return BUNDLE_ENTRY;
  if (!build) return SOURCE_ENTRY;
  try {
    await bundleProgram();
    return BUNDLE_ENTRY;
  } catch (error) {
    // A read-only checkout, or a platform without esbuild: it runs all the same, only larger.
    process.stderr.write(`ai-edge: running from source, because it could not be bundled: ${error.message}\n`);
    return SOURCE_ENTRY;
  }
}

function isFresh() {
  const built = statSync(BUNDLE_ENTRY, { throwIfNoEntry: false })?.mtimeMs;
  if (built === undefined) return false;
  return readdirSync(PACKAGES).every((name) => {
    const source = join(PACKAGES, name, "src");
    const entries = readdirSync(source, { recursive: true, withFileTypes: true });
    return entries.every((entry) => !entry.isFile() || !entry.name.endsWith(".ts") || statSync(join(entry.parentPath, entry.name)).mtimeMs < built);
  });
}

async function bundleProgram() {
  const esbuild = await import("esbuild");
  const next = `${BUNDLE}.${process.pid}`;
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
    banner: { js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);' },
    plugins: [{ name: "keep-module-urls", setup: keepModuleUrls }],
  });
  await esbuild.stop();
  await writeFile(join(next, "package.json"), '{"type":"module"}\n');
  await rm(BUNDLE, { recursive: true, force: true });
  await rename(next, BUNDLE);
}

/** Our modules find their data files (manifests, examples) beside themselves: in the bundle they still name their source. */
function keepModuleUrls(build) {
  build.onLoad({ filter: /\.ts$/ }, async ({ path }) => ({
    contents: (await readFile(path, "utf8")).replaceAll("import.meta.url", JSON.stringify(pathToFileURL(path).href)),
    loader: "ts",
  }));
}
