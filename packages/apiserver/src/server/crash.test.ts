import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { ConfigMap } from "@ai-edge/api";
import { startTestApiServer } from "@ai-edge/testing";
import { expect, it } from "vitest";

const WRITER = fileURLToPath(new URL("../../testdata/crashing-writer.ts", import.meta.url));

it("keeps every acknowledged write when it is killed under load", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "ai-edge-crash-"));
  const acknowledged = new Map<string, string>();
  for (const round of [1, 2, 3]) {
    const child = spawn(process.execPath, [WRITER, dataDir, String(round)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = new Promise((resolve) => child.once("exit", resolve));
    for await (const line of createInterface({ input: child.stdout })) {
      const [name = "", revision = ""] = line.split(" ");
      acknowledged.set(name, revision);
      // The kill comes while other writes are under way; what is still in the pipe was acknowledged too.
      if (acknowledged.size >= round * 200) child.kill("SIGKILL");
    }
    await ended;
    const api = await startTestApiServer({ dataDir });
    const { items, metadata } = await api.client.list(ConfigMap, { namespace: "default" });
    const stored = new Map(items.map((item) => [item.metadata.name, item.metadata.resourceVersion]));
    for (const [name, revision] of acknowledged) expect([name, stored.get(name)]).toEqual([name, revision]);
    const newest = Math.max(...items.map((item) => Number(item.metadata.resourceVersion)));
    expect(Number(metadata.resourceVersion)).toBeGreaterThanOrEqual(newest);
    await api.close();
  }
  rmSync(dataDir, { recursive: true, force: true });
}, 60_000);
