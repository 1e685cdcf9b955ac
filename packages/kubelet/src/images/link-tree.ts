import { chmod, copyFile, link, mkdir, readdir, readlink, stat, symlink } from "node:fs/promises";
import { join } from "node:path";

/**
 * Makes a copy of a tree whose files are hard links. Whoever changes a file of the copy must replace it, as `unpackLayer`
 * does: writing into it would change the original. Where the file system has no links, files are copied.
 */
export async function linkTree(source: string, target: string): Promise<void> {
  await mkdir(target, { recursive: true });
  for (const entry of await readdir(source, { withFileTypes: true })) {
    const from = join(source, entry.name);
    const to = join(target, entry.name);
    if (entry.isDirectory()) {
      await linkTree(from, to);
      await chmod(to, (await stat(from)).mode & 0o1777);
    } else if (entry.isSymbolicLink()) await symlink(await readlink(from), to);
    else await link(from, to).catch(() => copyFile(from, to));
  }
}
