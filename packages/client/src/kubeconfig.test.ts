import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  connectionFromKubeconfig,
  credentialsOf,
  formatKubeconfig,
  inClusterKubeconfig,
  loadKubeconfig,
  makeKubeconfig,
  mergeKubeconfigs,
  parseKubeconfig,
  resolveContext,
  saveKubeconfig,
} from "./index.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "kubeconfig-"));
});
afterEach(() => rm(directory, { recursive: true }));

describe("kubeconfig", () => {
  it("survives a round trip, readable by its owner only", async () => {
    const file = join(directory, "deep", "kubeconfig");
    const kubeconfig = makeKubeconfig({
      name: "edge",
      server: "https://127.0.0.1:6443",
      cluster: { "certificate-authority-data": "Q0E=", "tls-server-name": "kubernetes" },
      user: { token: "t" },
      namespace: "shop",
    });
    await saveKubeconfig(file, kubeconfig);
    expect(await loadKubeconfig(file)).toEqual(kubeconfig);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it("takes relative files from the directory of the kubeconfig", async () => {
    await writeFile(join(directory, "ca.pem"), "CA");
    await writeFile(join(directory, "token"), "first\n");
    await writeFile(
      join(directory, "config"),
      formatKubeconfig(
        makeKubeconfig({
          name: "x",
          server: "https://x",
          cluster: { "certificate-authority": "ca.pem" },
          user: { tokenFile: "token" },
        }),
      ),
    );
    const connection = connectionFromKubeconfig(await loadKubeconfig(join(directory, "config")));
    expect(connection).toMatchObject({ server: "https://x", certificateAuthority: "CA" });
    expect(await connection.credentials?.(false)).toMatchObject({ token: "first" });
  });

  it.each([
    ["- a list", "k: not a kubeconfig: the document is not a mapping"],
    ["a: [", "k: not YAML: "],
    ["clusters: 3", "k: clusters is not a list"],
    ["clusters: [{cluster: {server: x}}]", "k: clusters[0] has no name"],
    ["clusters: [{name: a}]", "k: cluster a: server is missing"],
    ["contexts: [{name: a, context: {user: b}}]", "k: context a: cluster is missing"],
  ])("refuses %s", (text, message) => {
    expect(() => parseKubeconfig(text, { source: "k" })).toThrow(message);
  });

  it("names what a context lacks", () => {
    const kubeconfig = makeKubeconfig({ name: "a", server: "https://a" });
    expect(() => resolveContext(kubeconfig, "b")).toThrow('kubeconfig: no context "b"; it has: a');
    expect(() => resolveContext({ ...kubeconfig, clusters: [] })).toThrow(
      'context "a" names cluster "a", which is not there',
    );
  });

  it("merges, and the first wins", () => {
    const a = makeKubeconfig({ name: "one", server: "https://a" });
    const b = makeKubeconfig({ name: "one", server: "https://b" });
    const c = makeKubeconfig({ name: "two", server: "https://c" });
    const merged = mergeKubeconfigs({ ...a, "current-context": "" }, b, c);
    expect(merged.clusters.map(({ name, cluster }) => `${name} ${cluster.server}`)).toEqual([
      "one https://a",
      "two https://c",
    ]);
    expect(merged["current-context"]).toBe("one");
  });

  it("knows the service account of a pod", () => {
    const env = { KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "443" };
    expect(resolveContext(inClusterKubeconfig(env, "/sa"))).toEqual({
      cluster: { server: "https://[fd00::1]:443", "certificate-authority": "/sa/ca.crt" },
      user: { tokenFile: "/sa/token" },
      namespace: undefined,
    });
    expect(() => inClusterKubeconfig({})).toThrow("not in a cluster");
  });
});

describe("credentials", () => {
  it("reads a token file again after a minute, or when told to", async () => {
    const file = join(directory, "token");
    await writeFile(file, "a");
    let now = 0;
    const credentials = credentialsOf({ tokenFile: file }, () => now);
    expect((await credentials(false)).token).toBe("a");
    await writeFile(file, "b");
    expect((await credentials(false)).token).toBe("a");
    expect((await credentials(true)).token).toBe("b");
    await writeFile(file, "c");
    now = 61_000;
    expect((await credentials(false)).token).toBe("c");
  });

  it("refuses what it cannot do, and half a key pair", async () => {
    expect(() => credentialsOf({ exec: { command: "aws" } })).toThrow("user.exec is not supported");
    await expect(Promise.resolve(credentialsOf({ "client-key-data": "eA==" })(false))).rejects.toThrow(
      "client-certificate and client-key belong together",
    );
  });

  it("says which file is missing", async () => {
    const credentials = credentialsOf({ tokenFile: join(directory, "none") });
    await expect(Promise.resolve(credentials(false))).rejects.toThrow(/tokenFile: ENOENT/);
  });
});
