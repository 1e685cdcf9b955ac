import { mkdtemp, readFile, truncate, writeFile } from "node:fs/promises";
import path from "node:path";
import {
  buildImage,
  copyImage,
  createRegistryClient,
  ImageLayout,
  parseManifest,
  resolveImage,
  type RegistryRepository,
  runImageCommand,
  splitDigest,
} from "@ai-edge/oci";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { cuttingProxy } from "./testing/cutting-proxy.ts";
import { RegistryPlace } from "./testing/registry-place.ts";

let place: RegistryPlace;
const closing: (() => unknown)[] = [];

beforeEach(async () => {
  place = await RegistryPlace.make();
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  await place.remove();
});

describe("images", () => {
  let layout: ImageLayout;
  let digest: string;
  beforeEach(async () => {
    const context = await mkdtemp(path.join(place.directory, "context-"));
    await writeFile(path.join(context, "weights"), Buffer.alloc(3 * 1024 * 1024, "w"));
    layout = new ImageLayout(path.join(place.directory, "store"));
    const built = await buildImage({
      containerfile: "FROM scratch\nCOPY . /models/\nCMD serve",
      context,
      layout,
      base: () => layout,
    });
    digest = built.descriptor.digest;
  });
  const repository = (name: string, host = place.server.host): RegistryRepository => {
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
    const copy = new ImageLayout(path.join(place.directory, "copy"));
    await copyImage(repository("other/app"), "v1", copy, "app");
    const image = await resolveImage(copy, "app", { os: "linux", architecture: "amd64" });
    expect(image.descriptor.digest).toBe(digest);
    expect(image.config.config?.Cmd).toEqual(["/bin/sh", "-c", "serve"]);
  });

  it("are refused when a blob on the registry's disk is damaged, and pulled again once it is whole", async () => {
    await copyImage(layout, digest, repository("app"), "v1");
    const { manifest } = await resolveImage(layout, digest, { os: "linux", architecture: "amd64" });
    const layer = manifest.layers.at(-1)?.digest ?? "";
    const file = path.join(place.directory, "registry/blobs/sha256", splitDigest(layer).hex);
    const whole = await readFile(file);
    const damaged = Buffer.from(whole);
    damaged[1_000_000] = (damaged[1_000_000] ?? 0) ^ 1;
    const copy = new ImageLayout(path.join(place.directory, "copy"));
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
    const proxy = await cuttingProxy(new URL(place.server.url), 1024 * 1024);
    closing.push(proxy.close);
    const copy = new ImageLayout(path.join(place.directory, "copy"));
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
        context: place.directory,
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
    const copy = new ImageLayout(path.join(place.directory, "copy"));
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
      env: { HOME: place.directory },
      cwd: place.directory,
    };
    await writeFile(
      path.join(place.directory, "Containerfile"),
      "FROM scratch\nARG V\nLABEL v=$V\nCOPY Containerfile /c",
    );
    await writeFile(path.join(place.directory, ".containerignore"), "registry\nstore\n.local\n");
    const ref = `${place.server.host}/made/by-command:1`;
    expect([
      await runImageCommand(["build", "-t", ref, "--build-arg", "V=7", "--push", "."], io),
      written.at(-1),
    ]).toEqual([0, expect.stringMatching(/^sha256:/)]);
    expect(await runImageCommand(["copy", ref, `${place.server.host}/made/copy:2`], io)).toBe(0);
    expect(await runImageCommand(["inspect", `${place.server.host}/made/copy:2`], io)).toBe(0);
    expect(JSON.parse(written.at(-1) ?? "")).toMatchObject({ config: { config: { Labels: { v: "7" } } } });
    expect([await runImageCommand(["pull", `${place.server.host}/none:1`], io), written.at(-1)]).toEqual([
      1,
      expect.stringContaining("404"),
    ]);
    expect(await runImageCommand(["frobnicate"], io)).toBe(2);
    expect(await runImageCommand(["push", "--frobnicate"], io)).toBe(1);
  });
});
