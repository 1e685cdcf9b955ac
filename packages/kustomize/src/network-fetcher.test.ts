import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { Server } from "node:http";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runKustomizeCommand } from "./command.ts";
import type { NetworkOptions } from "./network-fetcher.ts";
import { networkFetcher } from "./network-fetcher.ts";
import { privateAddressCheck } from "./private-address.ts";

const configMap = (name: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n`;
const bounds = (maxBytes = 1_000_000) => ({ maxBytes, signal: AbortSignal.timeout(10_000) });

let root: string;
let server: Server;
let origin: string;
let env: Record<string, string | undefined>;

function git(directory: string, ...args: string[]): string {
  return execFileSync("git", ["-C", directory, ...args], { encoding: "utf8", env });
}

function commit(name: string, files: Readonly<Record<string, string | Uint8Array>>): string {
  const directory = join(root, name);
  mkdirSync(directory, { recursive: true });
  git(directory, "init", "--quiet", "--initial-branch=main");
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(directory, path, ".."), { recursive: true });
    writeFileSync(join(directory, path), content);
  }
  git(directory, "add", ".");
  git(directory, "commit", "--quiet", "-m", "x");
  return git(directory, "rev-parse", "HEAD").trim();
}

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "kustomize-network-"));
  // The user's own configuration leads a host to a place on this machine, as a mirror does.
  writeFileSync(
    join(root, ".gitconfig"),
    `[user]\nname = t\nemail = t@example.com\n[url "file://${root}/"]\ninsteadOf = https://forge.invalid/\n[protocol "file"]\nallow = always\n`,
  );
  env = { PATH: process.env["PATH"], HOME: root, GIT_CONFIG_NOSYSTEM: "1" };
  const inner = commit("o/inner", { "kustomization.yaml": "resources: [i.yaml]", "i.yaml": configMap("i") });
  commit("o/outer", {
    "base/kustomization.yaml": "resources: [cm.yaml, ../sub/inner]",
    "base/cm.yaml": configMap("base"),
    ".gitmodules": `[submodule "inner"]\n\tpath = sub/inner\n\turl = ../inner\n`,
  });
  const outer = join(root, "o/outer");
  git(outer, "update-index", "--add", "--cacheinfo", `160000,${inner},sub/inner`);
  git(outer, "commit", "--quiet", "-m", "submodule");
  git(outer, "tag", "v1");
  commit("o/large", { "kustomization.yaml": "", blob: crypto.getRandomValues(new Uint8Array(60_000)) });
  server = createServer((request, response) => {
    const { url = "" } = request;
    if (url === "/a.yaml") response.end(configMap("a"));
    else if (url === "/moved") response.writeHead(302, { location: "/a.yaml" }).end();
    else if (url === "/elsewhere") response.writeHead(302, { location: "file:///etc/passwd" }).end();
    else if (url === "/loop") response.writeHead(302, { location: "/loop" }).end();
    else if (url === "/endless") response.write("x".repeat(70_000));
    else if (url !== "/silent") response.writeHead(404).end();
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  origin = `http://127.0.0.1:${typeof address === "object" ? (address?.port ?? 0) : 0}`;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(root, { recursive: true, force: true });
});

describe("repositories, by git", () => {
  const fetch = (url: string, ref = "HEAD", options: NetworkOptions = {}, maxBytes?: number) =>
    networkFetcher({ env, ...options }).repository({ url, ref, submodules: true }, bounds(maxBytes));

  it("fetches a tag with its submodules, honouring insteadOf", async () => {
    const files = await fetch("https://forge.invalid/o/outer", "v1");
    expect([...files.keys()].toSorted()).toEqual([
      ".gitmodules",
      "base/cm.yaml",
      "base/kustomization.yaml",
      "sub/inner/i.yaml",
      "sub/inner/kustomization.yaml",
    ]);
  });

  it.each<[url: string, ref: string, message: RegExp]>([
    ["https://forge.invalid/o/outer", "nope", /couldn't find remote ref nope/],
    ["https://forge.invalid/o/outer", "--upload-pack=touch /tmp/x", /git fetch .* failed/],
    ["file:///srv/git/r", "HEAD", /is a repository of this machine/],
    ["http://forge.invalid/o/r", "HEAD", /is not secure/],
    ["ext::sh -c whoami", "HEAD", /no URL that a repository is fetched from/],
    ["https://127.0.0.1/o/r", "HEAD", /has the address 127.0.0.1, which is none of the public internet/],
    ["https://[::1]/o/r", "HEAD", /has the address ::1/],
  ])("refuses %s %s", async (url, ref, message) => {
    await expect(fetch(url, ref)).rejects.toThrow(message);
  });

  it("bounds the size", async () => {
    await expect(fetch("https://forge.invalid/o/large", "HEAD", {}, 10_000)).rejects.toThrow(/bytes/);
  });

  it("is what --enable-remote uses, and off without it", async () => {
    let stdout = "";
    let stderr = "";
    const streams = {
      stdout: { write: (text: string) => (stdout += text) },
      stderr: { write: (text: string) => (stderr += text) },
      cwd: root,
      env,
    };
    mkdirSync(join(root, "app"));
    writeFileSync(
      join(root, "app/kustomization.yaml"),
      "resources: ['https://forge.invalid/o/outer//base?ref=v1']",
    );
    expect(await runKustomizeCommand(["build", "app"], streams)).toBe(1);
    expect(stderr).toContain("or allow the network (--enable-remote on the command line");
    expect(await runKustomizeCommand(["build", "app", "--enable-remote"], streams)).toBe(0);
    expect(stdout).toBe(`${configMap("base")}---\n${configMap("i")}`);
    stdout = "";
    const url = "https://forge.invalid/o/inner.git";
    mkdirSync(join(root, "o/inner.git"));
    git(root, "clone", "--quiet", "--bare", "o/inner", "o/inner.git");
    expect(await runKustomizeCommand(["build", url, "--enable-remote"], streams)).toBe(0);
    expect(stdout).toBe(configMap("i"));
  });
});

describe("files, by https", () => {
  const open: NetworkOptions = { allowPrivateAddresses: true, allowInsecure: true };
  const fetch = async (path: string, options: NetworkOptions, maxBytes?: number) =>
    Buffer.from(await networkFetcher(options).file(`${origin}${path}`, bounds(maxBytes))).toString();

  it("gets a file, also where it has moved", async () => {
    expect(await fetch("/a.yaml", open)).toBe(configMap("a"));
    expect(await fetch("/moved", open)).toBe(configMap("a"));
  });

  it.each<[path: string, options: NetworkOptions, message: RegExp]>([
    ["/none", open, /HTTP Error: status code 404/],
    ["/elsewhere", open, /redirected from http: to file:, which is not followed/],
    ["/loop", open, /more than 5 redirects/],
    ["/endless", open, /more than 50000 bytes/],
    ["/a.yaml", { allowPrivateAddresses: true }, /http:\/\/ is not secure/],
    [
      "/a.yaml",
      { allowInsecure: true },
      /'127.0.0.1' has the address 127.0.0.1, which is none of the public internet/,
    ],
  ])("refuses %s %j", async (path, options, message) => {
    await expect(fetch(path, options, 50_000)).rejects.toThrow(message);
  });

  it("looks at the address behind a name, and gives up when told so", async () => {
    const { port } = new URL(origin);
    await expect(
      networkFetcher({ allowInsecure: true }).file(`http://localhost:${port}/a.yaml`, bounds()),
    ).rejects.toThrow(/'localhost' has the address/);
    const signal = AbortSignal.timeout(50);
    await expect(networkFetcher(open).file(`${origin}/silent`, { maxBytes: 10, signal })).rejects.toThrow(
      /abort/i,
    );
  });
});

it.each<[address: string, isPrivate: boolean]>([
  ["127.0.0.1", true],
  ["10.1.2.3", true],
  ["169.254.169.254", true],
  ["172.31.0.1", true],
  ["192.168.1.1", true],
  ["100.64.0.1", true],
  ["0.0.0.0", true],
  ["::1", true],
  ["fe80::1", true],
  ["fd00::1", true],
  ["::ffff:127.0.0.1", true],
  ["64:ff9b::7f00:1", true],
  ["no address", true],
  ["1.1.1.1", false],
  ["172.32.0.1", false],
  ["2606:4700::1111", false],
])("%s is private: %s", (address, isPrivate) => {
  expect(privateAddressCheck()(address)).toBe(isPrivate);
});
