import { build, toYaml } from "../build.ts";
import type { BuildOptions } from "../build.ts";
import type { MemoryFile } from "../memory-file-system.ts";
import { memoryFileSystem } from "../memory-file-system.ts";

/** Builds a tree in memory and prints it: for tests. */
export function buildYaml(
  files: Readonly<Record<string, MemoryFile>>,
  path = "/",
  options: BuildOptions = {},
): string {
  return toYaml(build(memoryFileSystem(files), path, options).resources);
}
