import { ConfigMap, Deployment, Pod, Secret, Service } from "@ai-edge/api";
import { type Status, StatusError, type UnstructuredObject } from "@ai-edge/apimachinery";
import type { Client } from "@ai-edge/client";
import { type TestApiServer, startTestApiServer } from "@ai-edge/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

let api: TestApiServer;
let client: Client;
beforeAll(async () => {
  api = await startTestApiServer();
  ({ client } = api);
});
afterAll(() => api.close());

const BASE = "/api/v1/namespaces/default/configmaps";

/** The Status of a request that must fail. */
async function failure(
  method: string,
  path: string,
  body?: string | Uint8Array,
  contentType = "application/json",
): Promise<Status> {
  try {
    await client.request(method, path, {
      ...(body === undefined ? {} : { body }),
      headers: { "content-type": contentType },
    });
  } catch (error) {
    if (error instanceof StatusError) return error.status;
    throw error;
  }
  throw new Error(`${method} ${path} did not fail`);
}

const deployment = (name: string): UnstructuredObject => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name, namespace: "default" },
  spec: {
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: "c", image: "i" }] } },
  },
});

describe("errors, in upstream's words", () => {
  const object = (fields: object): string =>
    JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", ...fields });
  it.each<[string, string, string, string | undefined, number, string | RegExp]>([
    ["a missing object", "GET", `${BASE}/x`, undefined, 404, 'configmaps "x" not found'],
    [
      "a missing object of a group",
      "GET",
      "/apis/apps/v1/namespaces/default/deployments/x",
      undefined,
      404,
      'deployments.apps "x" not found',
    ],
    [
      "an unknown resource",
      "GET",
      "/apis/nope/v1/things",
      undefined,
      404,
      "the server could not find the requested resource",
    ],
    [
      "an unknown subresource",
      "GET",
      `${BASE}/x/status`,
      undefined,
      404,
      "the server could not find the requested resource",
    ],
    [
      "a missing namespace",
      "POST",
      "/api/v1/namespaces/nope/configmaps",
      object({ metadata: { name: "x" } }),
      404,
      'namespaces "nope" not found',
    ],
    [
      "no name",
      "POST",
      BASE,
      object({ metadata: {} }),
      422,
      'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
    ],
    [
      "a bad name",
      "POST",
      BASE,
      object({ metadata: { name: "A_b" } }),
      422,
      /ConfigMap "A_b" is invalid: metadata.name: Invalid value: "A_b": a lowercase RFC 1123 subdomain/,
    ],
    [
      "a bad label",
      "POST",
      BASE,
      object({ metadata: { name: "x", labels: { "a b": "c" } } }),
      422,
      /metadata.labels: Invalid value: "a b"/,
    ],
    [
      "another kind",
      "POST",
      BASE,
      JSON.stringify({ apiVersion: "v1", kind: "Secret", metadata: { name: "x" } }),
      400,
      "the kind in the data (Secret) does not match the expected kind (ConfigMap)",
    ],
    [
      "another namespace",
      "POST",
      BASE,
      object({ metadata: { name: "x", namespace: "other" } }),
      400,
      "the namespace of the provided object does not match the namespace sent on the request",
    ],
    [
      "a resourceVersion on create",
      "POST",
      BASE,
      object({ metadata: { name: "x", resourceVersion: "1" } }),
      400,
      "resourceVersion should not be set on objects to be created",
    ],
    [
      "a wrong type",
      "POST",
      BASE,
      object({ metadata: { name: "x" }, data: { a: 1 } }),
      400,
      /ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap.data.a of type string/,
    ],
    [
      "an unknown field, strictly",
      "POST",
      `${BASE}?fieldValidation=Strict`,
      object({ metadata: { name: "x" }, dta: {} }),
      400,
      /strict decoding error: unknown field "dta"/,
    ],
    ["no JSON", "POST", BASE, "{", 400, /error decoding the body of the request/],
    ["a list for an object", "POST", BASE, "[]", 400, "the body of the request is not a JSON object"],
    ["an empty body", "POST", BASE, "", 400, "the body of the request is empty"],
    [
      "labels that are no strings",
      "POST",
      BASE,
      object({ metadata: { name: "x", labels: { a: 1 } } }),
      400,
      "the request's metadata.labels must be an object of strings",
    ],
    ["a bad selector", "GET", `${BASE}?labelSelector=a%20in`, undefined, 400, /./],
    [
      "a field that cannot be selected",
      "GET",
      `${BASE}?fieldSelector=data.a%3Db`,
      undefined,
      400,
      /field label not supported: data.a/,
    ],
    [
      "a resourceVersion that is no number",
      "GET",
      `${BASE}?resourceVersion=x`,
      undefined,
      400,
      /resourceVersion: Invalid value: "x"/,
    ],
    [
      "a resourceVersion of the future",
      "GET",
      `${BASE}?resourceVersion=999999999`,
      undefined,
      504,
      /Too large resource version: 999999999/,
    ],
    [
      "a made-up continue token",
      "GET",
      `${BASE}?limit=1&continue=abc`,
      undefined,
      400,
      /continue key is not valid/,
    ],
    [
      "dryRun other than All",
      "POST",
      `${BASE}?dryRun=Some`,
      object({ metadata: { name: "x" } }),
      422,
      /dryRun: Unsupported value/,
    ],
    [
      "a protected namespace",
      "DELETE",
      "/api/v1/namespaces/default",
      undefined,
      403,
      'namespaces "default" is forbidden: this namespace may not be deleted',
    ],
    [
      "pods/exec",
      "POST",
      "/api/v1/namespaces/default/pods/x/exec",
      undefined,
      503,
      /pods\/exec is not supported by the embedded API server/,
    ],
  ])("%s", async (_what, method, path, body, code, message) => {
    const status = await failure(method, path, body);
    expect([status.kind, status.code]).toEqual(["Status", code]);
    if (typeof message === "string") expect(status.message).toBe(message);
    else expect(status.message).toMatch(message);
  });

  it.each<[string, string | Uint8Array, string, number, RegExp]>([
    ["not UTF-8", new Uint8Array([0x7b, 0xff, 0xfe]), "application/json", 400, /not valid UTF-8/],
    [
      "deep nesting",
      `${"[".repeat(100_000)}${"]".repeat(100_000)}`,
      "application/json",
      400,
      /nested deeper|decoding/,
    ],
    [
      "deep nesting of an object",
      `${'{"a":'.repeat(2000)}1${"}".repeat(2000)}`,
      "application/json",
      400,
      /nested deeper than 500/,
    ],
    [
      "more than 3 MiB",
      `{"a":"${"x".repeat(3 * 1024 * 1024)}"}`,
      "application/json",
      413,
      /limit on request body size is 3145728 bytes/,
    ],
    [
      "YAML aliases that explode",
      `a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [${"*a,".repeat(50)}]\nc: [${"*b,".repeat(50)}]`,
      "application/yaml",
      400,
      /alias/,
    ],
    ["an unknown media type", "x", "text/csv", 415, /unknown format/],
    [
      "protobuf that is none",
      new Uint8Array([1, 2, 3]),
      "application/vnd.kubernetes.protobuf",
      400,
      /not Kubernetes protobuf/,
    ],
    [
      "protobuf cut short",
      new Uint8Array([0x6b, 0x38, 0x73, 0, 0x12, 0x7f, 1]),
      "application/vnd.kubernetes.protobuf",
      400,
      /ends in the middle/,
    ],
  ])("a body with %s", async (_what, body, contentType, code, message) => {
    const status = await failure("POST", BASE, body, contentType);
    expect(status.code).toBe(code);
    expect(status.message).toMatch(message);
    expect(
      await client
        .get(ConfigMap, { namespace: "default", name: "alive" })
        .catch((error: StatusError) => error.reason),
    ).toBe("NotFound");
  });
});

describe("create, update, delete", () => {
  it("complete a Deployment as upstream does", async () => {
    const made = await client.create(Deployment, deployment("complete") as never);
    expect(made.metadata).toMatchObject({
      generation: 1,
      uid: expect.any(String),
      creationTimestamp: expect.stringMatching(/Z$/),
    });
    expect(made.spec).toEqual({
      replicas: 1,
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "25%", maxUnavailable: "25%" } },
      selector: { matchLabels: { app: "complete" } },
      template: {
        metadata: { labels: { app: "complete" } },
        spec: {
          restartPolicy: "Always",
          terminationGracePeriodSeconds: 30,
          dnsPolicy: "ClusterFirst",
          schedulerName: "default-scheduler",
          securityContext: {},
          containers: [
            {
              name: "c",
              image: "i",
              imagePullPolicy: "Always",
              resources: {},
              terminationMessagePath: "/dev/termination-log",
              terminationMessagePolicy: "File",
            },
          ],
        },
      },
    });
    expect(made.status).toEqual({});
  });

  it("count generations for the spec only, and keep the revision of a change that changes nothing", async () => {
    const key = { namespace: "default", name: "generations" };
    const made = await client.create(Deployment, deployment(key.name) as never);
    const same = await client.patch(Deployment, key, { type: "merge", body: { spec: { replicas: 1 } } });
    expect(same.metadata.resourceVersion).toBe(made.metadata.resourceVersion);
    const labelled = await client.patch(Deployment, key, {
      type: "merge",
      body: { metadata: { labels: { a: "b" } } },
    });
    expect(labelled.metadata.generation).toBe(1);
    const scaled = await client.patch(Deployment, key, {
      type: "merge",
      body: { spec: { replicas: 3 }, status: { replicas: 9 } },
    });
    expect([scaled.metadata.generation, scaled.status]).toEqual([2, {}]);
    const reported = await client.patch(
      Deployment,
      key,
      { type: "merge", body: { spec: { replicas: 7 }, status: { replicas: 3 } } },
      { subresource: "status" },
    );
    expect([reported.metadata.generation, reported.spec.replicas, reported.status]).toEqual([
      2,
      3,
      { replicas: 3 },
    ]);
  });

  it("lock optimistically", async () => {
    const made = await client.create(ConfigMap, {
      metadata: { name: "lock", namespace: "default" },
      data: { n: "0" },
    });
    await client.update(ConfigMap, { ...made, data: { n: "1" } });
    await expect(client.update(ConfigMap, { ...made, data: { n: "2" } })).rejects.toThrow(
      'Operation cannot be fulfilled on configmaps "lock": the object has been modified; please apply your changes to the latest version and try again',
    );
    await expect(
      client.create(ConfigMap, { metadata: { name: "lock", namespace: "default" } }),
    ).rejects.toThrow('configmaps "lock" already exists');
  });

  it("generate names, fold stringData and leave no trace of a dry run", async () => {
    const generated = await client.create(ConfigMap, {
      metadata: { name: "", generateName: "gen-", namespace: "default" },
    });
    expect(generated.metadata.name).toMatch(/^gen-[a-z0-9]{5}$/);
    const secret = await client.create(Secret, {
      metadata: { name: "s", namespace: "default" },
      stringData: { a: "b" },
    });
    expect([secret.data, secret.stringData, secret.type]).toEqual([{ a: "Yg==" }, undefined, "Opaque"]);
    const dry = await client.create(
      ConfigMap,
      { metadata: { name: "dry", namespace: "default" } },
      { dryRun: true },
    );
    expect(dry.metadata.uid).toBeDefined();
    await expect(client.get(ConfigMap, { namespace: "default", name: "dry" })).rejects.toThrow("not found");
  });

  it("delete a Pod in two phases once it has a node", async () => {
    const pod = (name: string) => ({
      metadata: { name, namespace: "default" },
      spec: { containers: [{ name: "c", image: "i" }] },
    });
    await client.create(Pod, pod("free"));
    await client.delete(Pod, { namespace: "default", name: "free" });
    await expect(client.get(Pod, { namespace: "default", name: "free" })).rejects.toThrow("not found");
    const bound = { namespace: "default", name: "bound" };
    await client.create(Pod, { ...pod("bound"), spec: { ...pod("bound").spec, nodeName: "n" } });
    await client.delete(Pod, bound);
    const dying = await client.get(Pod, bound);
    expect([dying.metadata.deletionGracePeriodSeconds, dying.metadata.deletionTimestamp]).toEqual([
      30,
      expect.any(String),
    ]);
    await client.delete(Pod, bound, { gracePeriodSeconds: 0 });
    await expect(client.get(Pod, bound)).rejects.toThrow("not found");
  });

  it("give every Service an address of its own, and keep it", async () => {
    const make = (name: string) =>
      client.create(Service, { metadata: { name, namespace: "default" }, spec: { ports: [{ port: 80 }] } });
    const [a, b] = await Promise.all([make("a"), make("b")]);
    expect(a.spec.clusterIP).toMatch(/^127\.250\.1/);
    expect(a.spec.clusterIP).not.toBe(b.spec.clusterIP);
    const { clusterIP: _, clusterIPs: __, ...spec } = a.spec;
    const updated = await client.update(Service, { ...a, spec });
    expect(updated.spec.clusterIP).toBe(a.spec.clusterIP);
    const headless = await client.create(Service, {
      metadata: { name: "h", namespace: "default" },
      spec: { clusterIP: "None", ports: [{ port: 80 }] },
    });
    expect(headless.spec.clusterIPs).toEqual(["None"]);
  });
});

describe("patches", () => {
  const key = { namespace: "default", name: "patched" };
  beforeAll(() => client.create(Deployment, deployment("patched") as never));

  it("merge lists by key, strategically", async () => {
    const patched = await client.patch(Deployment, key, {
      type: "strategic",
      body: {
        spec: {
          template: {
            spec: {
              containers: [
                { name: "c", env: [{ name: "A", value: "1" }] },
                { name: "d", image: "j" },
              ],
            },
          },
        },
      },
    });
    const containers = new Map(
      patched.spec.template.spec.containers.map((one) => [one.name, [one.image, one.env]]),
    );
    expect(containers).toEqual(
      new Map([
        ["c", ["i", [{ name: "A", value: "1" }]]],
        ["d", ["j", undefined]],
      ]),
    );
  });

  it("apply: fields that are no longer applied go, fields of others conflict", async () => {
    const apply = (data: Record<string, string>, fieldManager: string, force = false) =>
      client.apply(
        ConfigMap,
        { metadata: { name: "applied", namespace: "default" }, data },
        { fieldManager, force },
      );
    await apply({ a: "1", b: "1" }, "one");
    const second = await apply({ a: "1" }, "one");
    expect(second.data).toEqual({ a: "1" });
    await expect(apply({ a: "2" }, "two")).rejects.toThrow(/conflict with "one".*\.data\.a/s);
    const forced = await apply({ a: "2" }, "two", true);
    expect(forced.data).toEqual({ a: "2" });
    expect(forced.metadata.managedFields?.map((entry) => [entry.manager, entry.operation])).toEqual([
      ["two", "Apply"],
    ]);
  });

  it("are refused when they are not what they say", async () => {
    const path = `/apis/apps/v1/namespaces/default/deployments/patched`;
    expect(await failure("PATCH", path, "[]", "application/merge-patch+json")).toMatchObject({ code: 400 });
    expect(
      await failure(
        "PATCH",
        path,
        '[{"op":"test","path":"/spec/replicas","value":9}]',
        "application/json-patch+json",
      ),
    ).toMatchObject({ code: 422 });
    expect(await failure("PATCH", path, '{"metadata":null}', "application/merge-patch+json")).toMatchObject({
      code: 400,
    });
    expect(await failure("PATCH", path, "{}", "application/json")).toMatchObject({ code: 415 });
    expect(await failure("PATCH", path, "{}", "application/apply-patch+yaml")).toMatchObject({ code: 422 });
  });
});

describe("lists", () => {
  it("come in pages of one snapshot", async () => {
    await client.request("POST", "/api/v1/namespaces", {
      body: '{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"pages"}}',
    });
    const make = (name: string) => client.create(ConfigMap, { metadata: { name, namespace: "pages" } });
    for (const name of ["a", "b", "c", "d"]) await make(name);
    const first = await client.list(ConfigMap, { namespace: "pages", limit: 3 });
    expect([first.items.map((item) => item.metadata.name), first.metadata.remainingItemCount]).toEqual([
      ["a", "b", "c"],
      1,
    ]);
    await make("e");
    await client.delete(ConfigMap, { namespace: "pages", name: "d" });
    const second = await client.list(ConfigMap, {
      namespace: "pages",
      limit: 3,
      continue: first.metadata.continue,
    });
    expect([second.items.map((item) => item.metadata.name), second.metadata.resourceVersion]).toEqual([
      ["d"],
      first.metadata.resourceVersion,
    ]);
    const exact = await client.list(ConfigMap, {
      namespace: "pages",
      resourceVersion: first.metadata.resourceVersion,
      resourceVersionMatch: "Exact",
    });
    expect(exact.items.map((item) => item.metadata.name)).toEqual(["a", "b", "c", "d"]);
  });

  it("are Tables when asked", async () => {
    const response = await client.request(
      "GET",
      "/apis/apps/v1/namespaces/default/deployments?labelSelector=nope",
      {
        headers: { accept: "application/json;as=Table;v=v1;g=meta.k8s.io,application/json" },
      },
    );
    const table = JSON.parse(await response.text()) as {
      kind: string;
      columnDefinitions: { name: string }[];
      rows: unknown[];
    };
    expect([table.kind, table.columnDefinitions.map((column) => column.name), table.rows]).toEqual([
      "Table",
      ["Name", "Ready", "Up-to-date", "Available", "Age", "Containers", "Images", "Selector"],
      [],
    ]);
  });
});
