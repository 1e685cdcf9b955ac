// Plain JavaScript, like ai-edge.js beside it. The sources run unbuilt, by type stripping; that costs a process some 45 MB
// (the stripper, and every module's text). A laptop runs four long-lived processes of ours, so those run a bundle, which
// is made in half a second when a source is newer than it.
import { execFile } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const CLI = fileURLToPath(new URL("..", import.meta.url));
const PACKAGES = fileURLToPath(new URL("../..", import.meta.url));
const SOURCE_ENTRY = join(CLI, "src", "main.ts");
const MAKE_BUNDLE = fileURLToPath(new URL("make-bundle.js", import.meta.url));
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
    const lines = String(error.message).split("\n");
    const reason = lines.find((line) => line.includes("ERROR")) ?? lines[0];
    process.stderr.write(`ai-edge: running from source, because it could not be bundled: ${reason}\n`);
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
  await promisify(execFile)(process.execPath, [MAKE_BUNDLE, bundle]);
  await removeOldBundles();
}

async function removeOldBundles() {
  const names = readdirSync(BUNDLES).sort((a, b) => Number.parseFloat(b) - Number.parseFloat(a));
  for (const name of names.slice(KEPT_BUNDLES))
    await rm(join(BUNDLES, name), { recursive: true, force: true });
}
