import { type UnstructuredObject, isStatus, resourceType } from "@ai-edge/apimachinery";
import {
  AppliedManifestWork,
  ConfigMap,
  Deployment,
  ManagedCluster,
  ManifestWork,
  type ManifestWorkSpec,
  Namespace,
  Secret,
  klusterletCustomResourceDefinitions,
  ocmCustomResourceDefinitions,
} from "@ai-edge/api";
import { createManager } from "@ai-edge/runtime";
import { type TestApiServer, installCustomResourceDefinitions, startTestApiServer } from "@ai-edge/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { silent, eventually } from "../../testdata/clusters.ts";
import { ANNOTATION_HELD, hubHashOf } from "./applied-work.ts";
import { ANNOTATION_ACCEPT_RESTORED, addWorkAgent } from "./agent.ts";

const CLUSTER = "edge-1";
const Widget = resourceType<UnstructuredObject>("example.com/v1", "Widget", "widgets", { namespaced: true });

let hub: TestApiServer;
let edge: TestApiServer;
let agent: { stop(): Promise<void> };

/** One process of the agent: its own caches, gone when it stops. */
function startAgent(): { stop(): Promise<void> } {
  const stop = new AbortController();
  const hubManager = createManager({ client: hub.client, logger: silent });
  const edgeManager = createManager({ client: edge.client, logger: silent });
  const clusters = hubManager.informer(ManagedCluster, { fieldSelector: `metadata.name=${CLUSTER}` });
  addWorkAgent({ cluster: CLUSTER, hub: hubManager, edge: edgeManager, clusters });
  const stopped = Promise.all([hubManager.start(stop.signal), edgeManager.start(stop.signal)]);
  return {
    stop: async () => {
      stop.abort();
      await stopped;
    },
  };
}

beforeAll(async () => {
  [hub, edge] = await Promise.all([
    startTestApiServer({ customResourceDefinitions: ocmCustomResourceDefinitions }),
    startTestApiServer({ customResourceDefinitions: klusterletCustomResourceDefinitions }),
  ]);
  await hub.client.create(Namespace, { metadata: { name: CLUSTER } });
  await hub.client.create(ManagedCluster, { metadata: { name: CLUSTER }, spec: { hubAcceptsClient: true } });
  agent = startAgent();
});
afterAll(async () => {
  await agent?.stop();
  await Promise.all([hub?.close(), edge?.close()]);
});

function configMap(namespace: string, name: string, data: Record<string, string> = {}): UnstructuredObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { namespace, name }, data };
}

function namespaceManifest(name: string): UnstructuredObject {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name } };
}

function createWork(
  name: string,
  manifests: UnstructuredObject[],
  more: Partial<ManifestWorkSpec> = {},
): Promise<ManifestWork> {
  return hub.client.create(ManifestWork, {
    metadata: { namespace: CLUSTER, name },
    spec: { workload: { manifests }, ...more },
  });
}

function patchWork(name: string, body: object): Promise<ManifestWork> {
  return hub.client.patch(ManifestWork, { namespace: CLUSTER, name }, { type: "merge", body });
}

async function work(name: string): Promise<ManifestWork> {
  return hub.client.get(ManifestWork, { namespace: CLUSTER, name });
}

async function conditions(name: string): Promise<Record<string, string | undefined>> {
  const { status } = await work(name);
  return Object.fromEntries(
    (status?.conditions ?? []).map((condition) => [condition.type, condition.reason]),
  );
}

async function isThere(get: Promise<unknown>): Promise<boolean> {
  try {
    await get;
    return true;
  } catch (error) {
    if (isStatus(error, "NotFound")) return false;
    throw error;
  }
}

const applied = { Applied: "AppliedManifestWorkComplete", Available: "ResourcesAvailable" };

describe("work agent", () => {
  it("applies manifests in order, owns them, and reports upstream's conditions", async () => {
    const created = await createWork("first", [
      configMap("one", "settings", { a: "1" }),
      namespaceManifest("one"),
    ]);
    await eventually(() => conditions("first")).toEqual(applied);
    const { status, metadata: workMetadata } = await work("first");
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
    const own = await edge.client.get(ConfigMap, { namespace: "one", name: "settings" });
    expect(own.metadata.ownerReferences).toMatchObject([{ kind: "AppliedManifestWork" }]);
    const {
      metadata: { uid },
    } = await hub.client.get(ManagedCluster, { name: CLUSTER });
    const name = `${hubHashOf(uid ?? "")}-first`;
    await eventually(async () =>
      (await edge.client.get(AppliedManifestWork, { name })).status?.appliedResources?.map(
        (one) => one.resource,
      ),
    ).toEqual(["namespaces", "configmaps"]);
  });

  it("updates, mends what changed at the cluster, and removes what left the work", async () => {
    const two = namespaceManifest("two");
    await createWork("second", [two, configMap("two", "kept", { a: "1" }), configMap("two", "dropped")]);
    await eventually(() => conditions("second")).toEqual(applied);
    const key = { namespace: "two", name: "kept" };
    await edge.client.patch(ConfigMap, key, {
      type: "merge",
      body: { data: { a: "changed", own: "stays" } },
    });
    await eventually(async () => (await edge.client.get(ConfigMap, key)).data).toEqual({
      a: "1",
      own: "stays",
    });
    await edge.client.delete(ConfigMap, key);
    await eventually(() => isThere(edge.client.get(ConfigMap, key))).toBe(true);
    await patchWork("second", {
      spec: { workload: { manifests: [two, configMap("two", "kept", { a: "2" })] } },
    });
    await eventually(() => isThere(edge.client.get(ConfigMap, { namespace: "two", name: "dropped" }))).toBe(
      false,
    );
    expect((await edge.client.get(ConfigMap, key)).data).toEqual({ a: "2" });
  });

  it("deletes with the work what it applied, except what it orphans", async () => {
    await createWork("third", [namespaceManifest("three"), configMap("three", "gone")], {
      deleteOption: {
        propagationPolicy: "SelectivelyOrphan",
        selectivelyOrphans: { orphaningRules: [{ resource: "namespaces", name: "three" }] },
      },
    });
    await eventually(() => conditions("third")).toEqual(applied);
    await hub.client.delete(ManifestWork, { namespace: CLUSTER, name: "third" });
    await eventually(() => isThere(work("third"))).toBe(false);
    expect(await isThere(edge.client.get(ConfigMap, { namespace: "three", name: "gone" }))).toBe(false);
    expect(await isThere(edge.client.get(Namespace, { name: "three" }))).toBe(true);
    const names = (await edge.client.list(AppliedManifestWork)).items.map(
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
    await createWork("status", [deployment], {
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
    await eventually(() => conditions("status")).toEqual(applied);
    const feedback = async (): Promise<unknown> =>
      (await work("status")).status?.resourceStatus?.manifests?.[0]?.statusFeedback?.values?.map(
        ({ name, fieldValue }) => [name, fieldValue.integer ?? fieldValue.string ?? fieldValue.jsonRaw],
      );
    const latencies: number[] = [];
    for (let replicas = 1; replicas <= 5; replicas += 1) {
      const available = [{ type: "Available", status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" }];
      const body = { status: { replicas, readyReplicas: replicas, conditions: available } };
      const start = performance.now();
      await edge.client.patch(
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
    await createWork("broken", [
      { apiVersion: "example.com/v1", kind: "Widget", metadata: { namespace: "default", name: "w" } },
      configMap("default", "works"),
    ]);
    await eventually(() => conditions("broken")).toMatchObject({
      Applied: "AppliedManifestWorkFailed",
      Available: "ResourcesNotAvailable",
    });
    expect((await work("broken")).status?.conditions?.[0]?.message).toMatch(
      /Widget default\/w: NotFound: .*Widget/,
    );
    expect(await isThere(edge.client.get(ConfigMap, { namespace: "default", name: "works" }))).toBe(true);

    await installCustomResourceDefinitions(edge.client, [
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
    await eventually(() => conditions("broken")).toEqual(applied);
    expect(await isThere(edge.client.get(Widget, { namespace: "default", name: "w" }))).toBe(true);
  }, 30_000);

  it("follows the update strategies", async () => {
    await edge.client.create(ConfigMap, {
      metadata: { namespace: "default", name: "theirs" },
      data: { a: "theirs" },
    });
    const config = (name: string, updateStrategy: object): object => ({
      resourceIdentifier: { resource: "configmaps", namespace: "default", name },
      updateStrategy,
    });
    const names = ["theirs", "mine", "read"];
    await hub.client.create(ManifestWork, {
      metadata: { namespace: CLUSTER, name: "strategies" },
      spec: { workload: { manifests: names.map((name) => configMap("default", name, { a: "wanted" })) } },
    });
    await eventually(() => conditions("strategies")).toEqual(applied);
    expect((await edge.client.get(ConfigMap, { namespace: "default", name: "theirs" })).data).toEqual({
      a: "wanted",
    });
    const manifests = names.map((name) => configMap("default", name, { a: "newer" }));
    const manifestConfigs = [
      config("mine", { type: "CreateOnly" }),
      config("read", { type: "ReadOnly" }),
      config("theirs", { type: "ServerSideApply", serverSideApply: { fieldManager: "work-agent-other" } }),
    ];
    await patchWork("strategies", { spec: { workload: { manifests }, manifestConfigs } });
    await eventually(() => conditions("strategies")).toMatchObject({ Applied: "AppliedManifestWorkFailed" });
    // Without force the fields of another manager are a conflict that names it.
    expect((await work("strategies")).status?.conditions?.[0]?.message).toMatch(
      /ConfigMap default\/theirs: Conflict: .*work-agent/,
    );
    for (const name of names) {
      expect((await edge.client.get(ConfigMap, { namespace: "default", name })).data).toEqual({
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
    await createWork("ignored", [manifest("1")], { manifestConfigs });
    await eventually(() => conditions("ignored")).toEqual(applied);
    const key = { namespace: "default", name: "consumed" };
    const body = {
      metadata: { annotations: { refresh: null } },
      data: { operation: null, value: "drifted" },
    };
    await edge.client.patch(ConfigMap, key, { type: "merge", body });
    await eventually(async () => (await edge.client.get(ConfigMap, key)).data).toEqual({ value: "1" });
    expect((await edge.client.get(ConfigMap, key)).metadata.annotations?.["refresh"]).toBeUndefined();
    await patchWork("ignored", { spec: { workload: { manifests: [manifest("2")] } } });
    await eventually(async () => (await edge.client.get(ConfigMap, key)).data).toEqual({
      operation: "sync",
      value: "2",
    });
    expect((await edge.client.get(ConfigMap, key)).metadata.annotations?.["refresh"]).toBe("normal");
  });

  it("takes stringData as data", async () => {
    const secret = {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { namespace: "default", name: "s" },
      stringData: { a: "b" },
    };
    await createWork("secret", [secret]);
    await eventually(() => conditions("secret")).toEqual(applied);
    expect((await edge.client.get(Secret, { namespace: "default", name: "s" })).data).toEqual({ a: "Yg==" });
  });

  it("never deletes on doubt: a vanished work is held, and let go by hand", async () => {
    await createWork("vanishing", [configMap("default", "held")]);
    await eventually(() => conditions("vanishing")).toEqual(applied);
    // The hub loses it: the finalizer is forced away while the agent is not looking.
    await agent.stop();
    await hub.client.delete(ManifestWork, { namespace: CLUSTER, name: "vanishing" });
    await patchWork("vanishing", { metadata: { finalizers: null } });
    agent = startAgent();
    const held = async (): Promise<AppliedManifestWork | undefined> =>
      (await edge.client.list(AppliedManifestWork)).items.find(
        ({ spec }) => spec.manifestWorkName === "vanishing",
      );
    await eventually(async () => (await held())?.metadata.annotations?.[ANNOTATION_HELD]).toMatch(
      /kubectl delete appliedmanifestwork/,
    );
    expect(await isThere(edge.client.get(ConfigMap, { namespace: "default", name: "held" }))).toBe(true);
    await edge.client.delete(AppliedManifestWork, { name: (await held())?.metadata.name ?? "" });
    await eventually(() => isThere(edge.client.get(ConfigMap, { namespace: "default", name: "held" }))).toBe(
      false,
    );
    await eventually(held).toBeUndefined();
  });

  it("does not go back when the hub was restored from an older state", async () => {
    await createWork("restored", [configMap("default", "old"), configMap("default", "new")]);
    await eventually(() => conditions("restored")).toEqual(applied);
    await agent.stop();
    // A restored hub has the same object at an older generation: here the site is told that it has applied a newer one.
    const record = (await edge.client.list(AppliedManifestWork)).items.find(
      ({ spec }) => spec.manifestWorkName === "restored",
    );
    const annotation = record?.metadata.annotations?.["aiedge.dev/applied-work"] ?? "";
    const annotations = { "aiedge.dev/applied-work": annotation.replace(`"generation":1`, `"generation":7`) };
    await edge.client.patch(
      AppliedManifestWork,
      { name: record?.metadata.name ?? "" },
      { type: "merge", body: { metadata: { annotations } } },
    );
    await patchWork("restored", { spec: { workload: { manifests: [configMap("default", "old")] } } });
    agent = startAgent();
    await eventually(() => conditions("restored")).toMatchObject({ Applied: "HubRestored" });
    expect(await isThere(edge.client.get(ConfigMap, { namespace: "default", name: "new" }))).toBe(true);
    await patchWork("restored", { metadata: { annotations: { [ANNOTATION_ACCEPT_RESTORED]: "true" } } });
    await eventually(() => isThere(edge.client.get(ConfigMap, { namespace: "default", name: "new" }))).toBe(
      false,
    );
    await eventually(() => conditions("restored")).toEqual(applied);
  });

  it("does nothing for a hub that does not know the cluster, and takes over when it joins again", async () => {
    await createWork("rejoined", [configMap("default", "stays", { a: "1" })]);
    await eventually(() => conditions("rejoined")).toEqual(applied);
    const before = await edge.client.get(ConfigMap, { namespace: "default", name: "stays" });
    await agent.stop();
    await hub.client.delete(ManagedCluster, { name: CLUSTER });
    for (const { metadata } of (await hub.client.list(ManifestWork, { namespace: CLUSTER })).items) {
      await hub.client.delete(ManifestWork, { namespace: CLUSTER, name: metadata.name });
      await patchWork(metadata.name, { metadata: { finalizers: null } });
    }
    agent = startAgent();
    await hub.client.create(ManagedCluster, {
      metadata: { name: CLUSTER },
      spec: { hubAcceptsClient: true },
    });
    await createWork("rejoined", [configMap("default", "stays", { a: "2" })]);
    await eventually(() => conditions("rejoined")).toEqual(applied);
    const after = await edge.client.get(ConfigMap, { namespace: "default", name: "stays" });
    expect(after).toMatchObject({ metadata: { uid: before.metadata.uid }, data: { a: "2" } });
    // Everything else that the former hub delivered is still there.
    expect(await isThere(edge.client.get(ConfigMap, { namespace: "one", name: "settings" }))).toBe(true);
    await eventually(
      async () =>
        (await edge.client.list(AppliedManifestWork)).items.filter(
          ({ spec }) => spec.manifestWorkName === "rejoined",
        ).length,
    ).toBe(1);
  });
});
