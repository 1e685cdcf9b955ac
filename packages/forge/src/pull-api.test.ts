import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createForgeClient } from "./index.ts";
import { ForgePlace, seed, TOKEN } from "./testing/forge-place.ts";

let place: ForgePlace;

beforeEach(async () => {
  place = await ForgePlace.make();
});
afterEach(() => place.remove());

describe("pull requests", () => {
  test("open, find, merge and read by the client, at every API prefix", async () => {
    await place.forge.seedRepository(seed);
    const head = await place.pushBranch("feature", (text) => text.replace("e: 5", "e: 6"));
    const client = createForgeClient({ kind: "github", apiUrl: `${place.forge.url}/api/v3`, token: TOKEN });
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
      url: `${place.forge.url}/edge/gitops/pull/1`,
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
    expect((await place.api("GET", "/api/v1/repos/edge/gitops/pulls/1")).body).toMatchObject({
      head: { sha: head },
      mergeable: true,
      user: { login: "bot" },
    });
    expect((await place.api("GET", "/repos/edge/gitops/pulls/1/files")).body).toEqual([
      { filename: "app/kustomization.yaml", additions: 1, deletions: 1, changes: 2, status: "modified" },
    ]);
    const page = await (await fetch(opened.url, { headers: { authorization: `Bearer ${TOKEN}` } })).text();
    expect(page).toContain("Update &lt;b&gt;");
    expect(page).toContain("+e: 6");
    const sha = await client.mergePullRequest({ ...key, number: 1 });
    expect((await place.api("GET", "/repos/edge/gitops/git/ref/heads/main")).body.object.sha).toBe(sha);
    expect(await client.findPullRequest({ ...key, head: "feature", state: "all" })).toEqual({
      ...opened,
      state: "closed",
      merged: true,
      mergeCommit: sha,
    });
    expect((await place.api("PUT", "/repos/edge/gitops/pulls/1/merge")).code).toBe(405);
    expect((await place.api("DELETE", "/repos/edge/gitops/git/refs/heads/feature")).code).toBe(204);
    expect((await place.api("GET", "/repos/edge/gitops/pulls/1")).body.head.sha).toBe(head);
  });

  test.each([
    ["merge", ["Merge pull request #1 from edge/feature", "Main moves", "Change on feature", "Seed"]],
    ["squash", ["T (#1)", "Main moves", "Seed"]],
    ["rebase", ["Change on feature", "Main moves", "Seed"]],
  ])("%s brings both sides together", async (method, subjects) => {
    await place.forge.seedRepository(seed);
    await place.pushBranch("feature", (text) => text.replace("e: 5", "e: 6"));
    const date = new Date(1_000);
    await place.forge.commitFiles({ owner: "edge", name: "gitops" }, "main", {
      files: { other: "1" },
      message: "Main moves",
      author: { name: "a", email: "a@b" },
      date,
    });
    await place.api("POST", "/repos/edge/gitops/pulls", { title: "T", head: "edge:feature", base: "main" });
    const { code, body } = await place.api("PUT", "/repos/edge/gitops/pulls/1/merge", {
      merge_method: method,
    });
    expect({ code, merged: body.merged }).toEqual({ code: 200, merged: true });
    const clone = join(place.directory, "after");
    await place.git(place.directory, "clone", "-q", place.cloneUrl("edge/gitops.git"), clone);
    expect(await readFile(join(clone, "app/kustomization.yaml"), "utf8")).toContain("e: 6");
    expect(await readFile(join(clone, "other"), "utf8")).toBe("1");
    expect((await place.git(clone, "log", "--format=%s")).split("\n").toSorted()).toEqual(
      subjects.toSorted(),
    );
  });

  test("a conflict is 405, a moved head 409, and neither changes the base", async () => {
    const { commit } = await place.forge.seedRepository(seed);
    await place.pushBranch("one", (text) => text.replace("a: 1", "a: one"));
    await place.pushBranch("two", (text) => text.replace("a: 1", "a: two"));
    for (const head of ["one", "two"])
      await place.api("POST", "/repos/edge/gitops/pulls", { title: head, head, base: "main" });
    expect(await place.api("PUT", "/repos/edge/gitops/pulls/1/merge", { sha: commit })).toMatchObject({
      code: 409,
    });
    expect(await place.api("PUT", "/repos/edge/gitops/pulls/1/merge")).toMatchObject({ code: 200 });
    expect((await place.api("GET", "/repos/edge/gitops/pulls/2")).body.mergeable).toBe(false);
    expect(await place.api("PUT", "/repos/edge/gitops/pulls/2/merge")).toMatchObject({
      code: 405,
      body: { message: expect.stringContaining("not mergeable") },
    });
    expect((await place.apiList("/repos/edge/gitops/pulls?state=all")).map((pull) => pull.state)).toEqual([
      "open",
      "closed",
    ]);
    expect((await place.api("PATCH", "/repos/edge/gitops/pulls/2", { state: "closed" })).body.state).toBe(
      "closed",
    );
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
    await place.forge.seedRepository(seed);
    expect(await place.api("POST", "/repos/edge/gitops/pulls", body)).toEqual({
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
    expect(await place.api("POST", "/user/repos", { name: "new", auto_init: true })).toMatchObject({
      code: 201,
      body: { full_name: "bot/new", default_branch: "main" },
    });
    expect(await place.api("POST", "/user/repos", { name: "new" })).toMatchObject({ code: 422 });
    expect(await place.api("POST", "/orgs/edge/repos", { name: "../x" })).toMatchObject({ code: 422 });
    expect(await place.api("GET", "/repos/bot/new")).toMatchObject({
      code: 200,
      body: { clone_url: `${place.forge.url}/bot/new.git` },
    });
    expect(await place.api("GET", "/repos/bot/none")).toMatchObject({
      code: 404,
      body: { message: "Not Found" },
    });
  });

  test("pull requests and numbers survive a restart", async () => {
    await place.forge.seedRepository(seed);
    await place.pushBranch("feature", (text) => text.replace("e: 5", "e: 6"));
    await place.api("POST", "/repos/edge/gitops/pulls", { title: "T", head: "feature", base: "main" });
    await place.restart();
    expect((await place.api("GET", "/repos/edge/gitops/pulls")).body).toMatchObject([
      { number: 1, title: "T" },
    ]);
  });
});
