import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { build, toYaml } from "./build.ts";
import { diskFileSystem } from "./file-system.ts";
import type { FileSystem } from "./file-system.ts";
import { gitTreeFileSystem } from "./git-tree-file-system.ts";
import { memoryFileSystem } from "./memory-file-system.ts";
import type { MemoryFile } from "./memory-file-system.ts";

const CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n";

const TREE: Record<string, MemoryFile> = {
  "base/kustomization.yaml": "resources:\n- cm.yaml\n",
  "base/cm.yaml": CONFIG_MAP,
  "overlay/kustomization.yml": "resources:\n- ../base\nnamePrefix: p-\n",
  "linked/kustomization.yaml": "resources:\n- inside.yaml\n",
  "linked/real.yaml": CONFIG_MAP,
  "linked/inside.yaml": { link: "real.yaml" },
  "escaping/kustomization.yaml": "resources:\n- out.yaml\n",
  "escaping/out.yaml": { link: "../base/cm.yaml" },
  "itself/kustomization.yaml": "resources:\n- ../itself\n",
  "one/kustomization.yaml": "resources:\n- ../two\n",
  "two/kustomization.yaml": "resources:\n- ../one\n",
  "absolute/kustomization.yaml": "resources:\n- /base\n",
  "parent/kustomization.yaml": "resources:\n- ..\n",
  "remote/kustomization.yaml": "resources:\n- https://example.com/x.yaml\n",
  "remote-base/kustomization.yaml": "resources:\n- github.com/o/r//path?ref=v1\n",
  "helm/kustomization.yaml": "helmCharts:\n- name: x\n",
  "plugin/kustomization.yaml": "transformers:\n- t.yaml\n",
  "plugin/t.yaml": "apiVersion: x/v1\nkind: Exec\nmetadata:\n  name: t\n",
  "two-files/kustomization.yaml": "",
  "two-files/Kustomization": "",
  "unknown/kustomization.yaml": "resorces: []\n",
  "binary/kustomization.yaml": "resources:\n- b.yaml\n",
  "binary/b.yaml": new Uint8Array([0xff, 0xfe, 0x00]),
  "malformed/kustomization.yaml": "resources:\n- m.yaml\n",
  "malformed/m.yaml": "a: [1\n",
  "no-kind/kustomization.yaml": "resources:\n- n.yaml\n",
  "no-kind/n.yaml": "metadata:\n  name: x\n",
  "directory-loop/kustomization.yaml": "resources:\n- loop\n",
  "directory-loop/loop": { link: "loop" },
};

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "kustomize-loading-"));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

function writeTree(directory: string): void {
  for (const [path, file] of Object.entries(TREE)) {
    mkdirSync(join(directory, path, ".."), { recursive: true });
    if (typeof file === "object" && "link" in file) symlinkSync(file.link, join(directory, path));
    else writeFileSync(join(directory, path), file);
  }
}

const systems: Record<string, () => Promise<{ fileSystem: FileSystem; at: string }>> = {
  memory: async () => Promise.resolve({ fileSystem: memoryFileSystem(TREE), at: "" }),
  disk: async () => {
    writeTree(root);
    return Promise.resolve({ fileSystem: diskFileSystem(), at: root });
  },
  "a git tree": async () => {
    writeTree(root);
    const git = (...args: string[]) =>
      execFileSync("git", ["-C", root, "-c", "user.name=t", "-c", "user.email=t@example.com", ...args]);
    git("init", "-q");
    git("add", "-A");
    git("commit", "-q", "-m", "all");
    return {
      fileSystem: await gitTreeFileSystem({ repository: join(root, ".git"), commit: "HEAD" }),
      at: "",
    };
  },
};

describe.each(Object.keys(systems))("loading from %s", (name) => {
  const open = async () => {
    const system = systems[name];
    if (system === undefined) throw new Error(name);
    return system();
  };

  it("builds bases and follows links within the root", async () => {
    const { fileSystem, at } = await open();
    expect(toYaml(build(fileSystem, `${at}/overlay`).resources)).toBe(
      CONFIG_MAP.replace("name: a", "name: p-a"),
    );
    expect(toYaml(build(fileSystem, `${at}/linked`).resources)).toBe(CONFIG_MAP);
  });

  it("refuses what kustomize refuses, by name", async () => {
    const { fileSystem, at } = await open();
    for (const [path, message] of [
      ["escaping", /security; file '.*\/escaping\/out.yaml' is not in or below '.*\/escaping'/],
      ["itself", /cycle detected: candidate root '.*\/itself' contains visited root '.*\/itself'/],
      ["one", /cycle detected: candidate root '.*\/one' contains visited root/],
      ["absolute", /new root '\/base' cannot be absolute/],
      ["parent", /cycle detected/],
      ["remote", /remote resource 'https:\/\/example.com\/x.yaml' is not fetched/],
      ["remote-base", /remote base 'github.com\/o\/r\/\/path\?ref=v1' is not fetched/],
      ["helm", /field 'helmCharts' .* is not supported/],
      ["plugin", /field 'transformers': x\/v1 Exec 't' is an external plugin/],
      ["two-files", /Found multiple kustomization files under: .*\/two-files/],
      ["unknown", /invalid Kustomization: json: unknown field "resorces"/],
      ["binary", /file 'b.yaml' is not UTF-8 text/],
      [
        "malformed",
        /accumulating resources from 'm.yaml': MalformedYAMLError: yaml: line .* in File: m.yaml/,
      ],
      ["no-kind", /accumulating resources from 'n.yaml': missing kind in object/],
      ["directory-loop", /loop/],
      ["nothing-here", /nothing-here/],
    ] as const) {
      expect(() => build(fileSystem, `${at}/${path}`), path).toThrow(message);
    }
  });
});

it("says which commit a git tree does not have", async () => {
  execFileSync("git", ["init", "-q", root]);
  await expect(gitTreeFileSystem({ repository: root, commit: "nope" })).rejects.toThrow(
    /git ls-tree .* failed: .*nope/,
  );
  await expect(gitTreeFileSystem({ repository: root, commit: "--output=x" })).rejects.toThrow(
    "is not a commit",
  );
});
