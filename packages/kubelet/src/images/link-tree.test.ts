import { mkdir, readFile, readlink, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { temporaryDirectory } from "@ai-edge/testing";
import { expect, it } from "vitest";

import { linkTree } from "./link-tree.ts";

it("links files, makes directories and symbolic links anew, and leaves the original alone when a file is replaced", async () => {
  const directory = await temporaryDirectory("ai-edge-link-tree-");
  try {
    const [source, copy] = [join(directory.path, "source"), join(directory.path, "copy")];
    await mkdir(join(source, "bin"), { recursive: true, mode: 0o750 });
    await writeFile(join(source, "bin", "run"), "original", { mode: 0o755 });
    await symlink("bin/run", join(source, "start"));

    await linkTree(source, copy);
    expect((await stat(join(copy, "bin", "run"))).ino).toBe((await stat(join(source, "bin", "run"))).ino);
    expect(await readlink(join(copy, "start"))).toBe("bin/run");
    expect((await stat(join(copy, "bin"))).mode & 0o777).toBe((await stat(join(source, "bin"))).mode & 0o777);

    await rm(join(copy, "bin", "run"));
    await writeFile(join(copy, "bin", "run"), "replaced");
    expect(await readFile(join(source, "bin", "run"), "utf8")).toBe("original");
  } finally {
    await directory.remove();
  }
});
