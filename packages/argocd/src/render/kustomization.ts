import { realpathSync } from "node:fs";
import path from "node:path";
import type { ApplicationSourceKustomize } from "@ai-edge/api";
import type { UnstructuredObject } from "@ai-edge/apimachinery";
import { build, diskFileSystem, type FileSystem, memoryFileSystem, toObjects } from "@ai-edge/kustomize";
import { kustomizeOverlay } from "./kustomize-overlay.ts";
import { asManifests } from "./manifest.ts";
import { SourceError } from "./source-error.ts";

/** A directory that no repository has; it exists only while an overlay is rendered. */
const OVERLAY_DIRECTORY = ".ai-edge-overlay";

/**
 * Renders the kustomization in a directory, with `source.kustomize` laid over it.
 * @param root the files of the repository: nothing outside is read
 * @throws SourceError in kustomize's words
 */
export function renderKustomization(
  root: string,
  directory: string,
  options: ApplicationSourceKustomize | undefined,
): { manifests: UnstructuredObject[]; warnings: string[] } {
  const realRoot = realpathSync(root);
  const inside = path.relative(root, directory);
  const overlay = kustomizeOverlay(path.posix.join("..", inside), options);
  const files = confined(realRoot, diskFileSystem());
  try {
    if (overlay.kustomization === undefined) {
      const result = build(files, path.join(realRoot, inside));
      return { manifests: manifestsOf(result.resources), warnings: overlay.warnings };
    }
    const at = path.join(realRoot, OVERLAY_DIRECTORY);
    const withOverlay = layered(files, at, JSON.stringify(overlay.kustomization));
    return { manifests: manifestsOf(build(withOverlay, at).resources), warnings: overlay.warnings };
  } catch (error) {
    if (error instanceof SourceError || !(error instanceof Error)) throw error;
    throw new SourceError(
      `kustomize build ${inside || "."} failed: ${error.message.replaceAll(`${realRoot}/`, "")}`,
      { cause: error },
    );
  }
}

function manifestsOf(resources: ReturnType<typeof build>["resources"]): UnstructuredObject[] {
  return toObjects(resources).flatMap((object) => asManifests(object, "kustomize build"));
}

/** A file system that ends at the repository: a kustomization must not reach into the site's files. */
function confined(root: string, files: FileSystem): FileSystem {
  const check = (file: string): string => {
    if (file !== root && !file.startsWith(`${root}/`))
      throw new Error(`'${file}' is outside of the repository`);
    return file;
  };
  return {
    readFile: (file) => files.readFile(check(files.realPath(check(file)))),
    stat: (file) => (file === root || file.startsWith(`${root}/`) ? files.stat(file) : undefined),
    realPath: (file) => check(files.realPath(check(file))),
  };
}

/** The files with one directory more, which holds only a kustomization. */
function layered(files: FileSystem, directory: string, kustomization: string): FileSystem {
  const extra = memoryFileSystem({ [path.join(directory, "kustomization.yaml")]: kustomization });
  const isExtra = (file: string) => file === directory || file.startsWith(`${directory}/`);
  return {
    readFile: (file) => (isExtra(file) ? extra : files).readFile(file),
    stat: (file) => (isExtra(file) ? extra : files).stat(file),
    realPath: (file) => (isExtra(file) ? extra : files).realPath(file),
  };
}
