import path from "node:path";
import { cleanPath } from "../layer/unpack.ts";
import type { LayerEntry } from "../layer/writer.ts";
import type { Source, SourceEntry } from "./sources.ts";
import type { StageFiles } from "./stage-files.ts";

export interface CopyTarget {
  /** As written; relative ones are below the working directory. */
  destination: string;
  workingDirectory: string;
  owner: { uid: number; gid: number };
  /** Permission bits for files and directories, if `--chmod` gave them. */
  mode: number | undefined;
  /** Keep the source's bits (files of another stage) instead of the normal form for files of the context. */
  keepModes: boolean;
  files: StageFiles;
}

/**
 * The layer entries of a COPY: contents of directories go into the destination, files into or onto it, as in docker.
 * Files of the build context get 0664 or 0775: the checkout's umask must not change a digest, and group 0 may do what the
 * owner may, which OpenShift's arbitrary user ids need.
 */
export function copyEntries(sources: readonly Source[], target: CopyTarget): LayerEntry[] {
  const { destination, workingDirectory, files } = target;
  const absolute = path.posix.resolve(workingDirectory, destination);
  const place = files.resolve(cleanPath(absolute));
  const intoDirectory =
    /\/\.?$/.test(destination) || destination === "." || sources.length > 1 || files.isDirectory(place);
  if (sources.length > 1 && !/\/\.?$/.test(destination) && destination !== "." && !files.isDirectory(place)) {
    throw new Error(
      `several sources need a directory as destination: write ${JSON.stringify(`${destination}/`)}`,
    );
  }
  const entries = new Map<string, LayerEntry>();
  for (const source of sources) {
    for (const entry of source.entries) {
      const name = source.isDirectory
        ? join(place, entry.relative)
        : intoDirectory
          ? join(place, entry.name)
          : place;
      if (name === "") continue;
      if (entry.type === "directory" && files.has(name)) continue;
      entries.set(name, toLayerEntry(entry, name, target));
    }
  }
  for (const name of entries.keys()) addParents(name, entries, files);
  return [...entries.values()];
}

/** Directories that the stage does not have yet, so that every tool unpacks them with the same bits. */
export function addParents(name: string, entries: Map<string, LayerEntry>, files: StageFiles): void {
  for (
    let parent = path.posix.dirname(name);
    parent !== "." && parent !== "/";
    parent = path.posix.dirname(parent)
  ) {
    if (!entries.has(parent) && !files.has(parent)) entries.set(parent, directoryEntry(parent));
  }
}

export function directoryEntry(name: string): LayerEntry {
  return { path: name, type: "directory", mode: 0o755, uid: 0, gid: 0, size: 0, mtime: 0 };
}

function toLayerEntry(entry: SourceEntry, name: string, target: CopyTarget): LayerEntry {
  const executable = entry.type === "directory" || (entry.stats.mode & 0o100) !== 0;
  const normal = executable ? 0o775 : 0o664;
  const mode =
    entry.type === "symlink"
      ? 0o777
      : (target.mode ?? (target.keepModes ? entry.stats.mode & 0o777 : normal));
  const common = { path: name, type: entry.type, mode, ...target.owner, mtime: 0 };
  if (entry.type === "symlink")
    return { ...common, size: 0, ...(entry.linkPath === undefined ? {} : { linkPath: entry.linkPath }) };
  if (entry.type === "directory") return { ...common, size: 0 };
  return { ...common, size: entry.stats.size, source: { file: entry.file } };
}

function join(directory: string, name: string): string {
  return [directory, name].filter((part) => part !== "").join("/");
}
