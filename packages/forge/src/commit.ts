import { readdir, readFile, readlink, stat } from "node:fs/promises";
import { join } from "node:path";
import { runGit } from "./git.ts";

/** A file to commit: its content, or null to remove it. */
export type FileContent = string | Uint8Array | null;

export interface CommitOptions {
  /** Paths with `/` below the repository's root. */
  files: Record<string, FileContent>;
  message: string;
  author: { name: string; email: string };
  date: Date;
}

/**
 * Commits files to a branch of a bare repository in one `git fast-import`, without a worktree. The same input gives
 * the same commit.
 * @returns the new commit
 */
export async function commitToBranch(
  repository: string,
  branch: string,
  parent: string | undefined,
  options: CommitOptions,
): Promise<string> {
  const ref = `refs/heads/${branch}`;
  const when = `${Math.floor(options.date.getTime() / 1000)} +0000`;
  const message = Buffer.from(options.message, "utf8");
  const parts: Uint8Array[] = [
    Buffer.from(
      `commit ${ref}\ncommitter ${cleanName(options.author.name)} <${cleanName(options.author.email)}> ${when}\ndata ${message.length}\n`,
    ),
    message,
    Buffer.from(parent === undefined ? "\n" : `\nfrom ${parent}\n`),
  ];
  for (const path of Object.keys(options.files).toSorted()) {
    const content = options.files[path];
    if (content === undefined) continue;
    requireTreePath(path);
    if (content === null) {
      parts.push(Buffer.from(`D ${quotePath(path)}\n`));
      continue;
    }
    const bytes = typeof content === "string" ? Buffer.from(content, "utf8") : content;
    parts.push(
      Buffer.from(`M 100644 inline ${quotePath(path)}\ndata ${bytes.length}\n`),
      bytes,
      Buffer.from("\n"),
    );
  }
  await runGit(repository, ["fast-import", "--quiet"], { input: Buffer.concat(parts) });
  return (await runGit(repository, ["rev-parse", ref])).toString("utf8").trim();
}

/** A seed is an example repository, not a data store. */
const MAX_SEED_BYTES = 256 * 1024 * 1024;
const MAX_SEED_FILES = 10_000;

/**
 * Reads every regular file below a directory, for {@link commitToBranch}; `.git` is left out, links are refused.
 * @throws Error naming the path for links and for more than the bounds above
 */
export async function readTree(directory: string): Promise<Record<string, Uint8Array>> {
  const files: Record<string, Uint8Array> = {};
  let bytes = 0;
  const visit = async (below: string): Promise<void> => {
    for (const entry of await readdir(join(directory, below), { withFileTypes: true })) {
      const path = below === "" ? entry.name : `${below}/${entry.name}`;
      if (entry.name === ".git") continue;
      if (entry.isDirectory()) await visit(path);
      else if (entry.isSymbolicLink()) {
        throw new Error(
          `${join(directory, path)} is a link to ${await readlink(join(directory, path))}: seed directories may hold files only`,
        );
      } else if (entry.isFile()) {
        bytes += (await stat(join(directory, path))).size;
        if (bytes > MAX_SEED_BYTES || Object.keys(files).length >= MAX_SEED_FILES) {
          throw new Error(
            `${directory} holds more than ${MAX_SEED_FILES} files or ${MAX_SEED_BYTES} bytes: too large to seed a repository`,
          );
        }
        files[path] = await readFile(join(directory, path));
      }
    }
  };
  await visit("");
  return files;
}

function requireTreePath(path: string): void {
  const segments = path.split("/");
  if (
    path.includes("\0") ||
    segments.some((part) => part === "" || part === "." || part === ".." || part.toLowerCase() === ".git")
  ) {
    throw new RangeError(`${JSON.stringify(path)} cannot be a path in a Git tree`);
  }
}

/** C-style quoting of fast-import: needed for paths with quotes or line breaks, allowed for all. */
function quotePath(path: string): string {
  return `"${path.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}

/** `<`, `>` and line breaks would end the name in a commit header. */
function cleanName(name: string): string {
  return name.replaceAll(/[<>\n\0]/g, "");
}
