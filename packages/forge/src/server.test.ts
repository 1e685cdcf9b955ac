import { execFile } from "node:child_process";
import { createHmac, randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createForgeClient, startForge } from "./index.ts";
import type { ForgeOptions, PushEvent, RunningForge } from "./index.ts";

const run = promisify(execFile);
const logger = pino({ level: "silent" });
const TOKEN = "s3cret";

let directory: string;
let forge: RunningForge;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "forge-"));
  forge = await start();
});
afterEach(async () => {
  await forge.close();
  await rm(directory, { recursive: true, force: true });
});

function start(options: Partial<ForgeOptions> = {}): Promise<RunningForge> {
  return startForge({
    dataDir: join(directory, "forge"),
    listen: { host: "127.0.0.1", port: 0 },
    logger,
    now: () => new Date("2026-01-02T03:04:05Z"),
    authenticate: async (credentials) => {
      if (credentials.scheme === "bearer") return credentials.token === TOKEN ? { login: "bot" } : undefined;
      return credentials.password === TOKEN ? { login: credentials.username } : undefined;
    },
    authorize: async (user, verb) => user.login !== "reader" || verb === "read",
    ...options,
  });
}

/** Git with an empty configuration of its own; fails with git's words. */
async function git(cwd: string, ...args: string[]): Promise<string> {
  const env = {
    PATH: process.env["PATH"],
    HOME: directory,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_TERMINAL_PROMPT: "0",
    GIT_ALLOW_PROTOCOL: "http",
  };
  const identity = ["-c", "user.name=ann", "-c", "user.email=ann@example.com"];
  const { stdout } = await run("git", [...identity, ...args], { cwd, env });
  return stdout.trim();
}

function cloneUrl(path: string, user = "ann", password = TOKEN): string {
  return `${forge.url.replace("http://", `http://${user}:${password}@`)}/${path}`;
}

/** The fields of the answers that these tests look into. */
interface Answer {
  content: string;
  head: { sha: string };
  mergeable: boolean | null;
  merged: boolean;
  object: { sha: string };
  state: string;
}

async function apiList(path: string): Promise<Answer[]> {
  const response = await fetch(`${forge.url}${path}`, { headers: { authorization: `token ${TOKEN}` } });
  return JSON.parse(await response.text());
}

async function api(
  method: string,
  path: string,
  body?: unknown,
  token = TOKEN,
): Promise<{ code: number; body: Answer }> {
  const response = await fetch(`${forge.url}${path}`, {
    method,
    headers: { authorization: `token ${token}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { code: response.status, body: text === "" ? undefined : JSON.parse(text) };
}

const seed = {
  owner: "edge",
  name: "gitops",
  message: "Seed",
  files: { "app/kustomization.yaml": "a: 1\nb: 2\nc: 3\nd: 4\ne: 5\n" },
};

/** A clone with a branch on which one line differs, pushed. */
async function pushBranch(branch: string, change: (text: string) => string): Promise<string> {
  const clone = join(directory, `clone-${branch}`);
  await git(directory, "clone", "-q", cloneUrl("edge/gitops.git"), clone);
  await git(clone, "checkout", "-q", "-b", branch);
  const file = join(clone, "app/kustomization.yaml");
  await writeFile(file, change(await readFile(file, "utf8")));
  await git(clone, "commit", "-qam", `Change on ${branch}`);
  await git(clone, "push", "-q", "origin", branch);
  return git(clone, "rev-parse", "HEAD");
}

describe("git over smart HTTP", () => {
  test("clones, fetches one commit by hash, pushes, and speaks protocol 2", async () => {
    const { commit, created } = await forge.seedRepository(seed);
    expect(created).toBe(true);
    const tip = await pushBranch("feature", (text) => text.replace("a: 1", "a: 9"));
    const shallow = join(directory, "shallow");
    await git(directory, "init", "-q", shallow);
    await git(shallow, "fetch", "-q", "--depth=1", cloneUrl("edge/gitops"), commit);
    expect(await git(shallow, "rev-parse", "FETCH_HEAD")).toBe(commit);
    expect(await git(shallow, "ls-remote", cloneUrl("edge/gitops.git"), "feature")).toBe(
      `${tip}\trefs/heads/feature`,
    );
    const answer = await fetch(`${forge.url}/edge/gitops.git/info/refs?service=git-upload-pack`, {
      headers: { authorization: `Bearer ${TOKEN}`, "git-protocol": "version=2" },
    });
    expect(await answer.text()).toMatch(/^001e# service=git-upload-pack\n0000000eversion 2\n/);
  });

  test("seeding is idempotent and the same content is the same commit", async () => {
    const first = await forge.seedRepository(seed);
    expect(await forge.seedRepository({ ...seed, files: {} })).toEqual({
      created: false,
      commit: first.commit,
    });
    expect((await forge.seedRepository({ ...seed, name: "twin" })).commit).toBe(first.commit);
  });

  test("seeds from a directory and refuses links in it", async () => {
    const source = join(directory, "source");
    await run("sh", ["-c", `mkdir -p ${source}/deep/er && printf x > ${source}/deep/er/file`]);
    await forge.seedRepository({ owner: "edge", name: "models", message: "Seed", directory: source });
    expect(
      Buffer.from(
        (await api("GET", "/repos/edge/models/contents/deep/er/file")).body.content,
        "base64",
      ).toString(),
    ).toBe("x");
    await run("ln", ["-s", "/etc/passwd", join(source, "link")]);
    await expect(
      forge.seedRepository({ owner: "edge", name: "more", message: "Seed", directory: source }),
    ).rejects.toThrow(/link is a link to/);
  });

  test.each([
    ["no credentials", "edge/gitops.git", undefined, 401],
    ["a wrong password", "edge/gitops.git", "ann:nope", 401],
    ["an unknown repository", "edge/none.git", `ann:${TOKEN}`, 404],
    ["a path out of the data directory", "..%2f..%2fetc/passwd.git", `ann:${TOKEN}`, 404],
    ["a hidden name", "edge/.new.git", `ann:${TOKEN}`, 404],
  ])("refuses %s", async (_what, path, credentials, code) => {
    await forge.seedRepository(seed);
    const headers: Record<string, string> =
      credentials === undefined
        ? {}
        : { authorization: `Basic ${Buffer.from(credentials).toString("base64")}` };
    const response = await fetch(`${forge.url}/${path}/info/refs?service=git-upload-pack`, { headers });
    expect(response.status).toBe(code);
    expect(response.headers.get("www-authenticate")).toBe(
      code === 401 ? 'Basic realm="ai-edge forge"' : null,
    );
    expect(await response.json()).toMatchObject({ documentation_url: "https://docs.github.com/rest" });
  });

  test("a user who may only read cannot push, and nobody pushes to refs/pull", async () => {
    await forge.seedRepository(seed);
    const clone = join(directory, "reader");
    await git(directory, "clone", "-q", cloneUrl("edge/gitops.git", "reader"), clone);
    await expect(git(clone, "push", "origin", "HEAD:refs/heads/x")).rejects.toThrow(/403/);
    await git(clone, "remote", "set-url", "origin", cloneUrl("edge/gitops.git"));
    await expect(git(clone, "push", "origin", "HEAD:refs/pull/1/head")).rejects.toThrow(/hidden ref/);
  });

  test("the dumb protocol and compressed bombs are refused, and the forge lives on", async () => {
    await forge.seedRepository(seed);
    const headers = { authorization: `Bearer ${TOKEN}` };
    expect((await fetch(`${forge.url}/edge/gitops.git/info/refs`, { headers })).status).toBe(403);
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
    const answer = fetch(`${forge.url}/edge/gitops.git/git-upload-pack`, {
      method: "POST",
      headers: {
        ...headers,
        "content-encoding": "gzip",
        "content-type": "application/x-git-upload-pack-request",
      },
      body: bomb,
    }).then((response) => response.text());
    await Promise.allSettled([answer]);
    expect((await fetch(`${forge.url}/healthz`)).status).toBe(200);
  });

  test("a large push is streamed, and comes back the same", async () => {
    await forge.seedRepository(seed);
    const clone = join(directory, "large");
    await git(directory, "clone", "-q", cloneUrl("edge/gitops.git"), clone);
    // More than git's http.postBuffer (1 MiB): sent in chunks, after a probe.
    const model = randomBytes(5 * 1024 * 1024);
    await writeFile(join(clone, "model.bin"), model);
    await git(clone, "add", ".");
    await git(clone, "commit", "-qm", "A model");
    await git(clone, "push", "-q", "origin", "main");
    const copy = join(directory, "copy");
    await git(directory, "clone", "-q", cloneUrl("edge/gitops.git"), copy);
    expect((await readFile(join(copy, "model.bin"))).equals(model)).toBe(true);
  });

  test("pushes at the same time all arrive", async () => {
    await forge.seedRepository(seed);
    const names = ["one", "two", "three", "four"];
    const tips = await Promise.all(names.map((name) => pushBranch(name, (text) => `${text}${name}: 1\n`)));
    const { stdout } = await run("git", ["ls-remote", "--heads", cloneUrl("edge/gitops.git")]);
    for (const tip of tips) expect(stdout).toContain(tip);
  });

  test("a push over the bound is refused by git", async () => {
    await forge.seedRepository(seed);
    await forge.close();
    forge = await start({ maxPushBytes: 1_000 });
    await expect(
      pushBranch("big", () => Buffer.from(crypto.getRandomValues(new Uint8Array(4_000))).toString("hex")),
    ).rejects.toThrow(/exceeds maximum|unpack|pack|HTTP/);
    expect((await api("GET", "/repos/edge/gitops/git/ref/heads/big")).code).toBe(404);
  });
});

describe("pull requests", () => {
  test("open, find, merge and read by the client, at every API prefix", async () => {
    await forge.seedRepository(seed);
    const head = await pushBranch("feature", (text) => text.replace("e: 5", "e: 6"));
    const client = createForgeClient({ kind: "github", apiUrl: `${forge.url}/api/v3`, token: TOKEN });
    const key = { owner: "edge", repo: "gitops" };
    const opened = await client.openPullRequest({
      ...key,
      head: "feature",
      base: "main",
      title: "Update <b>",
      body: "| a |",
    });
    expect(opened).toEqual({
      number: 1,
      url: `${forge.url}/edge/gitops/pull/1`,
      state: "open",
      merged: false,
      head: "feature",
      base: "main",
    });
    expect(await client.findPullRequest({ ...key, head: "feature", base: "main" })).toEqual(opened);
    expect(await client.findPullRequest({ ...key, head: "feature", base: "other" })).toBeUndefined();
    await expect(
      client.openPullRequest({ ...key, head: "feature", base: "main", title: "Again", body: "" }),
    ).rejects.toThrow(/HTTP 422: Validation Failed; A pull request already exists for edge:feature\./);
    expect((await api("GET", "/api/v1/repos/edge/gitops/pulls/1")).body).toMatchObject({
      head: { sha: head },
      mergeable: true,
      user: { login: "bot" },
    });
    expect((await api("GET", "/repos/edge/gitops/pulls/1/files")).body).toEqual([
      { filename: "app/kustomization.yaml", additions: 1, deletions: 1, changes: 2, status: "modified" },
    ]);
    const page = await (await fetch(opened.url, { headers: { authorization: `Bearer ${TOKEN}` } })).text();
    expect(page).toContain("Update &lt;b&gt;");
    expect(page).toContain("+e: 6");
    const sha = await client.mergePullRequest({ ...key, number: 1 });
    expect((await api("GET", "/repos/edge/gitops/git/ref/heads/main")).body.object.sha).toBe(sha);
    expect(await client.findPullRequest({ ...key, head: "feature", state: "all" })).toEqual({
      ...opened,
      state: "closed",
      merged: true,
      mergeCommit: sha,
    });
    expect((await api("PUT", "/repos/edge/gitops/pulls/1/merge")).code).toBe(405);
    expect((await api("DELETE", "/repos/edge/gitops/git/refs/heads/feature")).code).toBe(204);
    expect((await api("GET", "/repos/edge/gitops/pulls/1")).body.head.sha).toBe(head);
  });

  test.each([
    ["merge", ["Merge pull request #1 from edge/feature", "Main moves", "Change on feature", "Seed"]],
    ["squash", ["T (#1)", "Main moves", "Seed"]],
    ["rebase", ["Change on feature", "Main moves", "Seed"]],
  ])("%s brings both sides together", async (method, subjects) => {
    await forge.seedRepository(seed);
    await pushBranch("feature", (text) => text.replace("e: 5", "e: 6"));
    const date = new Date(1_000);
    await forge.commitFiles({ owner: "edge", name: "gitops" }, "main", {
      files: { other: "1" },
      message: "Main moves",
      author: { name: "a", email: "a@b" },
      date,
    });
    await api("POST", "/repos/edge/gitops/pulls", { title: "T", head: "edge:feature", base: "main" });
    const { code, body } = await api("PUT", "/repos/edge/gitops/pulls/1/merge", { merge_method: method });
    expect({ code, merged: body.merged }).toEqual({ code: 200, merged: true });
    const clone = join(directory, "after");
    await git(directory, "clone", "-q", cloneUrl("edge/gitops.git"), clone);
    expect(await readFile(join(clone, "app/kustomization.yaml"), "utf8")).toContain("e: 6");
    expect(await readFile(join(clone, "other"), "utf8")).toBe("1");
    expect((await git(clone, "log", "--format=%s")).split("\n").toSorted()).toEqual(subjects.toSorted());
  });

  test("a conflict is 405, a moved head 409, and neither changes the base", async () => {
    const { commit } = await forge.seedRepository(seed);
    await pushBranch("one", (text) => text.replace("a: 1", "a: one"));
    await pushBranch("two", (text) => text.replace("a: 1", "a: two"));
    for (const head of ["one", "two"])
      await api("POST", "/repos/edge/gitops/pulls", { title: head, head, base: "main" });
    expect(await api("PUT", "/repos/edge/gitops/pulls/1/merge", { sha: commit })).toMatchObject({
      code: 409,
    });
    expect(await api("PUT", "/repos/edge/gitops/pulls/1/merge")).toMatchObject({ code: 200 });
    expect((await api("GET", "/repos/edge/gitops/pulls/2")).body.mergeable).toBe(false);
    expect(await api("PUT", "/repos/edge/gitops/pulls/2/merge")).toMatchObject({
      code: 405,
      body: { message: expect.stringContaining("not mergeable") },
    });
    expect((await apiList("/repos/edge/gitops/pulls?state=all")).map((pull) => pull.state)).toEqual([
      "open",
      "closed",
    ]);
    expect((await api("PATCH", "/repos/edge/gitops/pulls/2", { state: "closed" })).body.state).toBe("closed");
  });

  test.each([
    [
      { head: "feature", base: "main" },
      { resource: "PullRequest", field: "title", code: "missing_field" },
    ],
    [
      { title: "T", head: "none", base: "main" },
      { resource: "PullRequest", field: "head", code: "invalid", message: "branch none does not exist" },
    ],
    [
      { title: "T", head: "main", base: "main" },
      { resource: "PullRequest", code: "custom", message: "No commits between main and main" },
    ],
    [
      { title: 1, head: "main", base: "main" },
      { resource: "PullRequest", field: "title", code: "invalid", message: "title is not a string" },
    ],
    [
      { title: "T", head: "--upload-pack=x", base: "main" },
      {
        resource: "PullRequest",
        field: "head",
        code: "invalid",
        message: "branch --upload-pack=x does not exist",
      },
    ],
  ])("refuses %j", async (body, error) => {
    await forge.seedRepository(seed);
    expect(await api("POST", "/repos/edge/gitops/pulls", body)).toEqual({
      code: 422,
      body: {
        message: "Validation Failed",
        errors: [error],
        documentation_url: "https://docs.github.com/rest",
        status: "422",
      },
    });
  });

  test("repositories are made once, under the user or an organisation", async () => {
    expect(await api("POST", "/user/repos", { name: "new", auto_init: true })).toMatchObject({
      code: 201,
      body: { full_name: "bot/new", default_branch: "main" },
    });
    expect(await api("POST", "/user/repos", { name: "new" })).toMatchObject({ code: 422 });
    expect(await api("POST", "/orgs/edge/repos", { name: "../x" })).toMatchObject({ code: 422 });
    expect(await api("GET", "/repos/bot/new")).toMatchObject({
      code: 200,
      body: { clone_url: `${forge.url}/bot/new.git` },
    });
    expect(await api("GET", "/repos/bot/none")).toMatchObject({ code: 404, body: { message: "Not Found" } });
  });

  test("pull requests and numbers survive a restart", async () => {
    await forge.seedRepository(seed);
    await pushBranch("feature", (text) => text.replace("e: 5", "e: 6"));
    await api("POST", "/repos/edge/gitops/pulls", { title: "T", head: "feature", base: "main" });
    await forge.close();
    forge = await start();
    expect((await api("GET", "/repos/edge/gitops/pulls")).body).toMatchObject([{ number: 1, title: "T" }]);
  });
});

describe("news of pushes", () => {
  test("reach callbacks and webhooks, signed, with retry", async () => {
    const received: { headers: Record<string, unknown>; body: string }[] = [];
    let refusals = 1;
    const receiver = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        if (refusals-- > 0) return response.writeHead(503).end();
        received.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
        return response.writeHead(200).end();
      });
    });
    await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
    await forge.close();
    const port = (receiver.address() as AddressInfo).port;
    forge = await start({ webhooks: [{ url: `http://127.0.0.1:${port}/hook`, secret: "key" }] });
    const events: PushEvent[] = [];
    forge.onPush((event) => events.push(event));
    const { commit } = await forge.seedRepository(seed);
    await vi.waitFor(() => expect(received).toHaveLength(1));
    const tip = await pushBranch("feature", (text) => text.replace("e: 5", "e: 6"));
    await vi.waitFor(() => expect(received).toHaveLength(2));
    const [first, second] = received.map(({ body }) => JSON.parse(body));
    expect(first).toMatchObject({
      ref: "refs/heads/main",
      after: commit,
      created: true,
      commits: [{ id: commit, added: ["app/kustomization.yaml"] }],
    });
    expect(second).toMatchObject({
      ref: "refs/heads/feature",
      after: tip,
      forced: false,
      pusher: { name: "ann" },
      repository: { full_name: "edge/gitops", clone_url: `${forge.url}/edge/gitops.git` },
    });
    expect(second.head_commit).toMatchObject({
      id: tip,
      message: "Change on feature",
      modified: ["app/kustomization.yaml"],
      added: [],
      removed: [],
    });
    expect(received[1]!.headers["x-github-event"]).toBe("push");
    expect(received[1]!.headers["x-hub-signature-256"]).toBe(
      `sha256=${createHmac("sha256", "key").update(received[1]!.body).digest("hex")}`,
    );
    expect(events.map((event) => [event.ref, event.after])).toEqual([
      ["refs/heads/main", commit],
      ["refs/heads/feature", tip],
    ]);
    receiver.close();
  });

  test("a push that nobody was told about is told at the next start", async () => {
    const { commit } = await forge.seedRepository(seed);
    await forge.close();
    const bare = join(directory, "forge/repos/edge/gitops.git");
    await run("git", ["--git-dir", bare, "update-ref", "refs/heads/late", commit]);
    const bodies: string[] = [];
    const receiver = createServer((request, response) => {
      request.on("data", (chunk: Buffer) => bodies.push(chunk.toString())).on("end", () => response.end());
    });
    await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
    forge = await start({
      webhooks: [{ url: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/` }],
    });
    await vi.waitFor(() =>
      expect(JSON.parse(bodies.join(""))).toMatchObject({
        ref: "refs/heads/late",
        after: commit,
        pusher: { name: "unknown" },
      }),
    );
    receiver.close();
  });
});

test("a taken port is one clear line", async () => {
  const port = Number(new URL(forge.url).port);
  await expect(
    start({ dataDir: join(directory, "second"), listen: { host: "127.0.0.1", port } }),
  ).rejects.toThrow(`the forge cannot listen on 127.0.0.1:${port}: the address is in use`);
});

test("a missing git is one clear line", async () => {
  const path = process.env["PATH"];
  process.env["PATH"] = directory;
  try {
    await expect(start({ dataDir: join(directory, "third") })).rejects.toThrow(
      /^git was not found on PATH: install git/,
    );
  } finally {
    process.env["PATH"] = path;
  }
});
