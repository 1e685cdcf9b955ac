import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { isBranchName, isRepositoryName, RepositoryStore } from "./repository.ts";

test("an accepted name stays below the root, whatever it is", () => {
  const store = new RepositoryStore("/data/repos");
  const hostile = fc.oneof(
    fc.string(),
    fc.string({ unit: fc.constantFrom(".", "/", "\\", "a", "-", "\0", "%", "~") }),
  );
  fc.assert(
    fc.property(hostile, hostile, (owner, name) => {
      if (!isRepositoryName({ owner, name })) return;
      expect(relative("/data/repos", store.path({ owner, name })).split("/")).toEqual([owner, `${name}.git`]);
    }),
  );
});

test.each([
  ["edge", "gitops", true],
  ["edge-user-1", "ai-edge.gitops_2", true],
  ["..", "x", false],
  ["edge", "..", false],
  ["edge", "a..b", false],
  ["edge", "x.git", false],
  ["repos", "x", false],
  [".hidden", "x", false],
  ["-c", "x", false],
  ["edge", "", false],
  ["a".repeat(65), "x", false],
])("repository %s/%s: %s", (owner, name, ok) => {
  expect(isRepositoryName({ owner, name })).toBe(ok);
});

test.each([
  ["main", true],
  ["pipeline_0b5e6a2e-7c0d-4f0c-b9ce-2f1f8a7d7f3a", true],
  ["release/1.0", true],
  ["-x", false],
  ["a..b", false],
  ["a@{1}", false],
  ["a.lock", false],
  ["a b", false],
  ["a//b", false],
  ["", false],
])("branch %s: %s", (branch, ok) => {
  expect(isBranchName(branch)).toBe(ok);
});

test("two who create the same repository at once: one of them did", async () => {
  const root = await mkdtemp(join(tmpdir(), "repositories-"));
  try {
    const store = new RepositoryStore(root);
    const made = await Promise.all([1, 2, 3].map(() => store.create({ owner: "edge", name: "x" }, "main")));
    expect(made.filter(Boolean)).toHaveLength(1);
    expect(await store.list()).toEqual([{ owner: "edge", name: "x" }]);
  } finally {
    await rm(root, { recursive: true });
  }
});
