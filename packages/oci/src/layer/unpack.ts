import { constants } from "node:fs";
import { chmod, lchown, link, lstat, mkdir, open, readdir, readlink, rm, symlink } from "node:fs/promises";
import path from "node:path";
import { isMissing, writeFully } from "../blob-store.ts";
import { readTar, TarError, type TarReadEntry } from "../tar/reader.ts";

export interface UnpackLimits {
  /** Bytes of all files of one layer. */
  bytes: number;
  /** Entries of one layer. */
  entries: number;
  /** Give files the archive's owners, which needs root; otherwise they belong to who unpacks. */
  owners?: boolean;
}

/** Largest layer that is unpacked: beyond any model that a near edge serves, far below an endless stream. */
export const DEFAULT_UNPACK_LIMITS: UnpackLimits = { bytes: 64 * 1024 ** 3, entries: 1_000_000 };

/** Longer paths are not created by any file system we run on. */
const MAX_PATH = 4096;
const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";

/**
 * Unpacks a layer over what earlier layers left in `root`, whiteouts applied (image-spec `layer.md`). Nothing is
 * written outside the root, whatever the archive says: `..`, absolute paths, links as parents, hard links to
 * elsewhere are refused; device files are left out. Set-id bits are dropped. Symbolic links are created as they are; whoever opens paths in the root must keep to
 * {@link resolveInRoot}.
 */
export async function unpackLayer(
  tar: AsyncIterable<Uint8Array>,
  root: string,
  options: Partial<UnpackLimits> = {},
): Promise<void> {
  const limits = { ...DEFAULT_UNPACK_LIMITS, ...options };
  let bytes = 0;
  let entries = 0;
  /** Paths that this layer made: an opaque whiteout hides only what lower layers left. */
  const own = new Set<string>();
  const modes: [directory: string, mode: number][] = [];
  for await (const entry of readTar(tar)) {
    entries += 1;
    bytes += entry.size;
    if (entries > limits.entries) throw new TarError(`layer: more than ${limits.entries} entries`);
    if (bytes > limits.bytes) throw new TarError(`layer: more than ${limits.bytes} bytes of files`);
    const name = cleanPath(entry.path);
    if (name === "" || entry.type === "device") continue;
    const parent = await safeParent(root, name);
    const base = path.posix.basename(name);
    if (base === OPAQUE) await clearDirectory(root, parent, own);
    else if (base.startsWith(WHITEOUT)) await removeHidden(parent, base.slice(WHITEOUT.length), entry.path);
    else {
      await createEntry(entry, root, path.join(parent, base));
      if (limits.owners === true && entry.type !== "link")
        await lchown(path.join(parent, base), entry.uid, entry.gid);
      own.add(path.join(parent, base));
      if (entry.type === "directory") modes.push([path.join(parent, base), entry.mode]);
    }
  }
  // Last, deepest first: a directory without write permission must still be filled.
  for (const [directory, mode] of modes.toReversed()) await chmodDirectory(directory, mode);
}

/** The path of an entry, relative and normal; refuses what leaves the root. */
export function cleanPath(name: string): string {
  if (name.length > MAX_PATH || name.includes("\0"))
    throw new TarError(`layer: bad path ${JSON.stringify(name.slice(0, 80))}`);
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes(".."))
    throw new TarError(`layer: ${JSON.stringify(name)} leads out of the image: refused`);
  return parts.join("/");
}

/** The directory of an entry; made if absent. A link on the way is refused unless it stays within the root. */
async function safeParent(root: string, name: string): Promise<string> {
  const parts = name.split("/").slice(0, -1);
  let directory = root;
  for (const part of parts) {
    const next = path.join(directory, part);
    const stats = await lstat(next).catch(ignoreMissing);
    if (stats === undefined) await mkdir(next);
    else if (stats.isSymbolicLink()) {
      const target = await resolveInRoot(root, path.relative(root, next));
      const there = await lstat(target).catch(ignoreMissing);
      if (there?.isDirectory() !== true)
        throw new TarError(
          `layer: ${JSON.stringify(name)} goes through a link that is not a directory of the image: refused`,
        );
      directory = target;
      continue;
    } else if (!stats.isDirectory()) {
      await rm(next);
      await mkdir(next);
    }
    directory = next;
  }
  return directory;
}

/** Follows at most as many links as Linux does (MAXSYMLINKS). */
const MAX_LINKS = 40;

/**
 * The real path of a path in an image: links are followed as if the root were `/`, so the result is always below it.
 * The last component need not exist.
 */
export async function resolveInRoot(root: string, name: string): Promise<string> {
  const rest = name.split("/");
  let current: string[] = [];
  let links = 0;
  for (let part = rest.shift(); part !== undefined; part = rest.shift()) {
    if (part === "" || part === ".") continue;
    if (part === "..") {
      current.pop();
      continue;
    }
    const candidate = path.join(root, ...current, part);
    const stats = await lstat(candidate).catch(ignoreMissing);
    if (stats?.isSymbolicLink() === true) {
      links += 1;
      if (links > MAX_LINKS) throw new TarError(`${JSON.stringify(name)}: too many links`);
      const target = await readlink(candidate);
      if (target.startsWith("/")) current = [];
      rest.unshift(...target.split("/"));
    } else current.push(part);
  }
  return path.join(root, ...current);
}

async function createEntry(entry: TarReadEntry, root: string, target: string): Promise<void> {
  const existing = await lstat(target).catch(ignoreMissing);
  if (entry.type === "directory") {
    if (existing?.isDirectory() === true) return;
    if (existing !== undefined) await rm(target, { force: true });
    await mkdir(target);
    return;
  }
  if (existing !== undefined) await rm(target, { recursive: true, force: true });
  if (entry.type === "symlink") await symlink(entry.linkPath ?? "", target);
  else if (entry.type === "link") await createHardLink(entry, root, target);
  else await createFile(entry, target);
}

async function createHardLink(entry: TarReadEntry, root: string, target: string): Promise<void> {
  const name = cleanPath(entry.linkPath ?? "");
  const source = path.join(await safeParent(root, name), path.posix.basename(name));
  const stats = await lstat(source).catch(ignoreMissing);
  if (stats?.isFile() !== true)
    throw new TarError(
      `layer: hard link ${JSON.stringify(entry.path)} to something that is not a file of the image: refused`,
    );
  await link(source, target);
}

async function createFile(entry: TarReadEntry, target: string): Promise<void> {
  const flags = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW;
  const handle = await open(target, flags, 0o600);
  try {
    for await (const chunk of entry.content()) await writeFully(handle, chunk);
    // The owner keeps access: without it an unprivileged agent could not read or replace the file.
    await handle.chmod((entry.mode & 0o777) | 0o600);
  } finally {
    await handle.close();
  }
}

async function chmodDirectory(directory: string, mode: number): Promise<void> {
  const stats = await lstat(directory).catch(ignoreMissing);
  if (stats?.isDirectory() === true) await chmod(directory, (mode & 0o1777) | 0o700);
}

async function removeHidden(parent: string, base: string, name: string): Promise<void> {
  if (base === "" || base === "." || base === "..")
    throw new TarError(`layer: bad whiteout ${JSON.stringify(name)}`);
  await rm(path.join(parent, base), { recursive: true, force: true });
}

async function clearDirectory(root: string, directory: string, own: ReadonlySet<string>): Promise<void> {
  if (!directory.startsWith(root)) throw new TarError("layer: opaque whiteout outside the image");
  for (const child of await readdir(directory)) {
    const target = path.join(directory, child);
    const kept = [...own].some((made) => made === target || made.startsWith(`${target}/`));
    if (!kept) await rm(target, { recursive: true, force: true });
  }
}

function ignoreMissing(error: unknown): undefined {
  if (!isMissing(error)) throw error;
}
