import { expect, it } from "vitest";
import { BuildCache } from "./build-cache.ts";
import { toYaml } from "./build.ts";
import { memoryFileSystem } from "./memory-file-system.ts";

const FILES = {
  "base/kustomization.yaml": "resources: [cm.yaml]\n",
  "base/cm.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n",
  "app/kustomization.yaml": "resources: [../base]\nnamePrefix: p-\n",
  "other.yaml": "not read",
};

it("renders again only when an input of the build changes", () => {
  const cache = new BuildCache();
  const first = cache.build(memoryFileSystem(FILES), "/app");
  expect(first.cached).toBe(false);
  const unrelated = cache.build(memoryFileSystem({ ...FILES, "other.yaml": "changed" }), "/app");
  expect(unrelated).toMatchObject({ cached: true, digest: first.digest });
  expect(toYaml(unrelated.resources)).toBe(toYaml(first.resources));
  const changed = { ...FILES, "base/cm.yaml": FILES["base/cm.yaml"].replace("name: a", "name: b") };
  const second = cache.build(memoryFileSystem(changed), "/app");
  expect(second.cached).toBe(false);
  expect(second.digest).not.toBe(first.digest);
  expect(toYaml(second.resources)).toContain("name: p-b");
  expect(cache.build(memoryFileSystem(FILES), "/app").cached).toBe(true);
});

it("notices a file that appears, and other options", () => {
  const cache = new BuildCache();
  cache.build(memoryFileSystem(FILES), "/app");
  expect(() => cache.build(memoryFileSystem({ ...FILES, "base/Kustomization": "" }), "/app")).toThrow(
    "multiple",
  );
  expect(cache.build(memoryFileSystem(FILES), "/app", { reorder: "none" }).cached).toBe(false);
});

it("hands out copies", () => {
  const cache = new BuildCache();
  const [resource] = cache.build(memoryFileSystem(FILES), "/app").resources;
  if (resource !== undefined) resource.kind = "Changed";
  const [again] = cache.build(memoryFileSystem(FILES), "/app").resources;
  expect(again?.kind).toBe("ConfigMap");
});

it("forgets the build that was used longest ago", () => {
  const cache = new BuildCache({ maxEntries: 1 });
  cache.build(memoryFileSystem(FILES), "/app");
  cache.build(memoryFileSystem(FILES), "/base");
  expect(cache.build(memoryFileSystem(FILES), "/app").cached).toBe(false);
});
