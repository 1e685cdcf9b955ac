import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ForgePlace, seed, TOKEN } from "./testing/forge-place.ts";

const run = promisify(execFile);

let place: ForgePlace;

beforeEach(async () => {
  place = await ForgePlace.make();
});
afterEach(() => place.remove());

describe("git over smart HTTP", () => {
  test("clones, fetches one commit by hash, pushes, and speaks protocol 2", async () => {
    const { commit, created } = await place.forge.seedRepository(seed);
    expect(created).toBe(true);
    const tip = await place.pushBranch("feature", (text) => text.replace("a: 1", "a: 9"));
    const shallow = join(place.directory, "shallow");
    await place.git(place.directory, "init", "-q", shallow);
    await place.git(shallow, "fetch", "-q", "--depth=1", place.cloneUrl("edge/gitops"), commit);
    expect(await place.git(shallow, "rev-parse", "FETCH_HEAD")).toBe(commit);
    expect(await place.git(shallow, "ls-remote", place.cloneUrl("edge/gitops.git"), "feature")).toBe(
      `${tip}\trefs/heads/feature`,
    );
    const answer = await fetch(`${place.forge.url}/edge/gitops.git/info/refs?service=git-upload-pack`, {
      headers: { authorization: `Bearer ${TOKEN}`, "git-protocol": "version=2" },
    });
    expect(await answer.text()).toMatch(/^001e# service=git-upload-pack\n0000000eversion 2\n/);
  });

  test("seeding is idempotent and the same content is the same commit", async () => {
    const first = await place.forge.seedRepository(seed);
    expect(await place.forge.seedRepository({ ...seed, files: {} })).toEqual({
      created: false,
      commit: first.commit,
    });
    expect((await place.forge.seedRepository({ ...seed, name: "twin" })).commit).toBe(first.commit);
  });

  test("seeds from a directory and refuses links in it", async () => {
    const source = join(place.directory, "source");
    await run("sh", ["-c", `mkdir -p ${source}/deep/er && printf x > ${source}/deep/er/file`]);
    await place.forge.seedRepository({ owner: "edge", name: "models", message: "Seed", directory: source });
    expect(
      Buffer.from(
        (await place.api("GET", "/repos/edge/models/contents/deep/er/file")).body.content,
        "base64",
      ).toString(),
    ).toBe("x");
    await run("ln", ["-s", "/etc/passwd", join(source, "link")]);
    await expect(
      place.forge.seedRepository({ owner: "edge", name: "more", message: "Seed", directory: source }),
    ).rejects.toThrow(/link is a link to/);
  });

  test.each([
    ["no credentials", "edge/gitops.git", undefined, 401],
    ["a wrong password", "edge/gitops.git", "ann:nope", 401],
    ["an unknown repository", "edge/none.git", `ann:${TOKEN}`, 404],
    ["a path out of the data directory", "..%2f..%2fetc/passwd.git", `ann:${TOKEN}`, 404],
    ["a hidden name", "edge/.new.git", `ann:${TOKEN}`, 404],
  ])("refuses %s", async (_what, path, credentials, code) => {
    await place.forge.seedRepository(seed);
    const headers: Record<string, string> =
      credentials === undefined
        ? {}
        : { authorization: `Basic ${Buffer.from(credentials).toString("base64")}` };
    const response = await fetch(`${place.forge.url}/${path}/info/refs?service=git-upload-pack`, { headers });
    expect(response.status).toBe(code);
    expect(response.headers.get("www-authenticate")).toBe(
      code === 401 ? 'Basic realm="ai-edge forge"' : null,
    );
    expect(await response.json()).toMatchObject({ documentation_url: "https://docs.github.com/rest" });
  });

  test("a user who may only read cannot push, and nobody pushes to refs/pull", async () => {
    await place.forge.seedRepository(seed);
    const clone = join(place.directory, "reader");
    await place.git(place.directory, "clone", "-q", place.cloneUrl("edge/gitops.git", "reader"), clone);
    await expect(place.git(clone, "push", "origin", "HEAD:refs/heads/x")).rejects.toThrow(/403/);
    await place.git(clone, "remote", "set-url", "origin", place.cloneUrl("edge/gitops.git"));
    await expect(place.git(clone, "push", "origin", "HEAD:refs/pull/1/head")).rejects.toThrow(/hidden ref/);
  });

  test("the dumb protocol and compressed bombs are refused, and the forge lives on", async () => {
    await place.forge.seedRepository(seed);
    const headers = { authorization: `Bearer ${TOKEN}` };
    expect((await fetch(`${place.forge.url}/edge/gitops.git/info/refs`, { headers })).status).toBe(403);
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
    const answer = fetch(`${place.forge.url}/edge/gitops.git/git-upload-pack`, {
      method: "POST",
      headers: {
        ...headers,
        "content-encoding": "gzip",
        "content-type": "application/x-git-upload-pack-request",
      },
      body: bomb,
    }).then((response) => response.text());
    await Promise.allSettled([answer]);
    expect((await fetch(`${place.forge.url}/healthz`)).status).toBe(200);
  });

  test("a large push is streamed, and comes back the same", async () => {
    await place.forge.seedRepository(seed);
    const clone = join(place.directory, "large");
    await place.git(place.directory, "clone", "-q", place.cloneUrl("edge/gitops.git"), clone);
    // More than git's http.postBuffer (1 MiB): sent in chunks, after a probe.
    const model = randomBytes(5 * 1024 * 1024);
    await writeFile(join(clone, "model.bin"), model);
    await place.git(clone, "add", ".");
    await place.git(clone, "commit", "-qm", "A model");
    await place.git(clone, "push", "-q", "origin", "main");
    const copy = join(place.directory, "copy");
    await place.git(place.directory, "clone", "-q", place.cloneUrl("edge/gitops.git"), copy);
    expect((await readFile(join(copy, "model.bin"))).equals(model)).toBe(true);
  });

  test("pushes at the same time all arrive", async () => {
    await place.forge.seedRepository(seed);
    const names = ["one", "two", "three", "four"];
    const tips = await Promise.all(
      names.map((name) => place.pushBranch(name, (text) => `${text}${name}: 1\n`)),
    );
    const { stdout } = await run("git", ["ls-remote", "--heads", place.cloneUrl("edge/gitops.git")]);
    for (const tip of tips) expect(stdout).toContain(tip);
  });

  test("a push over the bound is refused by git", async () => {
    await place.forge.seedRepository(seed);
    await place.restart({ maxPushBytes: 1_000 });
    await expect(
      place.pushBranch("big", () =>
        Buffer.from(crypto.getRandomValues(new Uint8Array(4_000))).toString("hex"),
      ),
    ).rejects.toThrow(/exceeds maximum|unpack|pack|HTTP/);
    expect((await place.api("GET", "/repos/edge/gitops/git/ref/heads/big")).code).toBe(404);
  });
});
