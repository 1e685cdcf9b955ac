import { Readable } from "node:stream";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ConfigMap, Deployment, Pod, routeCustomResourceDefinitions } from "@ai-edge/api";
import type { ApiServerOptions } from "@ai-edge/apiserver";
import {
  type TemporaryDirectory,
  type TestApiServer,
  startTestApiServer,
  temporaryDirectory,
} from "@ai-edge/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runKubectlCommand } from "./index.ts";

let api: TestApiServer;
let directory: TemporaryDirectory;
beforeAll(async () => {
  const podLogs: ApiServerOptions["podLogs"] = async ({ name, container, options }) =>
    Readable.from([Buffer.from(`${name} ${container ?? "-"} ${options.tailLines ?? "all"}\n`)]);
  [api, directory] = await Promise.all([startTestApiServer({ podLogs }), temporaryDirectory()]);
});
afterAll(async () => {
  await api.close();
  await directory.remove();
});

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

async function run(
  command: string | string[],
  options: { stdin?: string; signal?: AbortSignal } = {},
): Promise<Outcome> {
  const outcome = { code: 0, stdout: "", stderr: "" };
  outcome.code = await runKubectlCommand(typeof command === "string" ? command.split(" ") : command, {
    stdin: Readable.from(options.stdin === undefined ? [] : [options.stdin]),
    stdout: { write: (text) => (outcome.stdout += String(text)) },
    stderr: { write: (text) => (outcome.stderr += text) },
    env: { KUBECONFIG: api.kubeconfigPath },
    cwd: directory.path,
    signal: options.signal ?? new AbortController().signal,
  });
  return outcome;
}

const ok = (stdout: string): Outcome => ({ code: 0, stdout, stderr: "" });
const configMap = (name: string, data: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}, labels: {app: x}}\ndata: {a: "${data}"}\n`;

describe("apply", () => {
  it("says what became of each object", async () => {
    await writeFile(
      join(directory.path, "two.yaml"),
      `${configMap("one", "1")}---\n${configMap("two", "1")}`,
    );
    expect(await run("apply -f two.yaml")).toEqual(ok("configmap/one created\nconfigmap/two created\n"));
    await writeFile(
      join(directory.path, "two.yaml"),
      `${configMap("one", "1")}---\n${configMap("two", "2")}`,
    );
    expect(await run("apply -f two.yaml")).toEqual(ok("configmap/one unchanged\nconfigmap/two configured\n"));
    const { data } = await api.client.get(ConfigMap, { namespace: "default", name: "two" });
    expect(data).toEqual({ a: "2" });
  });

  it("renders kustomizations, and waits for kinds that it has just defined", async () => {
    await mkdir(join(directory.path, "kustomization"));
    const files: Record<string, string> = {
      "kustomization.yaml": "resources: [crd.yaml, route.yaml]\nnamePrefix: my-\n",
      "crd.yaml": JSON.stringify(routeCustomResourceDefinitions[0]),
      "route.yaml":
        "apiVersion: route.openshift.io/v1\nkind: Route\nmetadata: {name: web}\nspec: {to: {kind: Service, name: web}}\n",
    };
    for (const [name, text] of Object.entries(files))
      await writeFile(join(directory.path, "kustomization", name), text);
    expect(await run("apply -k kustomization")).toEqual(
      ok(
        "customresourcedefinition.apiextensions.k8s.io/routes.route.openshift.io created\nroute.route.openshift.io/my-web created\n",
      ),
    );
    expect(await run("get routes")).toEqual(
      ok(
        "NAME     HOST/PORT   PATH   SERVICES   PORT   TERMINATION   WILDCARD\nmy-web                      web                             None\n",
      ),
    );
  });

  it.each([
    ["two sources", "apply", "", 2, "error: give either -f or -k"],
    ["no file", "apply -f missing.yaml", "", 1, "error: cannot read "],
    ["no YAML", "apply -f -", "a: [", 1, "error: stdin: not YAML"],
    [
      "no object",
      "apply -f -",
      "a: 1",
      1,
      "error: stdin, document 1: not an object with apiVersion and kind",
    ],
    [
      "no name",
      "apply -f -",
      "{apiVersion: v1, kind: ConfigMap}",
      1,
      "error: stdin, document 1: ConfigMap has no metadata.name",
    ],
    [
      "an unknown kind",
      "apply -f -",
      "{apiVersion: v1, kind: Foo, metadata: {name: a}}",
      1,
      'Error from server (NotFound): no matches for kind "Foo" in version "v1"',
    ],
  ])("explains %s", async (_, command, stdin, code, message) => {
    const outcome = await run(command, { stdin });
    expect(outcome).toMatchObject({ code, stdout: "" });
    expect(outcome.stderr).toContain(message);
  });
});

describe("get", () => {
  it("prints the server's tables, names, objects and paths in them", async () => {
    expect((await run("get cm one two")).stdout).toMatch(/^NAME .*AGE\none .*\d+s\ntwo .*\d+s\n$/);
    expect((await run("get configmaps -A -l app=x --no-headers")).stdout).toMatch(/^default +one .*\d+s\n/);
    expect(await run("get cm -l app=x -o name")).toEqual(ok("configmap/one\nconfigmap/two\n"));
    expect(await run("get cm/one -o jsonpath={.data.a}")).toEqual(ok("1"));
    expect(await run("get cm -l app=x -o jsonpath={.items[*].metadata.name}")).toEqual(ok("one two"));
    const object: unknown = JSON.parse((await run("get cm/one -o json")).stdout);
    expect(object).toMatchObject({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "one" },
      data: { a: "1" },
    });
    expect((await run("get cm/one -o yaml")).stdout).not.toContain("managedFields");
    expect((await run("get ns,cm -l app=x")).stdout).toMatch(/^NAME /);
    expect((await run("get cm,ns")).stdout).toMatch(/\n\nNAME .*\nnamespace\/default /);
  });

  it("finds resources that the preferred version of their group does not have", async () => {
    const names = (kind: string) => ({ kind, plural: `${kind.toLowerCase()}s` });
    const resource = (kind: string, version: string) =>
      JSON.stringify({
        apiVersion: "apiextensions.k8s.io/v1",
        kind: "CustomResourceDefinition",
        metadata: { name: `${names(kind).plural}.sets.example.com` },
        spec: {
          group: "sets.example.com",
          scope: "Namespaced",
          names: names(kind),
          versions: [
            { name: version, served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } },
          ],
        },
      });
    const stdin = [resource("Stable", "v1"), resource("Early", "v1beta1")].join("\n---\n");
    expect(await run("apply -f -", { stdin })).toMatchObject({ code: 0 });
    await expect
      .poll(() => run("get stables,earlys"))
      .toEqual({ code: 0, stdout: "", stderr: "No resources found in default namespace.\n" });
  });

  it.each([
    ["get secrets -n kube-public", 0, "No resources found in kube-public namespace.\n"],
    ["get gizmos", 1, 'error: the server doesn\'t have a resource type "gizmos"\n'],
    ["get cm nope", 1, 'Error from server (NotFound): configmaps "nope" not found\n'],
    [
      "get",
      2,
      "error: give a resource type, and names if you mean some only\n(ai-edge get --help shows the usage)\n",
    ],
    [
      "get cm -o foo",
      2,
      "error: -o foo is not one of wide, name, json, yaml, jsonpath=TEMPLATE\n(ai-edge get --help shows the usage)\n",
    ],
    ["get cm --foo", 2, "error: Unknown option '--foo'\n(ai-edge get --help shows the usage)\n"],
    ["fly", 2, 'error: unknown command "fly"; there are apply, get, logs, wait, delete\n'],
    ["get cm --kubeconfig nowhere", 1, expect.stringMatching(/^error: cannot read kubeconfig .*nowhere/)],
  ])("%s: exit %i", async (command, code, stderr) => {
    expect(await run(command)).toEqual({ code, stdout: "", stderr });
  });

  it("watches", async () => {
    const stop = new AbortController();
    let stdout = "";
    const watching = runKubectlCommand(["get", "cm", "-l", "app=watched", "-w"], {
      stdin: Readable.from([]),
      stdout: { write: (text) => (stdout += String(text)) },
      stderr: { write: () => {} },
      env: { KUBECONFIG: api.kubeconfigPath },
      cwd: directory.path,
      signal: stop.signal,
    });
    const metadata = { namespace: "default", name: "watched", labels: { app: "watched" } };
    await expect.poll(() => stdout).toMatch(/^NAME/);
    await api.client.create(ConfigMap, { metadata });
    await expect.poll(() => stdout).toMatch(/\nwatched .*\d+s\n$/);
    stop.abort();
    await watching;
  });
});

describe("wait", () => {
  const key = { namespace: "default", name: "web" };
  it("returns when the condition is met, and fails in time when it is not", async () => {
    const template = {
      metadata: { labels: { app: "w" } },
      spec: { containers: [{ name: "c", image: "i" }] },
    };
    await api.client.create(Deployment, {
      metadata: key,
      spec: { replicas: 0, selector: { matchLabels: { app: "w" } }, template },
    });
    expect(await run("wait deploy/web --for condition=Available --timeout 50ms")).toEqual({
      code: 1,
      stdout: "",
      stderr: "error: timed out waiting for the condition on deployments.apps/web\n",
    });
    const waiting = run("wait deploy web --for=condition=Available --timeout=10s");
    const status = { replicas: 7, conditions: [{ type: "Available", status: "True" }] };
    await api.client.patch(Deployment, key, { type: "merge", body: { status } }, { subresource: "status" });
    expect(await waiting).toEqual(ok("deployment.apps/web condition met\n"));
    expect(await run("wait deploy/web --for=jsonpath={.status.replicas}=7")).toEqual(
      ok("deployment.apps/web condition met\n"),
    );
    expect(
      await run('wait deploy/web --for=jsonpath={.status.conditions[?(@.type=="Available")].status}=True'),
    ).toEqual(ok("deployment.apps/web condition met\n"));
    const deletion = run("wait deploy/web --for delete --timeout 10s");
    expect(await run("delete deploy web")).toEqual(ok('deployment.apps "web" deleted\n'));
    expect(await deletion).toEqual(ok("deployment.apps/web deleted\n"));
  });

  it.each([
    ["wait cm/nope --for condition=x", 1, 'Error from server (NotFound): configmaps "nope" not found\n'],
    ["wait cm/one", 2, expect.stringContaining("--for is missing")],
    ["wait cm/one --for rain", 2, expect.stringContaining("--for rain is none of")],
    ["wait cm/one --for delete --timeout soon", 2, expect.stringContaining('"soon" is not a duration')],
  ])("%s", async (command, code, stderr) => {
    expect(await run(command)).toEqual({ code, stdout: "", stderr });
  });
});

describe("delete", () => {
  it("deletes what manifests, names and selectors name", async () => {
    expect(await run("delete -f two.yaml")).toEqual(ok('configmap "one" deleted\nconfigmap "two" deleted\n'));
    expect(await run("delete -f two.yaml --ignore-not-found")).toEqual({
      code: 0,
      stdout: "",
      stderr: "",
    });
    expect((await run("delete -f two.yaml")).stderr).toBe(
      'Error from server (NotFound): configmaps "one" not found\n',
    );
    await run("apply -f two.yaml");
    expect(await run("delete cm -l app=x --wait=false")).toEqual(
      ok('configmap "one" deleted\nconfigmap "two" deleted\n'),
    );
    expect((await run("delete cm")).code).toBe(2);
  });
});

describe("logs", () => {
  it("prints the log of a pod, or of a pod of a workload", async () => {
    const labels = { app: "logged" };
    const spec = { containers: [{ name: "c", image: "i" }] };
    await api.client.create(Pod, { metadata: { namespace: "default", name: "logged", labels }, spec });
    await api.client.create(Deployment, {
      metadata: { namespace: "default", name: "logged" },
      spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
    });
    expect(await run("logs logged --tail 3")).toEqual(ok("logged - 3\n"));
    expect(await run("logs deploy/logged -f -c c")).toEqual(ok("logged c all\n"));
    await run("delete deploy/logged pod/logged --force");
  });

  it("says which pod it cannot find", async () => {
    expect(await run("logs nope")).toMatchObject({ code: 1, stdout: "" });
    expect((await run("logs deploy/nope")).stderr).toBe(
      'Error from server (NotFound): deployments.apps "nope" not found\n',
    );
    expect((await run("logs")).code).toBe(2);
  });
});
