import { ConfigMap, Deployment, Pod, Secret, Service } from "@ai-edge/api";
import type { UnstructuredObject } from "@ai-edge/apimachinery";
import type { Client } from "@ai-edge/client";
import { type TestApiServer, startTestApiServer } from "@ai-edge/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { failedRequest } from "./testing/failed-request.ts";

let api: TestApiServer;
let client: Client;
beforeAll(async () => {
  api = await startTestApiServer();
  ({ client } = api);
});
afterAll(() => api.close());

const deployment = (name: string): UnstructuredObject => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name, namespace: "default" },
  spec: {
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: "c", image: "i" }] } },
  },
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
    expect(await failedRequest(client, "PATCH", path, "[]", "application/merge-patch+json")).toMatchObject({
      code: 400,
    });
    expect(
      await failedRequest(
        client,
        "PATCH",
        path,
        '[{"op":"test","path":"/spec/replicas","value":9}]',
        "application/json-patch+json",
      ),
    ).toMatchObject({ code: 422 });
    expect(
      await failedRequest(client, "PATCH", path, '{"metadata":null}', "application/merge-patch+json"),
    ).toMatchObject({
      code: 400,
    });
    expect(await failedRequest(client, "PATCH", path, "{}", "application/json")).toMatchObject({ code: 415 });
    expect(await failedRequest(client, "PATCH", path, "{}", "application/apply-patch+yaml")).toMatchObject({
      code: 422,
    });
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
