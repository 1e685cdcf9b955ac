import { readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { Pod, Secret } from "@ai-edge/api";
import { copyImage, createRegistryClient, ImageLayout, splitDigest } from "@ai-edge/oci";
import { startTestRegistry } from "@ai-edge/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";

import { isReady, key, NodePlace, waitingReason } from "../testing/node-place.ts";

let node: NodePlace;

beforeAll(async () => {
  node = await NodePlace.make();
});
afterAll(() => node?.remove());
beforeEach(() => node.startAgent());
afterEach(() => node.clear());

describe("an image", () => {
  it("that does not exist shows as ErrImagePull, then ImagePullBackOff", async () => {
    await node.create({ image: `${node.registry.host}/models/iris@sha256:${"0".repeat(64)}` });
    const pod = await node.until((one) => waitingReason(one) === "ErrImagePull");
    expect(pod.status?.containerStatuses?.[0]?.state?.waiting?.message).toContain("MANIFEST_UNKNOWN");
    await node.until((one) => waitingReason(one) === "ImagePullBackOff");
  });

  it("that is damaged in the registry is never run, and is pulled again when it is whole", async () => {
    await writeFile(join(node.directory, "context/weights"), "w2");
    const damaged = await node.push(
      "models/damaged",
      'FROM scratch\nCOPY . /app/\nENTRYPOINT ["node", "/app/server.js"]\nLABEL aiedge.dev/runtime=process\n',
    );
    const manifest = JSON.parse(
      await readFile(
        join(node.registry.dataDir, "blobs/sha256", splitDigest(damaged.split("@")[1] ?? "").hex),
        "utf8",
      ),
    );
    const file = join(node.registry.dataDir, "blobs/sha256", splitDigest(manifest.layers[0].digest).hex);
    const whole = await readFile(file);
    await writeFile(file, Buffer.from(whole).fill("x", 600, 620));
    await node.create({ image: damaged });
    const pod = await node.until((one) => waitingReason(one) === "ErrImagePull");
    expect(pod.status?.containerStatuses?.[0]?.state?.waiting?.message).toContain(
      "its content has the digest",
    );
    await writeFile(file, whole);
    await node.until(isReady);
  });

  it("that is damaged on the node's own disk is pulled again", async () => {
    await node.create();
    await node.until(isReady);
    await node.client.delete(Pod, key, { gracePeriodSeconds: 0 });
    await vi.waitFor(async () => await expect(node.client.get(Pod, key)).rejects.toThrow());
    const images = join(node.directory, "node/images");
    const digest = node.image.split("@")[1] ?? "";
    const manifest = JSON.parse(
      await readFile(join(images, "blobs/blobs/sha256", splitDigest(digest).hex), "utf8"),
    );
    const layer = join(images, "blobs/blobs/sha256", splitDigest(manifest.layers[0].digest).hex);
    const whole = await readFile(layer);
    await writeFile(layer, Buffer.from(whole).fill("x", 600, 620));
    await rm(join(images, "unpacked"), { recursive: true });
    await node.create();
    await node.until((pod) => waitingReason(pod) === "ErrImagePull");
    await node.until(isReady);
    expect((await readFile(layer)).equals(whole)).toBe(true);
  });

  it("shares the files of its base with other images, except those that it replaces", async () => {
    const containerfile = (text: string) =>
      `FROM scratch\nCOPY . /app/\nCOPY . /own/${text}/\nENTRYPOINT ["node", "/app/server.js"]\nLABEL aiedge.dev/runtime=process\n`;
    const inodes: Record<string, number[]> = { shared: [], own: [] };
    for (const name of ["first", "second"]) {
      const image = await node.push(`models/${name}`, containerfile(name));
      await node.create({ image });
      await node.until(isReady);
      const rootfs = join(
        node.directory,
        "node/images/unpacked",
        splitDigest(image.split("@")[1] ?? "").hex,
        "rootfs",
      );
      inodes["shared"]?.push((await stat(join(rootfs, "app/server.js"))).ino);
      inodes["own"]?.push((await stat(join(rootfs, `own/${name}/server.js`))).ino);
      await node.clear();
      await node.startAgent();
    }
    expect(new Set(inodes["shared"]).size).toBe(1);
    expect(new Set(inodes["own"]).size).toBe(2);
  });

  it("that is not made for the process runtime says what to do", async () => {
    await node.create({ image: node.otherImage });
    const pod = await node.until((one) => waitingReason(one) === "CreateContainerError");
    expect(pod.status?.containerStatuses?.[0]?.state?.waiting?.message).toContain(
      "does not declare the process runtime",
    );
  });

  it("of a closed registry is pulled with the node's secret", async () => {
    const basic = `Basic ${Buffer.from("edge:secret").toString("base64")}`;
    const closed = await startTestRegistry({
      authenticate: async (header) => (header === basic ? { name: "edge" } : undefined),
    });
    try {
      const to = createRegistryClient({
        host: closed.host,
        credentials: { username: "edge", password: "secret" },
      });
      const digest = node.image.split("@")[1] ?? "";
      await copyImage(new ImageLayout(join(node.directory, "layout")), digest, to.repository("iris"), "v1");
      to.close();
      await node.create({ image: `${closed.host}/iris:v1` });
      await node.until((pod) => waitingReason(pod) === "ErrImagePull");
      const config = { auths: { [closed.host]: { username: "edge", password: "secret" } } };
      await node.client.create(Secret, {
        metadata: { namespace: "kube-system", name: "aiedge-registry" },
        type: "kubernetes.io/dockerconfigjson",
        data: { ".dockerconfigjson": Buffer.from(JSON.stringify(config)).toString("base64") },
      });
      await node.until(isReady);
    } finally {
      await closed.close();
    }
  });
});
