import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { openDataDirectory, runningProcess, writeFileDurably } from "./data-directory.ts";

describe("data directory", () => {
  let parent: string;
  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), "ai-edge-data-"));
  });
  afterEach(() => rm(parent, { recursive: true, force: true }));

  test("remembers settings over a restart", async () => {
    const first = await openDataDirectory(join(parent, "core"), "core", "core");
    await first.save({ ...first.settings, ports: { api: 6443 }, networkBlock: 7 });
    await first.release();
    const second = await openDataDirectory(join(parent, "core"), "core", "core");
    expect(second.settings).toEqual({
      version: 1,
      role: "core",
      name: "core",
      ports: { api: 6443 },
      networkBlock: 7,
    });
  });

  test("is readable by its owner only", async () => {
    const { path } = await openDataDirectory(join(parent, "core"), "core", "core");
    expect(((await stat(path)).mode & 0o777).toString(8)).toBe("700");
  });

  test("a stale lock of a process that is gone does not count", async () => {
    const directory = join(parent, "core");
    await (await openDataDirectory(directory, "core", "core")).release();
    await writeFile(join(directory, "pid"), "999999999 1\n");
    await expect(openDataDirectory(directory, "core", "core")).resolves.toMatchObject({ path: directory });
  });

  test("a recycled pid does not count", async () => {
    const directory = join(parent, "core");
    await (await openDataDirectory(directory, "core", "core")).release();
    await writeFile(join(directory, "pid"), `${process.ppid} 1\n`);
    expect(await runningProcess(directory)).toBeUndefined();
  });

  test.each([
    {
      name: "in use by a live process",
      content: {},
      pid: `${process.ppid}`,
      message: new RegExp(`is in use by process ${process.ppid}: stop it first`),
    },
    {
      name: "written by a newer version",
      content: { version: 99, role: "core", name: "core", ports: {} },
      message: /was written by a newer ai-edge \(layout 99, this one knows 1\)/,
    },
    {
      name: "of another role",
      content: { version: 1, role: "edge", name: "farm-7", ports: {} },
      message: /belongs to edge "farm-7", not to a process of role core/,
    },
    {
      name: "with settings of somebody else",
      content: { hello: "world" },
      message: /settings\.json is not what ai-edge writes/,
    },
  ])("$name: one clear line", async ({ content, pid, message }) => {
    if (pid === undefined) await writeFile(join(parent, "settings.json"), JSON.stringify(content));
    else await writeFile(join(parent, "pid"), `${pid} ${await startTime(pid)}\n`);
    await expect(openDataDirectory(parent, "core", "core")).rejects.toMatchObject({
      name: "UserError",
      message: expect.stringMatching(message),
    });
  });

  test.skipIf(process.getuid?.() === 0)("not writable: one clear line", async () => {
    await chmod(parent, 0o500);
    await expect(openDataDirectory(join(parent, "core"), "core", "core")).rejects.toMatchObject({
      name: "UserError",
      message: expect.stringMatching(/is not writable/),
    });
  });

  test("a file in place of the directory: one clear line", async () => {
    await writeFile(join(parent, "core"), "");
    await expect(openDataDirectory(join(parent, "core"), "core", "core")).rejects.toMatchObject({
      name: "UserError",
    });
  });

  test("writes files whole, with the mode asked for", async () => {
    const file = join(parent, "kubeconfig");
    await writeFileDurably(file, "one");
    await writeFileDurably(file, "two");
    expect(await readFile(file, "utf8")).toBe("two");
    expect(((await stat(file)).mode & 0o777).toString(8)).toBe("600");
  });
});

/** Field 22 of /proc/PID/stat. */
async function startTime(pid: string): Promise<string> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return text.slice(text.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}
