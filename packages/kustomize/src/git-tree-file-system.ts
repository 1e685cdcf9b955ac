import type { FileSystem } from "./file-system.ts";
import type { MemoryFile } from "./memory-file-system.ts";
import { memoryFileSystem } from "./memory-file-system.ts";
import { MAX_GIT_OUTPUT_BYTES, runGit } from "./run-git.ts";

export interface GitTree {
  /** Path of the repository, bare or not. */
  readonly repository: string;
  /** A commit, tag or tree. */
  readonly commit: string;
  /** Directories or files to read, relative to the root; all by default. */
  readonly paths?: readonly string[];
  readonly signal?: AbortSignal;
}

/** Larger blobs are left out: a kustomization cannot use them, and models lie in some repositories. */
const MAX_BLOB_BYTES = 16 * 1024 * 1024;
const SYMBOLIC_LINK = "120000";
const SUBMODULE = "commit";
const NEWLINE = 10;

interface TreeEntry {
  readonly mode: string;
  readonly type: string;
  readonly object: string;
  readonly size: number;
  readonly path: string;
}

/** The content of a commit. */
export interface GitTreeContent {
  /** By path from the root. */
  readonly files: Map<string, MemoryFile>;
  /** Commits of other repositories, by the path that they belong to. */
  readonly submodules: ReadonlyMap<string, string>;
}

/**
 * The files of a commit, read once and without a checkout; `/` is the root of the repository.
 * @throws Error with git's message: no such repository or commit
 */
export async function gitTreeFileSystem(tree: GitTree): Promise<FileSystem> {
  return memoryFileSystem((await readGitTree(tree)).files);
}

/** As {@link gitTreeFileSystem}, the files alone. @param maxBytes of all files; more is an error */
export async function readGitTree(tree: GitTree, maxBytes = MAX_GIT_OUTPUT_BYTES): Promise<GitTreeContent> {
  const { repository, commit, paths = [], signal } = tree;
  if (commit.startsWith("-")) throw new Error(`'${commit}' is not a commit`);
  const git = (args: readonly string[], input: string): Promise<Buffer> =>
    runGit({ repository, args, input, ...(signal === undefined ? {} : { signal }) });
  const listing = await git(["ls-tree", "-r", "-l", "-z", "--full-tree", commit, "--", ...paths], "");
  const entries = parseListing(listing.toString("utf8"));
  const submodules = new Map(
    entries.filter(({ type }) => type === SUBMODULE).map(({ path, object }) => [path, object]),
  );
  const wanted = entries.filter(({ type, size }) => type !== SUBMODULE && size <= MAX_BLOB_BYTES);
  const total = wanted.reduce((sum, { size }) => sum + size, 0);
  if (total > maxBytes) throw new Error(`the tree has ${total} bytes, at most ${maxBytes} are read`);
  const request = wanted.map(({ object }) => `${object}\n`).join("");
  const blobs = splitBatch(await git(["cat-file", "--batch"], request));
  const files = new Map<string, MemoryFile>();
  for (const [index, { mode, path }] of wanted.entries()) {
    const content = blobs[index];
    if (content === undefined) continue;
    files.set(path, mode === SYMBOLIC_LINK ? { link: content.toString("utf8") } : content);
  }
  return { files, submodules };
}

/** Lines of `<mode> <type> <object> <size>\t<path>`; a submodule has no size. */
function parseListing(text: string): TreeEntry[] {
  return text.split("\0").flatMap((line) => {
    const match = /^(\d+) (blob|commit) ([0-9a-f]+) +(\d+|-)\t([^]+)$/.exec(line);
    if (match === null) return [];
    const [, mode = "", type = "", object = "", size = "0", path = ""] = match;
    return [{ mode, type, object, size: Number(size) || 0, path }];
  });
}

/** The answers of `git cat-file --batch`: `<object> blob <size>`, the content, a newline. */
function splitBatch(output: Buffer): Buffer[] {
  const blobs: Buffer[] = [];
  let at = 0;
  while (at < output.length) {
    const end = output.indexOf(NEWLINE, at);
    if (end < 0) break;
    const size = Number(output.toString("latin1", at, end).split(" ")[2] ?? "0");
    blobs.push(output.subarray(end + 1, end + 1 + size));
    at = end + 1 + size + 1;
  }
  return blobs;
}
