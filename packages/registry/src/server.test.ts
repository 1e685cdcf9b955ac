import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import {
  buildImage,
  copyImage,
  createRegistryClient,
  type Digest,
  digestOf,
  ImageLayout,
  parseManifest,
  resolveImage,
  type RegistryRepository,
  runImageCommand,
  splitDigest,
} from "@ai-edge/oci";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type RegistryOptions, type RegistryServer, startRegistry } from "./server.ts";

let directory: string;
let server: RegistryServer;
const closing: (() => unknown)[] = [];

async function start(options: Partial<RegistryOptions> = {}): Promise<RegistryServer> {
  server = await startRegistry({
    dataDir: path.join(directory, "registry"),
    listen: { host: "127.0.0.1", port: 0 },
    logger: pino({ level: "silent" }),
    ...options,
  });
  return server;
}

beforeEach(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), "registry-"));
  await start();
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  await server.close();
  await rm(directory, { recursive: true, force: true });
});

interface Answer {
  status: number;
  headers: Headers;
  text: string;
}

async function call(
  method: string,
  target: string,
  body?: string | Uint8Array,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(new URL(target, server.url), {
    method,
    headers,
    ...(body === undefined ? {} : { body: Buffer.from(body) }),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

async function upload(repository: string, content: string): Promise<Digest> {
  const digest = digestOf(content);
  const answer = await call("POST", `/v2/${repository}/blobs/uploads/?digest=${digest}`, content);
  expect(answer.status).toBe(201);
  return digest;
}

const hex = (text: string, algorithm: string): string => createHash(algorithm).update(text).digest("hex");

describe("blobs", () => {
  it("takes a blob in one POST, in POST + PUT, and in chunks", async () => {
    await upload("a/b", "one");
    const two = await call("POST", "/v2/a/b/blobs/uploads/");
    expect(two.status).toBe(202);
    expect(
      (await call("PUT", `${two.headers.get("location")}?digest=${digestOf("two")}`, "two")).status,
    ).toBe(201);
    const { headers } = await call("POST", "/v2/a/b/blobs/uploads/");
    const location = headers.get("location") ?? "";
    expect((await call("PATCH", location, "abc", { "content-range": "0-2" })).headers.get("range")).toBe(
      "0-2",
    );
    const gap = await call("PATCH", location, "xyz", { "content-range": "5-7" });
    expect([gap.status, gap.headers.get("range"), JSON.parse(gap.text).errors[0].code]).toEqual([
      416,
      "0-2",
      "RANGE_INVALID",
    ]);
    const status = await call("GET", location);
    expect([status.status, status.headers.get("range"), status.headers.get("location")]).toEqual([
      204,
      "0-2",
      location,
    ]);
    expect(
      (await call("PUT", `${location}?digest=${digestOf("abcdef")}`, "def", { "content-range": "3-5" }))
        .status,
    ).toBe(201);
    expect((await call("GET", `/v2/a/b/blobs/${digestOf("abcdef")}`)).text).toBe("abcdef");
    expect((await call("GET", location)).status).toBe(404);
  });

  it("takes sha512 and empty blobs", async () => {
    const digest = `sha512:${hex("x", "sha512")}`;
    expect((await call("POST", `/v2/a/blobs/uploads/?digest=${digest}`, "x")).status).toBe(201);
    expect((await call("GET", `/v2/a/blobs/${digest}`)).text).toBe("x");
    const empty = await upload("a", "");
    expect((await call("GET", `/v2/a/blobs/${empty}`)).status).toBe(200);
  });

  it("refuses content that is not what its digest says, and forgets it", async () => {
    const { headers } = await call("POST", "/v2/a/blobs/uploads/");
    const refused = await call("PUT", `${headers.get("location")}?digest=${digestOf("good")}`, "evil");
    expect([refused.status, JSON.parse(refused.text).errors[0].code]).toEqual([400, "DIGEST_INVALID"]);
    expect((await call("HEAD", `/v2/a/blobs/${digestOf("good")}`)).status).toBe(404);
    expect((await call("PUT", `${headers.get("location")}?digest=nonsense`, "x")).status).toBe(400);
  });

  it.each([
    ["bytes=2-4", 206, "cde", "bytes 2-4/10"],
    ["bytes=7-", 206, "hij", "bytes 7-9/10"],
    ["bytes=-2", 206, "ij", "bytes 8-9/10"],
    ["bytes=8-99", 206, "ij", "bytes 8-9/10"],
    ["bytes=10-", 416, undefined, "bytes */10"],
    ["bytes=5-2", 416, undefined, "bytes */10"],
    ["lines=1-2", 200, "abcdefghij", null],
  ])("answers the range %s", async (range, status, text, contentRange) => {
    const digest = await upload("a", "abcdefghij");
    const answer = await call("GET", `/v2/a/blobs/${digest}`, undefined, { range });
    expect([answer.status, answer.headers.get("content-range")]).toEqual([status, contentRange]);
    if (text !== undefined) expect(answer.text).toBe(text);
  });

  it("mounts from another repository, and keeps repositories apart otherwise", async () => {
    const digest = await upload("a", "shared");
    expect((await call("HEAD", `/v2/b/blobs/${digest}`)).status).toBe(404);
    expect((await call("POST", `/v2/b/blobs/uploads/?mount=${digest}&from=a`)).status).toBe(201);
    expect((await call("DELETE", `/v2/a/blobs/${digest}`)).status).toBe(202);
    expect((await call("HEAD", `/v2/a/blobs/${digest}`)).status).toBe(404);
    expect((await call("HEAD", `/v2/b/blobs/${digest}`)).status).toBe(200);
    expect((await call("POST", `/v2/b/blobs/uploads/?mount=${digestOf("none")}&from=a`)).status).toBe(202);
  });

  it("goes on with an upload after a restart", async () => {
    const { headers } = await call("POST", "/v2/a/blobs/uploads/");
    const location = headers.get("location") ?? "";
    await call("PATCH", location, "before ");
    await server.close();
    await start();
    expect((await call("GET", location)).headers.get("range")).toBe("0-6");
    expect((await call("PUT", `${location}?digest=${digestOf("before after")}`, "after")).status).toBe(201);
  });
});

describe("manifests", () => {
  const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
  async function manifest(repository: string, more: object = {}): Promise<string> {
    const config = {
      mediaType: "application/vnd.oci.image.config.v1+json",
      digest: await upload(repository, "{}"),
      size: 2,
    };
    return JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST,
      config,
      layers: [],
      unknown: "kept",
      ...more,
    });
  }

  it("keeps bytes, lists tags by pages, and deletes", async () => {
    const text = await manifest("m");
    for (const tag of ["c", "a", "b"])
      expect((await call("PUT", `/v2/m/manifests/${tag}`, text, { "content-type": MANIFEST })).status).toBe(
        201,
      );
    const got = await call("GET", "/v2/m/manifests/a");
    expect([got.text, got.headers.get("docker-content-digest"), got.headers.get("content-type")]).toEqual([
      text,
      digestOf(text),
      MANIFEST,
    ]);
    const first = await call("GET", "/v2/m/tags/list?n=2");
    expect([JSON.parse(first.text), first.headers.get("link")]).toEqual([
      { name: "m", tags: ["a", "b"] },
      '</v2/m/tags/list?n=2&last=b>; rel="next"',
    ]);
    expect(JSON.parse((await call("GET", "/v2/m/tags/list?n=2&last=b")).text).tags).toEqual(["c"]);
    expect(JSON.parse((await call("GET", "/v2/_catalog")).text)).toEqual({ repositories: ["m"] });
    expect((await call("DELETE", "/v2/m/manifests/a")).status).toBe(202);
    expect((await call("DELETE", `/v2/m/manifests/${digestOf(text)}`)).status).toBe(202);
    expect(JSON.parse((await call("GET", "/v2/m/tags/list")).text).tags).toEqual([]);
    expect((await call("GET", `/v2/m/manifests/${digestOf(text)}`)).status).toBe(404);
  });

  it("refuses holes, noise and false names", async () => {
    const hole = JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: { mediaType: "x/y", digest: digestOf("none"), size: 4 },
      layers: [],
    });
    const codes = async (target: string, body: string): Promise<unknown> => {
      const answer = await call("PUT", target, body, { "content-type": MANIFEST });
      return [answer.status, JSON.parse(answer.text).errors[0].code];
    };
    expect(await codes("/v2/m/manifests/t", hole)).toEqual([404, "MANIFEST_BLOB_UNKNOWN"]);
    expect(await codes("/v2/m/manifests/t", "noise")).toEqual([400, "MANIFEST_INVALID"]);
    expect(await codes(`/v2/m/manifests/${digestOf("other")}`, await manifest("m"))).toEqual([
      400,
      "DIGEST_INVALID",
    ]);
    expect(await codes("/v2/M/manifests/t", "{}")).toEqual([400, "NAME_INVALID"]);
    expect((await call("GET", "/v2/m/manifests/..%2f..%2fx")).status).toBe(404);
    expect((await call("GET", "/etc/passwd")).status).toBe(404);
  });

  it("lists referrers, filtered, also before their subject comes", async () => {
    const subject = { mediaType: MANIFEST, digest: digestOf("absent"), size: 6 };
    const text = await manifest("m", { subject, artifactType: "a/sig", annotations: { k: "v" } });
    expect(
      (
        await call("PUT", `/v2/m/manifests/${digestOf(text)}`, text, { "content-type": MANIFEST })
      ).headers.get("oci-subject"),
    ).toBe(subject.digest);
    const list = async (query: string): Promise<unknown[]> =>
      JSON.parse((await call("GET", `/v2/m/referrers/${subject.digest}${query}`)).text).manifests;
    expect(await list("")).toEqual([
      {
        mediaType: MANIFEST,
        digest: digestOf(text),
        size: text.length,
        artifactType: "a/sig",
        annotations: { k: "v" },
      },
    ]);
    expect(await list("?artifactType=other")).toEqual([]);
    await call("DELETE", `/v2/m/manifests/${digestOf(text)}`);
    expect(await list("")).toEqual([]);
  });
});

describe("access", () => {
  it("asks for credentials, and lets users do what they may", async () => {
    await server.close();
    await start({
      authenticate: async (header) =>
        header === `Basic ${Buffer.from("edge:secret").toString("base64")}` ? { name: "edge" } : undefined,
      authorize: async (_, action, repository) => action === "pull" || repository.startsWith("open/"),
    });
    const refused = await call("GET", "/v2/");
    expect([refused.status, refused.headers.get("www-authenticate")]).toEqual([
      401,
      'Basic realm="ai-edge registry"',
    ]);
    const wrong = createRegistryClient({
      host: server.host,
      credentials: { username: "edge", password: "guess" },
    });
    const right = createRegistryClient({
      host: server.host,
      credentials: { username: "edge", password: "secret" },
    });
    closing.push(
      () => wrong.close(),
      () => right.close(),
    );
    await expect(wrong.ping()).rejects.toThrow("401 UNAUTHORIZED");
    await right.ping();
    const blob = { mediaType: "a/b", digest: digestOf("x"), size: 1 };
    await expect(right.repository("closed/x").putBlob(blob, () => bytes("x"))).rejects.toThrow("403 DENIED");
    await right.repository("open/x").putBlob(blob, () => bytes("x"));
  });
});

async function* bytes(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

describe("images", () => {
  let layout: ImageLayout;
  let digest: string;
  beforeEach(async () => {
    const context = await mkdtemp(path.join(directory, "context-"));
    await writeFile(path.join(context, "weights"), Buffer.alloc(3 * 1024 * 1024, "w"));
    layout = new ImageLayout(path.join(directory, "store"));
    const built = await buildImage({
      containerfile: "FROM scratch\nCOPY . /models/\nCMD serve",
      context,
      layout,
      base: () => layout,
    });
    digest = built.descriptor.digest;
  });
  const repository = (name: string, host = server.host): RegistryRepository => {
    const client = createRegistryClient({ host });
    closing.push(() => client.close());
    return client.repository(name);
  };

  it("go up, across and down", async () => {
    expect(await copyImage(layout, digest, repository("app"), "v1")).toMatchObject({ skipped: 0 });
    expect(await copyImage(layout, digest, repository("app"), "v2")).toMatchObject({ transferred: 0 });
    expect(await copyImage(repository("app"), "v1", repository("other/app"), "v1")).toMatchObject({
      transferred: 0,
      skipped: 3,
    });
    expect(await repository("app").tags()).toEqual(["v1", "v2"]);
    const copy = new ImageLayout(path.join(directory, "copy"));
    await copyImage(repository("other/app"), "v1", copy, "app");
    const image = await resolveImage(copy, "app", { os: "linux", architecture: "amd64" });
    expect(image.descriptor.digest).toBe(digest);
    expect(image.config.config?.Cmd).toEqual(["/bin/sh", "-c", "serve"]);
  });

  it("are refused when a blob on the registry's disk is damaged, and pulled again once it is whole", async () => {
    await copyImage(layout, digest, repository("app"), "v1");
    const { manifest } = await resolveImage(layout, digest, { os: "linux", architecture: "amd64" });
    const layer = manifest.layers.at(-1)?.digest ?? "";
    const file = path.join(directory, "registry/blobs/sha256", splitDigest(layer).hex);
    const whole = await readFile(file);
    const damaged = Buffer.from(whole);
    damaged[1_000_000] = (damaged[1_000_000] ?? 0) ^ 1;
    const copy = new ImageLayout(path.join(directory, "copy"));
    await writeFile(file, damaged);
    await expect(copyImage(repository("app"), "v1", copy, "app")).rejects.toThrow(
      "its content has the digest",
    );
    await truncate(file, 1000);
    await expect(copyImage(repository("app"), "v1", copy, "app")).rejects.toThrow();
    expect(await copy.entries()).toEqual([]);
    await writeFile(file, whole);
    expect((await copyImage(repository("app"), "v1", copy, "app")).descriptor.digest).toBe(digest);
  });

  it("are moved once when the connection is cut again and again", async () => {
    await copyImage(layout, digest, repository("app"), "v1");
    const proxy = await cuttingProxy(new URL(server.url), 1024 * 1024);
    closing.push(proxy.close);
    const copy = new ImageLayout(path.join(directory, "copy"));
    expect((await copyImage(repository("app", proxy.host), "v1", copy, "app")).descriptor.digest).toBe(
      digest,
    );
    expect(proxy.cuts()).toBeGreaterThan(1);
    // All layers together, plus at most what was in flight when a connection was cut.
    expect(proxy.bytes()).toBeLessThan(3.2 * 1024 * 1024 + proxy.cuts() * 256 * 1024);
  });

  it("of other platforms are left where they are", async () => {
    const platforms = ["amd64", "arm64"].map((architecture) => ({ os: "linux", architecture }));
    const manifests: object[] = [];
    for (const platform of platforms) {
      const containerfile = `FROM scratch\nLABEL for=${platform.architecture}`;
      const built = await buildImage({
        containerfile,
        context: directory,
        layout,
        base: () => layout,
        platform,
      });
      await copyImage(layout, built.descriptor.digest, repository("multi"), undefined);
      manifests.push({ ...built.descriptor, platform });
    }
    const index = JSON.stringify({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.index.v1+json",
      manifests,
    });
    await repository("multi").putManifest(parseManifest(Buffer.from(index)), "v1");
    const copy = new ImageLayout(path.join(directory, "copy"));
    await copyImage(repository("multi"), "v1", copy, "multi", undefined, {
      platform: { os: "linux", architecture: "arm64" },
    });
    const image = await resolveImage(copy, "multi", { os: "linux", architecture: "arm64" });
    expect(image.config.config?.Labels?.["for"]).toBe("arm64");
    await expect(resolveImage(copy, "multi", { os: "linux", architecture: "amd64" })).rejects.toThrow(
      "is not in",
    );
    await expect(
      resolveImage(repository("multi"), "v1", { os: "linux", architecture: "s390x" }),
    ).rejects.toThrow("it has: linux/amd64, linux/arm64");
  });

  it("can be handled by the image command", async () => {
    const written: string[] = [];
    const io = {
      stdout: { write: (text: string) => written.push(text) },
      stderr: { write: (text: string) => written.push(text) },
      env: { HOME: directory },
      cwd: directory,
    };
    await writeFile(
      path.join(directory, "Containerfile"),
      "FROM scratch\nARG V\nLABEL v=$V\nCOPY Containerfile /c",
    );
    await writeFile(path.join(directory, ".containerignore"), "registry\nstore\n.local\n");
    const ref = `${server.host}/made/by-command:1`;
    expect([
      await runImageCommand(["build", "-t", ref, "--build-arg", "V=7", "--push", "."], io),
      written.at(-1),
    ]).toEqual([0, expect.stringMatching(/^sha256:/)]);
    expect(await runImageCommand(["copy", ref, `${server.host}/made/copy:2`], io)).toBe(0);
    expect(await runImageCommand(["inspect", `${server.host}/made/copy:2`], io)).toBe(0);
    expect(JSON.parse(written.at(-1) ?? "")).toMatchObject({ config: { config: { Labels: { v: "7" } } } });
    expect([await runImageCommand(["pull", `${server.host}/none:1`], io), written.at(-1)]).toEqual([
      1,
      expect.stringContaining("404"),
    ]);
    expect(await runImageCommand(["frobnicate"], io)).toBe(2);
    expect(await runImageCommand(["push", "--frobnicate"], io)).toBe(1);
  });
});

/** Forwards connections and cuts each after so many bytes of answers. */
async function cuttingProxy(
  target: URL,
  limit: number,
): Promise<{ host: string; cuts: () => number; bytes: () => number; close: () => Promise<void> }> {
  let cuts = 0;
  let total = 0;
  const sockets = new Set<net.Socket>();
  const proxy = net.createServer((client) => {
    const upstream = net.connect(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) sockets.add(socket.on("error", () => undefined));
    let passed = 0;
    client.pipe(upstream);
    upstream.on("data", (chunk) => {
      if (passed > limit) return;
      passed += chunk.length;
      total += chunk.length;
      client.write(chunk);
      if (passed > limit) {
        cuts += 1;
        client.end();
        upstream.destroy();
      }
    });
    upstream.on("close", () => client.end());
    client.on("close", () => upstream.destroy());
  });
  await new Promise<void>((resolve) => void proxy.listen(0, "127.0.0.1", resolve));
  const address = proxy.address();
  return {
    host: `127.0.0.1:${typeof address === "object" ? address?.port : ""}`,
    cuts: () => cuts,
    bytes: () => total,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => void proxy.close(() => resolve()));
    },
  };
}

it("says when its port is taken", async () => {
  const port = Number(new URL(server.url).port);
  await expect(
    startRegistry({
      dataDir: path.join(directory, "second"),
      listen: { host: "127.0.0.1", port },
      logger: pino({ level: "silent" }),
    }),
  ).rejects.toThrow("EADDRINUSE");
});
