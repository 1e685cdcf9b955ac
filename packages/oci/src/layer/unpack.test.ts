import { mkdir, mkdtemp, readFile, readlink, rm, stat, symlink, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { encodeTarHeader, type TarEntry } from "../tar/header.ts";
import { readTar } from "../tar/reader.ts";
import { type LayerEntry, layerStream } from "./writer.ts";
import { resolveInRoot, unpackLayer } from "./unpack.ts";

let root: string;
let outside: string;
beforeEach(async () => {
  const directory = await mkdtemp(path.join(os.tmpdir(), "unpack-"));
  root = path.join(directory, "root");
  outside = path.join(directory, "outside");
  await mkdir(root);
  await mkdir(outside);
});
afterEach(async () => await rm(path.dirname(root), { recursive: true, force: true }));

const entry = (value: Partial<LayerEntry> & { path: string }): LayerEntry => ({
  type: "file",
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 0,
  mtime: 0,
  ...value,
});
const file = (name: string, text: string): LayerEntry =>
  entry({ path: name, size: Buffer.byteLength(text), source: { bytes: Buffer.from(text) } });

/** Entries in the given order, unlike a layer of ours. */
async function* raw(...entries: LayerEntry[]): AsyncGenerator<Uint8Array> {
  for (const one of entries) {
    yield encodeTarHeader(one);
    if (one.source !== undefined && "bytes" in one.source)
      yield Buffer.concat([one.source.bytes, Buffer.alloc((512 - (one.size % 512)) % 512)]);
  }
  yield new Uint8Array(1024);
}

describe("unpackLayer", () => {
  it("writes files, directories, links and their modes", async () => {
    await unpackLayer(
      raw(
        entry({ path: "opt", type: "directory", mode: 0o555 }),
        { ...file("opt/run.sh", "#!/bin/sh\n"), mode: 0o4755 },
        entry({ path: "opt/link", type: "symlink", linkPath: "run.sh" }),
        entry({ path: "opt/hard", type: "link", linkPath: "opt/run.sh" }),
      ),
      root,
    );
    expect(await readFile(path.join(root, "opt/hard"), "utf8")).toBe("#!/bin/sh\n");
    expect(await readlink(path.join(root, "opt/link"))).toBe("run.sh");
    expect((await stat(path.join(root, "opt/run.sh"))).mode & 0o7777).toBe(0o755);
    expect((await stat(path.join(root, "opt"))).mode & 0o777).toBe(0o755);
  });

  it("applies whiteouts of later layers", async () => {
    await unpackLayer(raw(file("a/1", "1"), file("a/2", "2"), file("b/1", "1")), root);
    await unpackLayer(raw(file("a/3", "3"), file("a/.wh..wh..opq", ""), file("b/.wh.1", "")), root);
    await expect(readFile(path.join(root, "a/1"))).rejects.toThrow("ENOENT");
    await expect(readFile(path.join(root, "b/1"))).rejects.toThrow("ENOENT");
    expect(await readFile(path.join(root, "a/3"), "utf8")).toBe("3");
  });

  it.each<[string, LayerEntry[], string]>([
    ["a path with ..", [file("../outside/x", "x")], "leads out of the image"],
    ["a path with .. inside", [file("a/../../outside/x", "x")], "leads out of the image"],
    [
      "a hard link to outside",
      [entry({ path: "x", type: "link", linkPath: "../outside/secret" })],
      "leads out of the image",
    ],
    [
      "a hard link to a symlink",
      [
        entry({ path: "l", type: "symlink", linkPath: "/etc/passwd" }),
        entry({ path: "x", type: "link", linkPath: "l" }),
      ],
      "not a file of the image",
    ],
    ["a whiteout of the parent", [file("a/.wh...", "")], "bad whiteout"],
  ])(
    "refuses %s",
    async (_, entries, why) => await expect(unpackLayer(raw(...entries), root)).rejects.toThrow(why),
  );

  it("keeps files behind links inside the root", async () => {
    await unpackLayer(
      raw(
        entry({ path: "abs", type: "symlink", linkPath: "/real" }),
        entry({ path: "real", type: "directory" }),
        file("abs/x", "in"),
      ),
      root,
    );
    expect(await readFile(path.join(root, "real/x"), "utf8")).toBe("in");
    await symlink(outside, path.join(root, "out"));
    await expect(unpackLayer(raw(file("out/x", "no")), root)).rejects.toThrow("refused");
    await expect(readFile(path.join(outside, "x"))).rejects.toThrow("ENOENT");
  });

  it.runIf(process.getuid?.() === 0)("gives files their owners if told so", async () => {
    await unpackLayer(raw({ ...file("a", "1"), uid: 1234, gid: 56 }), root, { owners: true });
    expect(await stat(path.join(root, "a"))).toMatchObject({ uid: 1234, gid: 56 });
    await unpackLayer(raw({ ...file("b", "1"), uid: 1234 }), root);
    expect(await stat(path.join(root, "b"))).toMatchObject({ uid: 0 });
  });

  it("stops at its limits", async () => {
    await expect(unpackLayer(raw(file("a", "12345")), root, { bytes: 4, entries: 10 })).rejects.toThrow(
      "more than 4 bytes",
    );
    await expect(
      unpackLayer(raw(file("a", ""), file("b", "")), root, { bytes: 4, entries: 1 }),
    ).rejects.toThrow("more than 1 entries");
  });

  it("resolves links of the root as the container would", async () => {
    await mkdir(path.join(root, "usr/bin"), { recursive: true });
    await writeFile(path.join(root, "usr/bin/tool"), "");
    await symlink("usr/bin", path.join(root, "bin"));
    await symlink("/../../../bin/tool", path.join(root, "t"));
    await symlink("loop", path.join(root, "loop"));
    expect(await resolveInRoot(root, "/t")).toBe(path.join(root, "usr/bin/tool"));
    await expect(resolveInRoot(root, "loop")).rejects.toThrow("too many links");
  });
});

describe("tar", () => {
  const name = fc
    .array(
      fc.stringMatching(/^[a-zA-Z0-9 äö€._-]{1,60}$/).filter((part) => !/^\.+$/.test(part)),
      { minLength: 1, maxLength: 5 },
    )
    .map((parts) => parts.join("/"));
  const entries = fc.uniqueArray(
    fc.record({
      path: name,
      mode: fc.integer({ min: 0, max: 0o777 }),
      uid: fc.integer({ min: 0, max: 3_000_000 }),
      gid: fc.integer({ min: 0, max: 3_000_000 }),
      bytes: fc.uint8Array({ maxLength: 2000 }),
    }),
    { selector: (one) => one.path, maxLength: 8 },
  );

  it("reads back what it wrote, in order of paths", async () => {
    await fc.assert(
      fc.asyncProperty(entries, async (values) => {
        const written = values.map(({ bytes, ...rest }) =>
          entry({ ...rest, size: bytes.length, source: { bytes } }),
        );
        const found: [TarEntry, Buffer][] = [];
        for await (const { content, ...header } of readTar(layerStream(written))) {
          const chunks: Uint8Array[] = [];
          for await (const chunk of content()) chunks.push(chunk);
          found.push([header, Buffer.concat(chunks)]);
        }
        const want = written
          .toSorted((a, b) => (a.path < b.path ? -1 : 1))
          .map(({ source, ...header }) => [
            header,
            source !== undefined && "bytes" in source ? Buffer.from(source.bytes) : Buffer.alloc(0),
          ]);
        expect(found).toEqual(want);
      }),
      { numRuns: 50 },
    );
  });

  it("answers noise with an error, not with files", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 512, maxLength: 2048 }), async (noise) => {
        fc.pre(noise.subarray(0, 512).some((byte) => byte !== 0));
        const read = async (): Promise<void> => {
          for await (const one of readTar(
            (async function* () {
              yield noise;
            })(),
          ))
            expect(one).toBeUndefined();
        };
        await expect(read()).rejects.toThrow("tar:");
      }),
      { numRuns: 30 },
    );
  });
});
