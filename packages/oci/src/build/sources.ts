import type { Stats } from "node:fs";
import { lstat, readdir, readlink } from "node:fs/promises";
import path from "node:path";
import { isMissing } from "../blob-store.ts";
import { globToRegExp, isGlob } from "../containerfile/glob.ts";
import type { Ignored } from "../containerfile/ignore.ts";
import { resolveInRoot } from "../layer/unpack.ts";

/** A file, directory or link that COPY takes, with its path below what it was found under. */
export interface SourceEntry {
  /** Relative to the copied directory; "" for a file that was named itself. */
  relative: string;
  /** Base name of the source that was named. */
  name: string;
  file: string;
  type: "file" | "directory" | "symlink";
  stats: Stats;
  linkPath?: string;
}

/** A source of a COPY, found: a file, or a directory with all below it. */
export interface Source {
  isDirectory: boolean;
  name: string;
  entries: SourceEntry[];
}

/** More files than any model has; a COPY of a home directory by mistake stops here. */
const MAX_ENTRIES = 100_000;

/**
 * Finds the sources of a COPY below `root` (build context or another stage's files). Patterns match as in docker; links
 * never lead out of the root.
 */
export async function findSources(
  root: string,
  patterns: readonly string[],
  ignored: Ignored,
): Promise<Source[]> {
  const found: Source[] = [];
  for (const pattern of patterns) {
    const clean = path.posix.normalize(`/${pattern}`).replace(/^\/+|\/+$/g, "");
    const names = isGlob(clean) ? await matchGlob(root, clean) : [clean];
    const present: Source[] = [];
    for (const name of names) {
      if (name !== "" && ignored(name) && !(await hasIncluded(root, name, ignored))) continue;
      const source = await readSource(root, name, ignored);
      if (source !== undefined) present.push(source);
    }
    if (present.length === 0)
      throw new Error(
        `${JSON.stringify(pattern)} is not in the build context (or the ignore file leaves it out)`,
      );
    found.push(...present);
  }
  return found;
}

async function hasIncluded(root: string, name: string, ignored: Ignored): Promise<boolean> {
  const source = await readSource(root, name, ignored);
  return source?.entries.some((entry) => entry.type !== "directory") === true && source.isDirectory;
}

async function matchGlob(root: string, pattern: string): Promise<string[]> {
  const expression = globToRegExp(pattern);
  const depth = pattern.includes("**") ? Number.POSITIVE_INFINITY : pattern.split("/").length;
  const matches: string[] = [];
  const visit = async (directory: string, level: number): Promise<void> => {
    for (const entry of await readdir(path.join(root, directory), { withFileTypes: true })) {
      const name = directory === "" ? entry.name : `${directory}/${entry.name}`;
      if (expression.test(name)) matches.push(name);
      if (matches.length > MAX_ENTRIES) throw new Error(`${pattern} matches more than ${MAX_ENTRIES} files`);
      if (entry.isDirectory() && level + 1 < depth) await visit(name, level + 1);
    }
  };
  await visit("", 0);
  return matches.toSorted();
}

async function readSource(root: string, name: string, ignored: Ignored): Promise<Source | undefined> {
  const file = await resolveInRoot(root, name);
  const stats = await lstat(file).catch((error: unknown) => {
    if (!isMissing(error)) throw error;
  });
  if (stats === undefined) return undefined;
  const base = path.posix.basename(name);
  if (!stats.isDirectory()) {
    if (!stats.isFile()) throw new Error(`${name} is neither a file nor a directory`);
    return {
      isDirectory: false,
      name: base,
      entries: [{ relative: "", name: base, file, type: "file", stats }],
    };
  }
  const entries: SourceEntry[] = [{ relative: "", name: base, file, type: "directory", stats }];
  await collect(file, name, "", ignored, entries, base);
  return { isDirectory: true, name: base, entries };
}

async function collect(
  directory: string,
  contextName: string,
  relative: string,
  ignored: Ignored,
  entries: SourceEntry[],
  base: string,
): Promise<void> {
  for (const child of (await readdir(directory)).toSorted()) {
    const file = path.join(directory, child);
    const below = relative === "" ? child : `${relative}/${child}`;
    const inContext = contextName === "" ? below : `${contextName}/${below}`;
    const stats = await lstat(file);
    const skip = ignored(inContext);
    if (stats.isDirectory()) {
      const before = entries.length;
      if (!skip) entries.push({ relative: below, name: base, file, type: "directory", stats });
      await collect(file, contextName, below, ignored, entries, base);
      // An ignored directory comes along if a `!` rule brought something below it back.
      if (skip && entries.length > before)
        entries.splice(before, 0, { relative: below, name: base, file, type: "directory", stats });
    } else if (!skip && stats.isSymbolicLink()) {
      entries.push({
        relative: below,
        name: base,
        file,
        type: "symlink",
        stats,
        linkPath: await readlink(file),
      });
    } else if (!skip && stats.isFile())
      entries.push({ relative: below, name: base, file, type: "file", stats });
    if (entries.length > MAX_ENTRIES) throw new Error(`more than ${MAX_ENTRIES} files to copy`);
  }
}
