import { readFileSync, realpathSync, statSync } from "node:fs";

export type FileKind = "file" | "directory";

/**
 * Where a build reads from. Paths are absolute, with `/`. Implementations are synchronous: a build is a pure function
 * of the files that it reads.
 */
export interface FileSystem {
  /** The content of a file; the path is one that {@link realPath} returned. @throws Error when it cannot be read */
  readFile(path: string): Uint8Array;
  /** What is there, links followed; undefined when nothing is. */
  stat(path: string): FileKind | undefined;
  /** The path with all symbolic links resolved. @throws Error that names the path when nothing is there */
  realPath(path: string): string;
}

/** No file of a kustomization is near this; see also the bounds of the YAML parser. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;

/** The file system of the machine. */
export function diskFileSystem(): FileSystem {
  return {
    readFile(path) {
      const { size } = statSync(path);
      checkFileSize(path, size);
      return readFileSync(path);
    },
    stat(path) {
      const stats = statSync(path, { throwIfNoEntry: false });
      if (stats === undefined) return undefined;
      return stats.isDirectory() ? "directory" : stats.isFile() ? "file" : undefined;
    },
    realPath(path) {
      try {
        return realpathSync(path);
      } catch {
        throw new Error(
          `evalsymlink failure on '${path}' : lstat ${firstMissing(path)}: no such file or directory`,
        );
      }
    },
  };
}

/** @throws Error for a file larger than a build reads */
export function checkFileSize(path: string, size: number): void {
  if (size > MAX_FILE_BYTES) {
    throw new Error(`file '${path}' is too large: ${size} bytes, at most ${MAX_FILE_BYTES} are read`);
  }
}

function firstMissing(path: string): string {
  const parts = path.split("/");
  for (let count = 2; count < parts.length; count++) {
    const prefix = parts.slice(0, count).join("/");
    if (statSync(prefix, { throwIfNoEntry: false }) === undefined) return prefix;
  }
  return path;
}
