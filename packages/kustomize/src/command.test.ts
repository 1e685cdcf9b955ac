import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runKustomizeCommand } from "./command.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "kustomize-command-"));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

async function run(...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  let stdout = "";
  let stderr = "";
  const code = await runKustomizeCommand(argv, {
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    cwd: root,
  });
  return { code, stdout, stderr };
}

function write(path: string, text: string): void {
  mkdirSync(join(root, path, ".."), { recursive: true });
  writeFileSync(join(root, path), text);
}

const CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n";
const NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: n\n";

describe("kustomize build", () => {
  beforeEach(() => {
    write("app/kustomization.yaml", "resources:\n- cm.yaml\n- ns.yaml\ncommonLabels:\n  x: v\n");
    write("app/cm.yaml", CONFIG_MAP);
    write("app/ns.yaml", NAMESPACE);
  });

  it("prints the manifests in legacy order and warnings on stderr", async () => {
    expect(await run("build", "app")).toEqual({
      code: 0,
      stdout: `apiVersion: v1
kind: Namespace
metadata:
  labels:
    x: v
  name: "n"
---
apiVersion: v1
kind: ConfigMap
metadata:
  labels:
    x: v
  name: a
`,
      stderr:
        "# Warning: 'commonLabels' is deprecated. Please use 'labels' instead. " +
        "Run 'kustomize edit fix' to update your Kustomization automatically.\n",
    });
  });

  it("--reorder none, --enable-managedby-label and -o", async () => {
    expect(
      (await run("build", "app", "--reorder", "none", "--enable-managedby-label", "-o", "out.yaml")).stdout,
    ).toBe("");
    expect(readFileSync(join(root, "out.yaml"), "utf8")).toBe(`apiVersion: v1
kind: ConfigMap
metadata:
  labels:
    app.kubernetes.io/managed-by: kustomize-v5.8.1
    x: v
  name: a
---
apiVersion: v1
kind: Namespace
metadata:
  labels:
    app.kubernetes.io/managed-by: kustomize-v5.8.1
    x: v
  name: "n"
`);
  });

  it("--load-restrictor LoadRestrictionsNone lets a file be outside", async () => {
    write("k/kustomization.yaml", "resources:\n- ../app/cm.yaml\n");
    expect(await run("build", "k")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("security; file"),
    });
    expect(await run("build", "k", "--load-restrictor", "LoadRestrictionsNone")).toMatchObject({
      code: 0,
      stdout: CONFIG_MAP,
    });
  });

  it.each([
    [["build", "app", "--reorder", "foo"], "illegal flag value --reorder foo; legal values: legacy, none"],
    [["build", "app", "--nope"], "--nope"],
    [["build", "a", "b"], "specify one path"],
    [["build", "app", "--enable-helm"], "Helm"],
    [["render"], "unknown command 'render'"],
    [[], "no command"],
    [["edit", "set", "image"], "no image"],
    [["edit", "set", "image", "x"], "invalid format of image 'x'"],
  ])("wrong usage: %j", async (argv, message) => {
    expect(await run(...argv)).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringContaining(message),
    });
  });

  it("says what is missing", async () => {
    expect(await run("build", "nope")).toMatchObject({ code: 1, stderr: expect.stringContaining("nope") });
    mkdirSync(join(root, "empty"));
    expect((await run("build", "empty")).stderr).toBe(
      `Error: unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory '${join(root, "empty")}'\n`,
    );
  });
});

describe("kustomize edit set image", () => {
  it("edits the file in place", async () => {
    write("kustomization.yaml", "# keep\nresources: []\n");
    expect(await run("edit", "set", "image", "model=reg:5000/bike:v2", "base@sha256:abc")).toMatchObject({
      code: 0,
    });
    expect(readFileSync(join(root, "kustomization.yaml"), "utf8")).toBe(`# keep
resources: []
images:
  - name: model
    newName: reg:5000/bike
    newTag: v2
  - name: base
    digest: sha256:abc
`);
  });

  it("needs a kustomization", async () => {
    expect((await run("edit", "set", "image", "a=b:c")).stderr).toContain("Missing kustomization file");
  });
});
