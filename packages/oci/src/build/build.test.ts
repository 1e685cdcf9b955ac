import { mkdir, mkdtemp, readFile, rm, utimes, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ImageLayout } from "../image/layout.ts";
import { decompressLayer } from "../image/repository.ts";
import { readTar } from "../tar/reader.ts";
import { type BuildOptions, buildImage, type BuildResult } from "./build.ts";

let directory: string;
let layout: ImageLayout;
beforeEach(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), "build-"));
  layout = new ImageLayout(path.join(directory, "store"));
});
afterEach(async () => await rm(directory, { recursive: true, force: true }));

async function write(files: Record<string, string>): Promise<string> {
  const context = path.join(directory, "context");
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(context, name)), { recursive: true });
    await writeFile(path.join(context, name), text);
  }
  await mkdir(context, { recursive: true });
  return context;
}

async function build(
  containerfile: string,
  files: Record<string, string> = {},
  more: Partial<BuildOptions> = {},
): Promise<BuildResult> {
  const context = await write(files);
  return await buildImage({
    containerfile,
    context,
    layout,
    base: () => layout,
    platform: { os: "linux", architecture: "amd64" },
    ...more,
  });
}

async function listing(result: BuildResult): Promise<string[]> {
  const lines: string[] = [];
  for (const layer of result.manifest.layers) {
    for await (const entry of readTar(decompressLayer(layout.blob(layer), layer.mediaType))) {
      lines.push(
        `${entry.mode.toString(8)} ${entry.uid}:${entry.gid} ${entry.path}${entry.linkPath === undefined ? "" : ` -> ${entry.linkPath}`}`,
      );
    }
  }
  return lines;
}

describe("buildImage", () => {
  it("carries out every instruction that needs no engine", async () => {
    const result = await build(
      `ARG VERSION=1
FROM scratch AS files
COPY etc /etc
FROM files
ARG MODEL_NAME
ARG VERSION
ARG PORT=8080
ENV NAME=\${MODEL_NAME:-none} \\
    # a comment between
    GREETING="hello $MODEL_NAME"
LABEL version="$VERSION" who=me
WORKDIR /opt/app
COPY --chown=app --chmod=750 *.js ./
COPY model /models/\${MODEL_NAME}
USER app
EXPOSE $PORT 9090/udp
VOLUME ["/data"]
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s CMD curl localhost
ENTRYPOINT ["node", "a.js"]
CMD --port $PORT`,
      {
        "etc/passwd": "root:x:0:0::/:/bin/sh\napp:x:1001:7::/:/bin/sh\n",
        "a.js": "1",
        "b.js": "2",
        "c.txt": "3",
        "model/weights.bin": "w",
        "model/deep/x": "x",
        ".dockerignore": "model/deep\n*.md\n",
      },
      { buildArgs: { MODEL_NAME: "iris" }, tag: "example.com/iris:1" },
    );
    expect(result.config.config).toEqual({
      Env: ["NAME=iris", "GREETING=hello iris"],
      Labels: { version: "1", who: "me", "io.buildah.version": "ai-edge-0.1.0" },
      WorkingDir: "/opt/app",
      User: "app",
      ExposedPorts: { "8080/tcp": {}, "9090/udp": {} },
      Volumes: { "/data": {} },
      StopSignal: "SIGTERM",
      Healthcheck: { Test: ["CMD-SHELL", "curl localhost"], Interval: 30e9 },
      Entrypoint: ["node", "a.js"],
      Cmd: ["/bin/sh", "-c", "--port $PORT"],
    });
    expect(await listing(result)).toEqual([
      "775 0:0 etc/",
      "664 0:0 etc/passwd",
      "755 0:0 opt/",
      "755 0:0 opt/app/",
      "750 1001:7 opt/app/a.js",
      "750 1001:7 opt/app/b.js",
      "755 0:0 models/",
      "775 0:0 models/iris/",
      "664 0:0 models/iris/weights.bin",
    ]);
    expect((await layout.manifest("example.com/iris:1")).descriptor).toEqual(result.descriptor);
    expect(result.config.rootfs.diff_ids).toEqual(result.manifest.layers.map(({ digest }) => digest));
  });

  it("gives the same digest for the same content, whatever times and umask say", async () => {
    const first = await build("FROM scratch\nCOPY . /m/", { a: "1", "d/b": "2" });
    await utimes(path.join(directory, "context/a"), 1, 1);
    const again = await build(
      "FROM scratch\nCOPY . /m/",
      {},
      { layout: new ImageLayout(path.join(directory, "other")) },
    );
    expect(again.descriptor).toEqual(first.descriptor);
    const cached = await build("FROM scratch\nCOPY . /m/", {});
    expect(cached.descriptor).toEqual(first.descriptor);
    expect((await build("FROM scratch\nCOPY . /m/", { a: "changed" })).descriptor.digest).not.toBe(
      first.descriptor.digest,
    );
  });

  it("gives a large file a layer of its own and copies between stages", async () => {
    const big = "x".repeat(1024 * 1024);
    const result = await build(
      "FROM scratch AS a\nCOPY . /src/\nFROM scratch\nCOPY --from=a /src/big /src/small /models/\nCOPY --from=0 /src/small /one",
      { big, small: "s" },
    );
    expect(result.manifest.layers.map(({ size }) => size > 1024 * 1024)).toEqual([false, true, false]);
    expect(await listing(result)).toEqual([
      "755 0:0 models/",
      "664 0:0 models/small",
      "664 0:0 models/big",
      "664 0:0 one",
    ]);
  });

  it.each<[string, string, Record<string, string>]>([
    ["RUN", "FROM scratch\n\nRUN make", {}],
    ["nothing", "# only this\n", {}],
    ["an unknown instruction", "FROM scratch\nCOPPY a b", {}],
    ["a source that is missing", "FROM scratch\nCOPY nope /x", {}],
    ["a source outside", "FROM scratch\nCOPY ../../etc/passwd /x", {}],
    ["several sources and no directory", "FROM scratch\nCOPY a b /x", { a: "", b: "" }],
    ["an unknown user", "FROM scratch\nCOPY --chown=app a /x", { a: "" }],
    ["ADD of a URL", "FROM scratch\nADD https://example.com/x /x", {}],
    ["a quote left open", 'FROM scratch\nENV A="b', {}],
    ["an instruction before FROM", "ENV A=b\nFROM scratch", {}],
    ["an unknown flag", "FROM scratch\nCOPY --link a /x", { a: "" }],
  ])("refuses %s, naming the line", async (_, containerfile, files) => {
    await expect(build(containerfile, files)).rejects.toThrowErrorMatchingSnapshot();
  });

  it("keeps the links of a base", async () => {
    await build("FROM scratch\nCOPY . /", { "usr/bin/tool": "t" }, { tag: "base" });
    const result = await build("FROM scratch\nCOPY usr /usr", { "usr/bin/tool": "t" });
    expect(await readFile(layout.blobs.path(result.descriptor.digest), "utf8")).toContain(
      result.manifest.config.digest,
    );
  });
});
