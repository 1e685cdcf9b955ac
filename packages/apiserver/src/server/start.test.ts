import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigMap } from "@ai-edge/api";
import { type Kubeconfig, parseKubeconfig } from "@ai-edge/client";
import { startTestApiServer } from "@ai-edge/testing";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startApiServer } from "./start.ts";

const logger = pino({ level: "silent" });
let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "ai-edge-start-"));
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

describe("starting", () => {
  it("says in one line that the port is taken, and lets go of the database", async () => {
    const blocker = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => blocker.once("listening", resolve));
    const address = blocker.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const start = (at: number) =>
      startApiServer({ dataDir, listen: { host: "127.0.0.1", port: at }, logger });
    await expect(start(port)).rejects.toThrow(
      `cannot listen on 127.0.0.1:${port}: the port is taken; stop its owner, or choose another port (0 takes any free one)`,
    );
    blocker.close();
    await (await start(0)).close();
  });

  it("says in one line that the directory cannot be used", async () => {
    const file = join(dataDir, "file");
    await writeFile(file, "");
    await expect(
      startApiServer({ dataDir: file, listen: { host: "127.0.0.1", port: 0 }, logger }),
    ).rejects.toThrow(
      /^cannot open .*file\/state\.db: .*; the data directory must exist on a writable disk$/,
    );
  });

  it("keeps its authority and writes a kubeconfig that only its owner reads", async () => {
    const kubeconfigFile = join(dataDir, "kubeconfig");
    const start = () =>
      startApiServer({ dataDir, listen: { host: "127.0.0.1", port: 0 }, logger, kubeconfigFile });
    const first = await start();
    await first.close();
    const second = await start();
    await second.close();
    expect([second.caCertificate, second.caPin]).toEqual([first.caCertificate, first.caPin]);
    expect(first.caPin).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect((await stat(kubeconfigFile)).mode & 0o777).toBe(0o600);
    expect((await stat(join(dataDir, "pki", "ca.key"))).mode & 0o777).toBe(0o600);
  });
});

/** Opens a watch on all ConfigMaps without reading it. */
async function openWatch(
  url: string,
  caCertificate: string,
  kubeconfig: Kubeconfig,
): Promise<IncomingMessage> {
  const user = kubeconfig.users[0]?.user;
  const pem = (field: "client-certificate-data" | "client-key-data"): Buffer =>
    Buffer.from(user?.[field] ?? "", "base64");
  return new Promise((resolve, reject) => {
    const credentials = {
      ca: caCertificate,
      cert: pem("client-certificate-data"),
      key: pem("client-key-data"),
    };
    const request = httpsRequest(
      `${url}/api/v1/configmaps?watch=true`,
      { ...credentials, agent: false },
      resolve,
    );
    request.on("error", reject);
    request.end();
  });
}

/** Reads to the end; returns how many bytes came, and whether the end was a proper one. */
async function drain(response: IncomingMessage): Promise<{ bytes: number; complete: boolean }> {
  let bytes = 0;
  response.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
  });
  response.on("error", () => {});
  response.resume();
  await new Promise<void>((resolve) => response.once("close", () => resolve()));
  return { bytes, complete: response.complete };
}

describe("running", () => {
  it("cuts off a watch whose reader is too slow, and serves the others", async () => {
    const api = await startTestApiServer();
    // Never reads: TCP's buffers fill, then the server's.
    const slow = await openWatch(api.url, api.caCertificate, api.kubeconfig);
    slow.pause();
    const key = { namespace: "default", name: "big" };
    await api.client.create(ConfigMap, { metadata: key });
    for (let index = 0; index < 30; index += 1) {
      await api.client.update(ConfigMap, { metadata: key, data: { x: String(index).padEnd(900_000, "x") } });
    }
    expect((await api.client.get(ConfigMap, key)).data?.["x"]).toMatch(/^29x/);
    const { bytes, complete } = await drain(slow);
    expect([complete, bytes < 29 * 900_000]).toEqual([false, true]);
    await api.close();
  });

  it("ends its watches properly when it stops", async () => {
    const server = await startApiServer({ dataDir, listen: { host: "127.0.0.1", port: 0 }, logger });
    const watch = await openWatch(server.url, server.caCertificate, parseKubeconfig(server.kubeconfig));
    const ended = drain(watch);
    await server.close();
    expect((await ended).complete).toBe(true);
  });
});
