import { type UnstructuredObject, resourceType } from "@ai-edge/apimachinery";
import {
  AppliedManifestWork,
  ConfigMap,
  Deployment,
  ManagedCluster,
  ManifestWork,
  type ManifestWorkSpec,
  Namespace,
  Secret,
} from "@ai-edge/api";
import { installCustomResourceDefinitions } from "@ai-edge/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../../testdata/clusters.ts";
import {
  APPLIED,
  CLUSTER,
  type WorkBench,
  configMap,
  isThere,
  startWorkBench,
} from "../../testdata/work-bench.ts";
import { hubHashOf } from "./applied-work.ts";

const Widget = resourceType<UnstructuredObject>("example.com/v1", "Widget", "widgets", { namespaced: true });

function namespaceManifest(name: string): UnstructuredObject {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name } };
}

let bench: WorkBench;

beforeAll(async () => {
  bench = await startWorkBench();
});
afterAll(() => bench?.close());

describe("work agent", () => {
  it("applies manifests in order, owns them, and reports upstream's conditions", async () => {
    const created = await bench.createWork("first", [
      configMap("one", "settings", { a: "1" }),
      namespaceManifest("one"),
    ]);
    await eventually(() => bench.conditions("first")).toEqual(APPLIED);
    const { status, metadata: workMetadata } = await bench.work("first");
    expect(workMetadata.finalizers).toEqual(["cluster.open-cluster-management.io/manifest-work-cleanup"]);
    expect(status?.conditions?.[0]?.observedGeneration).toBe(created.metadata.generation);
    expect(status?.resourceStatus?.manifests).toMatchObject([
      {
        resourceMeta: {
          ordinal: 0,
          group: "",
          version: "v1",
          kind: "ConfigMap",
          resource: "configmaps",
          name: "settings",
          namespace: "one",
        },
        conditions: [
          { type: "Applied", status: "True", reason: "AppliedManifestComplete" },
          { type: "Available", status: "True", reason: "ResourceAvailable" },
        ],
      },
      { resourceMeta: { ordinal: 1, kind: "Namespace", resource: "namespaces", name: "one", namespace: "" } },
    ]);
    const own = await bench.edge.client.get(ConfigMap, { namespace: "one", name: "settings" });
    expect(own.metadata.ownerReferences).toMatchObject([{ kind: "AppliedManifestWork" }]);
    const {
      metadata: { uid },
    } = await bench.hub.client.get(ManagedCluster, { name: CLUSTER });
    const name = `${hubHashOf(uid ?? "")}-first`;
    await eventually(async () =>
      (await bench.edge.client.get(AppliedManifestWork, { name })).status?.appliedResources?.map(
        (one) => one.resource,
      ),
    ).toEqual(["namespaces", "configmaps"]);
  });

  it("updates, mends what changed at the cluster, and removes what left the work", async () => {
    const two = namespaceManifest("two");
    await bench.createWork("second", [
      two,
      configMap("two", "kept", { a: "1" }),
      configMap("two", "dropped"),
    ]);
    await eventually(() => bench.conditions("second")).toEqual(APPLIED);
    const key = { namespace: "two", name: "kept" };
    await bench.edge.client.patch(ConfigMap, key, {
      type: "merge",
      body: { data: { a: "changed", own: "stays" } },
    });
    await eventually(async () => (await bench.edge.client.get(ConfigMap, key)).data).toEqual({
      a: "1",
      own: "stays",
    });
    await bench.edge.client.delete(ConfigMap, key);
    await eventually(() => isThere(bench.edge.client.get(ConfigMap, key))).toBe(true);
    await bench.patchWork("second", {
      spec: { workload: { manifests: [two, configMap("two", "kept", { a: "2" })] } },
    });
    await eventually(() =>
      isThere(bench.edge.client.get(ConfigMap, { namespace: "two", name: "dropped" })),
    ).toBe(false);
    expect((await bench.edge.client.get(ConfigMap, key)).data).toEqual({ a: "2" });
  });

  it("deletes with the work what it applied, except what it orphans", async () => {
    await bench.createWork("third", [namespaceManifest("three"), configMap("three", "gone")], {
      deleteOption: {
        propagationPolicy: "SelectivelyOrphan",
        selectivelyOrphans: { orphaningRules: [{ resource: "namespaces", name: "three" }] },
      },
    });
    await eventually(() => bench.conditions("third")).toEqual(APPLIED);
    await bench.hub.client.delete(ManifestWork, { namespace: CLUSTER, name: "third" });
    await eventually(() => isThere(bench.work("third"))).toBe(false);
    expect(await isThere(bench.edge.client.get(ConfigMap, { namespace: "three", name: "gone" }))).toBe(false);
    expect(await isThere(bench.edge.client.get(Namespace, { name: "three" }))).toBe(true);
    const names = (await bench.edge.client.list(AppliedManifestWork)).items.map(
      ({ spec }) => spec.manifestWorkName,
    );
    expect(names).not.toContain("third");
  });

  it("sends status values within a second of the change", async () => {
    const deployment = {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { namespace: "default", name: "web" },
      spec: {
        selector: { matchLabels: { app: "web" } },
        template: { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "c", image: "i" }] } },
      },
    };
    await bench.createWork("status", [deployment], {
      manifestConfigs: [
        {
          resourceIdentifier: { group: "apps", resource: "deployments", namespace: "default", name: "web" },
          feedbackRules: [
            { type: "WellKnownStatus" },
            {
              type: "JSONPaths",
              jsonPaths: [
                { name: "ok", path: `.status.conditions[?(@.type=="Available")].status` },
                { name: "all", path: ".status.conditions" },
              ],
            },
          ],
        },
      ],
    });
    await eventually(() => bench.conditions("status")).toEqual(APPLIED);
    const feedback = async (): Promise<unknown> =>
      (await bench.work("status")).status?.resourceStatus?.manifests?.[0]?.statusFeedback?.values?.map(
        ({ name, fieldValue }) => [name, fieldValue.integer ?? fieldValue.string ?? fieldValue.jsonRaw],
      );
    const latencies: number[] = [];
    for (let replicas = 1; replicas <= 5; replicas += 1) {
      const available = [{ type: "Available", status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" }];
      const body = { status: { replicas, readyReplicas: replicas, conditions: available } };
      const start = performance.now();
      await bench.edge.client.patch(
        Deployment,
        { namespace: "default", name: "web" },
        { type: "merge", body },
        { subresource: "status" },
      );
      await eventually(feedback, { interval: 5 }).toEqual([
        ["ReadyReplicas", replicas],
        ["Replicas", replicas],
        ["ok", "True"],
        ["all", JSON.stringify(available)],
      ]);
      latencies.push(Math.round(performance.now() - start));
    }
    expect(Math.max(...latencies), `milliseconds: ${latencies.join(", ")}`).toBeLessThan(1000);
  });

  it("says which manifest failed and why, applies the others, and tries again", async () => {
    await bench.createWork("broken", [
      { apiVersion: "example.com/v1", kind: "Widget", metadata: { namespace: "default", name: "w" } },
      configMap("default", "works"),
    ]);
    await eventually(() => bench.conditions("broken")).toMatchObject({
      Applied: "AppliedManifestWorkFailed",
      Available: "ResourcesNotAvailable",
    });
    expect((await bench.work("broken")).status?.conditions?.[0]?.message).toMatch(
      /Widget default\/w: NotFound: .*Widget/,
    );
    expect(await isThere(bench.edge.client.get(ConfigMap, { namespace: "default", name: "works" }))).toBe(
      true,
    );

    await installCustomResourceDefinitions(bench.edge.client, [
      {
        apiVersion: "apiextensions.k8s.io/v1",
        kind: "CustomResourceDefinition",
        metadata: { name: "widgets.example.com" },
        spec: {
          group: "example.com",
          names: { kind: "Widget", plural: "widgets", singular: "widget", listKind: "WidgetList" },
          scope: "Namespaced",
          versions: [
            {
              name: "v1",
              served: true,
              storage: true,
              schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
            },
          ],
        },
      },
    ]);
    await eventually(() => bench.conditions("broken")).toEqual(APPLIED);
    expect(await isThere(bench.edge.client.get(Widget, { namespace: "default", name: "w" }))).toBe(true);
  }, 30_000);

  it("follows the update strategies", async () => {
    await bench.edge.client.create(ConfigMap, {
      metadata: { namespace: "default", name: "theirs" },
      data: { a: "theirs" },
    });
    const config = (name: string, updateStrategy: object): object => ({
      resourceIdentifier: { resource: "configmaps", namespace: "default", name },
      updateStrategy,
    });
    const names = ["theirs", "mine", "read"];
    await bench.hub.client.create(ManifestWork, {
      metadata: { namespace: CLUSTER, name: "strategies" },
      spec: { workload: { manifests: names.map((name) => configMap("default", name, { a: "wanted" })) } },
    });
    await eventually(() => bench.conditions("strategies")).toEqual(APPLIED);
    expect((await bench.edge.client.get(ConfigMap, { namespace: "default", name: "theirs" })).data).toEqual({
      a: "wanted",
    });
    const manifests = names.map((name) => configMap("default", name, { a: "newer" }));
    const manifestConfigs = [
      config("mine", { type: "CreateOnly" }),
      config("read", { type: "ReadOnly" }),
      config("theirs", { type: "ServerSideApply", serverSideApply: { fieldManager: "work-agent-other" } }),
    ];
    await bench.patchWork("strategies", { spec: { workload: { manifests }, manifestConfigs } });
    await eventually(() => bench.conditions("strategies")).toMatchObject({
      Applied: "AppliedManifestWorkFailed",
    });
    // Without force the fields of another manager are a conflict that names it.
    expect((await bench.work("strategies")).status?.conditions?.[0]?.message).toMatch(
      /ConfigMap default\/theirs: Conflict: .*work-agent/,
    );
    for (const name of names) {
      expect((await bench.edge.client.get(ConfigMap, { namespace: "default", name })).data).toEqual({
        a: "wanted",
      });
    }
  });

  it("leaves to the cluster what it changed in ignored fields", async () => {
    const manifest = (value: string): UnstructuredObject => ({
      ...configMap("default", "consumed", { operation: "sync", value }),
      metadata: { namespace: "default", name: "consumed", annotations: { refresh: "normal" } },
    });
    const manifestConfigs: ManifestWorkSpec["manifestConfigs"] = [
      {
        resourceIdentifier: { resource: "configmaps", namespace: "default", name: "consumed" },
        updateStrategy: {
          type: "ServerSideApply",
          serverSideApply: {
            force: true,
            ignoreFields: [
              {
                condition: "OnSpokeChange",
                jsonPaths: [".data.operation"],
                jsonPointers: ["/metadata/annotations/refresh"],
              },
            ],
          },
        },
      },
    ];
    await bench.createWork("ignored", [manifest("1")], { manifestConfigs });
    await eventually(() => bench.conditions("ignored")).toEqual(APPLIED);
    const key = { namespace: "default", name: "consumed" };
    const body = {
      metadata: { annotations: { refresh: null } },
      data: { operation: null, value: "drifted" },
    };
    await bench.edge.client.patch(ConfigMap, key, { type: "merge", body });
    await eventually(async () => (await bench.edge.client.get(ConfigMap, key)).data).toEqual({ value: "1" });
    expect((await bench.edge.client.get(ConfigMap, key)).metadata.annotations?.["refresh"]).toBeUndefined();
    await bench.patchWork("ignored", { spec: { workload: { manifests: [manifest("2")] } } });
    await eventually(async () => (await bench.edge.client.get(ConfigMap, key)).data).toEqual({
      operation: "sync",
      value: "2",
    });
    expect((await bench.edge.client.get(ConfigMap, key)).metadata.annotations?.["refresh"]).toBe("normal");
  });

  it("takes stringData as data", async () => {
    const secret = {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { namespace: "default", name: "s" },
      stringData: { a: "b" },
    };
    await bench.createWork("secret", [secret]);
    await eventually(() => bench.conditions("secret")).toEqual(APPLIED);
    expect((await bench.edge.client.get(Secret, { namespace: "default", name: "s" })).data).toEqual({
      a: "Yg==",
    });
  });
});
