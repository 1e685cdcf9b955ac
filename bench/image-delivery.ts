/**
 * Builds, pushes and pulls an image with one large random file, and compares with hashing and copying that file, which
 * nothing can beat: node bench/image-delivery.ts [MiB, default 300]
 */
import { createHash, randomFillSync } from "node:crypto";
import { copyFile, mkdir, mkdtemp, open, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { buildImage, copyImage, createRegistryClient, ImageLayout } from "@ai-edge/oci";
import { startRegistry } from "@ai-edge/registry";
import { pino } from "pino";

const MEBIBYTE = 1024 * 1024;
const size = Number(process.argv[2] ?? 300);
const directory = await mkdtemp(path.join(os.tmpdir(), "ai-edge-bench-"));
const seconds: Record<string, number> = {};

async function measure<T>(name: string, task: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await task();
  seconds[name] = Number(((performance.now() - start) / 1000).toFixed(3));
  return result;
}

try {
  const context = path.join(directory, "context");
  await mkdir(context);
  const weights = await open(path.join(context, "weights.bin"), "w");
  const chunk = Buffer.alloc(MEBIBYTE);
  for (let written = 0; written < size; written += 1) await weights.write(randomFillSync(chunk));
  await weights.close();
  await measure("floor: sha256", async () =>
    createHash("sha256")
      .update(await readFile(path.join(context, "weights.bin")))
      .digest(),
  );
  await measure("floor: copy", () =>
    copyFile(path.join(context, "weights.bin"), path.join(directory, "copy")),
  );
  const registry = await startRegistry({
    dataDir: path.join(directory, "registry"),
    listen: { host: "127.0.0.1", port: 0 },
    logger: pino({ level: "silent" }),
  });
  const client = createRegistryClient({ host: registry.host });
  const layout = new ImageLayout(path.join(directory, "store"));
  const build = () =>
    buildImage({ containerfile: "FROM scratch\nCOPY . /models/", context, layout, base: () => layout });
  const { descriptor } = await measure("build", build);
  const push = () => copyImage(layout, descriptor.digest, client.repository("model"), "v1");
  await measure("push", push);
  await measure("build again", build);
  await measure("push again", push);
  await measure("pull", () =>
    copyImage(client.repository("model"), "v1", new ImageLayout(path.join(directory, "pulled")), "model"),
  );
  client.close();
  await registry.close();
  console.log(
    JSON.stringify({
      mebibytes: size,
      seconds,
      maxRssMiB: Math.round(process.resourceUsage().maxRSS / 1024),
    }),
  );
} finally {
  await rm(directory, { recursive: true, force: true });
}
