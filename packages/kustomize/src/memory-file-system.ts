import { posix } from "node:path";
import type { FileSystem } from "./file-system.ts";
import { checkFileSize } from "./file-system.ts";

/** A file of a tree in memory: its content, or the target of a symbolic link. */
export type MemoryFile = string | Uint8Array | { readonly link: string };

/** Links to links end here, as in Linux (ELOOP at 40). */
const MAX_LINKS = 40;

/**
 * A tree in memory. Keys are file paths; without leading `/` they are below the root. Directories exist by their files.
 */
export function memoryFileSystem(
  files: ReadonlyMap<string, MemoryFile> | Readonly<Record<string, MemoryFile>>,
): FileSystem {
  const entries = files instanceof Map ? files.entries() : Object.entries(files);
  const content = new Map<string, MemoryFile>();
  const directories = new Set<string>(["/"]);
  for (const [name, file] of entries) {
    const path = posix.resolve("/", name);
    content.set(path, file);
    for (let parent = posix.dirname(path); !directories.has(parent); parent = posix.dirname(parent)) {
      directories.add(parent);
    }
  }
  return treeFileSystem({
    kind: (path) => (directories.has(path) ? "directory" : content.has(path) ? "file" : undefined),
    link: (path) => {
      const file = content.get(path);
      return typeof file === "object" && "link" in file ? file.link : undefined;
    },
    read: (path) => {
      const file = content.get(path);
      if (typeof file === "string") return Buffer.from(file);
      return file instanceof Uint8Array ? file : undefined;
    },
  });
}

interface Tree {
  kind(path: string): "file" | "directory" | undefined;
  link(path: string): string | undefined;
  read(path: string): Uint8Array | undefined;
}

/** A file system over a tree that knows its own links. */
function treeFileSystem(tree: Tree): FileSystem {
  const resolve = (path: string): string | undefined => {
    let links = 0;
    let resolved = "/";
    let rest = posix
      .resolve("/", path)
      .split("/")
      .filter((part) => part !== "");
    for (let part = rest.shift(); part !== undefined; part = rest.shift()) {
      const next = posix.join(resolved, part);
      const link = tree.link(next);
      if (link === undefined) {
        resolved = next;
        continue;
      }
      if (++links > MAX_LINKS) return undefined;
      rest = [
        ...posix
          .resolve(resolved, link)
          .split("/")
          .filter((name) => name !== ""),
        ...rest,
      ];
      resolved = "/";
    }
    return tree.kind(resolved) === undefined ? undefined : resolved;
  };
  return {
    readFile(path) {
      const data = tree.read(path);
      if (data === undefined) throw new Error(`'${path}' doesn't exist`);
      checkFileSize(path, data.length);
      return data;
    },
    stat(path) {
      const resolved = resolve(path);
      return resolved === undefined ? undefined : tree.kind(resolved);
    },
    realPath(path) {
      const resolved = resolve(path);
      if (resolved === undefined)
        throw new Error(`evalsymlink failure on '${path}' : '${path}' doesn't exist`);
      return resolved;
    },
  };
}
