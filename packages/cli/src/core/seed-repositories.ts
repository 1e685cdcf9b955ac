import { readdir, readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";

import type { RunningForge } from "@ai-edge/forge";

import { examplesDirectory } from "./examples.ts";

const SEED_OWNER = "ai-edge";
/** The examples name these default addresses; the seed writes the real ones in their place. */
const DEFAULT_FORGE = "http://127.0.0.1:3000";
const DEFAULT_REGISTRY = "127.0.0.1:5000";
/** Only text is rewritten; models are binary or large, and never name an address. */
const REWRITTEN = /(?:\.ya?ml|\.md|Containerfile[^/]*)$/;
/** Fixed, so that two first starts give the same commits. */
const SEED_TIME = new Date("2026-01-01T00:00:00Z");

/** Puts the two repositories into the forge unless they are there: `models` and `gitops`. */
export async function seedRepositories(
  forge: RunningForge,
  addresses: { forgeUrl: string; registryHost: string },
): Promise<void> {
  const examples = examplesDirectory();
  await Promise.all(
    (["models", "gitops"] as const).map(async (name) => {
      const files = await readExample(join(examples, name), addresses);
      await forge.seedRepository({
        owner: SEED_OWNER,
        name,
        files,
        message: name === "models" ? "Add the example models" : "Add the model apps and their registration",
        author: { name: "ai-edge", email: "ai-edge@ai-edge.invalid" },
        date: SEED_TIME,
      });
    }),
  );
}

async function readExample(
  directory: string,
  addresses: { forgeUrl: string; registryHost: string },
): Promise<Record<string, Buffer>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && !entry.parentPath.includes("__pycache__"));
  const contents = await Promise.all(
    files.map(async (entry) => {
      const path = join(entry.parentPath, entry.name);
      const content = await readFile(path);
      const name = relative(directory, path).split(sep).join("/");
      return [name, REWRITTEN.test(name) ? rewrite(content, addresses) : content] as const;
    }),
  );
  return Object.fromEntries(contents);
}

function rewrite(
  content: Buffer,
  { forgeUrl, registryHost }: { forgeUrl: string; registryHost: string },
): Buffer {
  return Buffer.from(
    content.toString("utf8").replaceAll(DEFAULT_FORGE, forgeUrl).replaceAll(DEFAULT_REGISTRY, registryHost),
  );
}
