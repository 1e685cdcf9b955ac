import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { createRegistryClient, type Digest, digestOf, parseManifest, single } from "@ai-edge/oci";
import { afterEach, beforeEach, expect, it } from "vitest";

let directory: string;
let child: ChildProcess | undefined;
beforeEach(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), "registry-kill-"));
});
afterEach(async () => {
  child?.kill("SIGKILL");
  await rm(directory, { recursive: true, force: true });
});

const PROGRAM = `
import { startRegistry } from ${JSON.stringify(path.join(import.meta.dirname, "server.ts"))};
import { pino } from "pino";
const server = await startRegistry({ dataDir: process.env.DATA_DIR, listen: { host: "127.0.0.1", port: 0 }, logger: pino({ level: "silent" }) });
console.log(server.host);
`;

/** A registry as a process of its own. */
async function start(): Promise<string> {
  child = spawn(process.execPath, ["--input-type=module", "-e", PROGRAM], {
    cwd: import.meta.dirname,
    env: { DATA_DIR: path.join(directory, "data") },
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (child.stdout === null) throw new Error("no stdout");
  const [line] = await once(child.stdout, "data");
  return String(line).trim();
}

interface Pushed {
  tag: string;
  manifest: Digest;
}

/** Pushes small images until the registry goes away; what was acknowledged is remembered. */
async function pushUntilItDies(host: string, round: number, acknowledged: Pushed[]): Promise<void> {
  const client = createRegistryClient({ host });
  const repository = client.repository("app");
  try {
    for (let count = 0; ; count += 1) {
      const layer = Buffer.alloc(200_000, `${round}-${count} `);
      const config = Buffer.from(JSON.stringify({ round, count }));
      const describe = (bytes: Buffer, mediaType: string) => ({
        mediaType,
        digest: digestOf(bytes),
        size: bytes.length,
      });
      const blobs = [
        describe(config, "application/vnd.oci.image.config.v1+json"),
        describe(layer, "application/vnd.oci.image.layer.v1.tar"),
      ] as const;
      await Promise.all([
        repository.putBlob(blobs[0], () => single(config)),
        repository.putBlob(blobs[1], () => single(layer)),
      ]);
      const text = JSON.stringify({
        schemaVersion: 2,
        mediaType: "application/vnd.oci.image.manifest.v1+json",
        config: blobs[0],
        layers: [blobs[1]],
      });
      const manifest = parseManifest(Buffer.from(text));
      const tag = `t${round}-${count % 3}`;
      await repository.putManifest(manifest, tag);
      acknowledged.push({ tag, manifest: manifest.descriptor.digest });
    }
  } catch {
    // The registry was killed.
  } finally {
    client.close();
  }
}

it("keeps everything that it acknowledged when it is killed in the middle of pushes", async () => {
  const acknowledged: Pushed[] = [];
  for (let round = 0; round < 4; round += 1) {
    const host = await start();
    const before = acknowledged.length;
    const pushing = pushUntilItDies(host, round, acknowledged);
    await expect
      .poll(() => acknowledged.length, { timeout: 10_000, interval: 5 })
      .toBeGreaterThan(before + 2 + round);
    child?.kill("SIGKILL");
    await pushing;
  }
  const client = createRegistryClient({ host: await start() });
  const repository = client.repository("app");
  for (const { manifest } of acknowledged) {
    const { content } = await repository.manifest(manifest);
    if (content.kind !== "image") throw new Error("not an image");
    for (const blob of [content.manifest.config, ...content.manifest.layers]) {
      // Reading to the end verifies it.
      for await (const chunk of repository.blob(blob)) expect(chunk.length).toBeGreaterThan(0);
    }
  }
  // A tag is what was acknowledged last, or the push that was cut after it: never nothing, never damaged.
  for (const tag of new Set(acknowledged.map((pushed) => pushed.tag))) await repository.manifest(tag);
  client.close();
});
