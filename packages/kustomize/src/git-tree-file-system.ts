import { spawn } from "node:child_process";
import type { FileSystem } from "./file-system.ts";
import type { MemoryFile } from "./memory-file-system.ts";
import { memoryFileSystem } from "./memory-file-system.ts";

export interface GitTree {
  /** Path of the repository, bare or not. */
  readonly repository: string;
  /** A commit, tag or tree. */
  readonly commit: string;
  /** Directories or files to read, relative to the root; all by default. */
  readonly paths?: readonly string[];
  readonly signal?: AbortSignal;
}

/** What git may print for one tree; a GitOps repository is a thousandth of it. */
const MAX_TREE_BYTES = 256 * 1024 * 1024;
/** Larger blobs are left out: a kustomization cannot use them, and models lie in some repositories. */
const MAX_BLOB_BYTES = 16 * 1024 * 1024;
const SYMBOLIC_LINK = "120000";
const NEWLINE = 10;

interface TreeEntry {
  readonly mode: string;
  readonly object: string;
  readonly size: number;
  readonly path: string;
}

/**
 * The files of a commit, read once and without a checkout; `/` is the root of the repository.
 * @throws Error with git's message: no such repository or commit
 */
export async function gitTreeFileSystem(tree: GitTree): Promise<FileSystem> {
  const { repository, commit, paths = [], signal } = tree;
  if (commit.startsWith("-")) throw new Error(`'${commit}' is not a commit`);
  const listing = await git(
    repository,
    ["ls-tree", "-r", "-l", "-z", "--full-tree", commit, "--", ...paths],
    "",
    signal,
  );
  const entries = parseListing(listing.toString("utf8"));
  const wanted = entries.filter(({ size }) => size <= MAX_BLOB_BYTES);
  const request = wanted.map(({ object }) => `${object}\n`).join("");
  const blobs = splitBatch(await git(repository, ["cat-file", "--batch"], request, signal));
  const files = new Map<string, MemoryFile>();
  for (const [index, { mode, path }] of wanted.entries()) {
    const content = blobs[index];
    if (content === undefined) continue;
    files.set(`/${path}`, mode === SYMBOLIC_LINK ? { link: content.toString("utf8") } : content);
  }
  return memoryFileSystem(files);
}

/** Lines of `<mode> blob <object> <size>\t<path>`; submodules are left out. */
function parseListing(text: string): TreeEntry[] {
  return text.split("\0").flatMap((line) => {
    const match = /^(\d+) blob ([0-9a-f]+) +(\d+)\t([^]+)$/.exec(line);
    if (match === null) return [];
    const [, mode = "", object = "", size = "0", path = ""] = match;
    return [{ mode, object, size: Number(size), path }];
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

function git(
  repository: string,
  args: readonly string[],
  input: string,
  signal?: AbortSignal,
): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const child = spawn("git", ["-C", repository, ...args], {
    stdio: ["pipe", "pipe", "pipe"],
    ...(signal === undefined ? {} : { signal }),
  });
  const chunks: Buffer[] = [];
  let size = 0;
  let errors = "";
  child.stdout.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size <= MAX_TREE_BYTES) chunks.push(chunk);
    else child.kill();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    if (errors.length < 4_000) errors += chunk.toString("utf8");
  });
  child.on("error", reject);
  child.on("close", (code) => {
    if (size > MAX_TREE_BYTES)
      reject(new Error(`the tree in '${repository}' has more than ${MAX_TREE_BYTES} bytes`));
    else if (code === 0) resolve(Buffer.concat(chunks));
    else
      reject(
        new Error(
          `git ${args[0] ?? ""} in '${repository}' failed: ${errors.trim() || `exit code ${String(code)}`}`,
        ),
      );
  });
  child.stdin.on("error", () => {
    // git ended early; its exit code says why.
  });
  child.stdin.end(input);
  return promise;
}
