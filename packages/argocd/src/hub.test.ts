import { createServer, type Server } from "node:http";
import {
  Application,
  ApplicationSet,
  argocdCustomResourceDefinitions,
  ConfigMap,
  type FeedbackValue,
  GitOpsCluster,
  ManagedCluster,
  ManifestWork,
  Namespace,
  ocmCustomResourceDefinitions,
  PlacementDecision,
  Secret,
} from "@ai-edge/api";
import { isJsonObject } from "@ai-edge/apimachinery";
import { createManager } from "@ai-edge/runtime";
import { startTestApiServer, type TestApiServer } from "@ai-edge/testing";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import {
  applicationSetController,
  createWebhookHandler,
  gitOpsClusterController,
  propagationController,
} from "./index.ts";
import { NAMESPACE, REPOSITORY, SET } from "./testing/application-set.ts";
import { push, SECRET } from "./testing/push.ts";

const LIMIT = { timeout: 15_000, interval: 20 };

let server: TestApiServer;
let stop: AbortController;
let running: Promise<void>;
let webhook: Server;

beforeAll(async () => {
  server = await startTestApiServer({
    customResourceDefinitions: [...argocdCustomResourceDefinitions, ...ocmCustomResourceDefinitions],
  });
  const { client } = server;
  for (const name of [NAMESPACE, "near-edge-1", "near-edge-2"])
    await client.create(Namespace, { metadata: { name } });
  for (const name of ["near-edge-1", "near-edge-2"])
    await client.create(ManagedCluster, {
      metadata: { name, labels: { zone: "eu" } },
      spec: { hubAcceptsClient: true },
    });
  stop = new AbortController();
  const manager = createManager({ client, logger: pino({ level: process.env["LOG_LEVEL"] ?? "silent" }) });
  gitOpsClusterController(manager);
  applicationSetController(manager);
  propagationController(manager);
  const env = {
    ...process.env,
    GIT_CONFIG_COUNT: "1",
    GIT_CONFIG_KEY_0: "url.http://127.0.0.1:3000/.insteadOf",
    GIT_CONFIG_VALUE_0: "https://github.com/",
  };
  webhook = createServer(createWebhookHandler({ manager, secret: SECRET, env })).listen(0, "127.0.0.1");
  running = manager.start(stop.signal);
});

afterAll(async () => {
  webhook.close();
  stop.abort();
  await running;
  await server.close();
});

async function decide(...clusters: string[]): Promise<void> {
  const key = { namespace: NAMESPACE, name: "sites-decision-1" };
  const labels = { "cluster.open-cluster-management.io/placement": "sites" };
  const { items } = await server.client.list(PlacementDecision, { namespace: NAMESPACE });
  if (items.length === 0) await server.client.create(PlacementDecision, { metadata: { ...key, labels } });
  const decisions = clusters.map((clusterName) => ({ clusterName, reason: "" }));
  await server.client.patch(
    PlacementDecision,
    key,
    { type: "merge", body: { status: { decisions } } },
    { subresource: "status" },
  );
}

async function names(): Promise<string[]> {
  const { items } = await server.client.list(Application, { namespace: NAMESPACE });
  return items
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map(({ metadata }) => metadata.name)
    .sort();
}

async function set(): Promise<ApplicationSet> {
  return server.client.get(ApplicationSet, { namespace: NAMESPACE, name: "bike" });
}

async function application(name = "near-edge-1-bike"): Promise<Application> {
  return server.client.get(Application, { namespace: NAMESPACE, name });
}

async function work(cluster = "near-edge-1"): Promise<ManifestWork> {
  const { items } = await server.client.list(ManifestWork, { namespace: cluster });
  const [first] = items;
  if (first === undefined) throw new Error(`no ManifestWork in ${cluster}`);
  return first;
}

function annotationsInWork({ spec }: ManifestWork): Record<string, unknown> {
  const annotations = spec.workload?.manifests?.[1]?.metadata.annotations;
  return isJsonObject(annotations) ? annotations : {};
}

/** What a site's work agent would report. */
async function report(values: Record<string, string>, conditions: object[] = []): Promise<void> {
  const { metadata } = await work();
  const feedback: FeedbackValue[] = Object.entries(values).map(([name, string]) => ({
    name,
    fieldValue: { type: "String", string },
  }));
  const manifests = [
    {
      resourceMeta: { ordinal: 1, kind: "Application" },
      statusFeedback: { values: feedback },
      conditions: [],
    },
  ];
  await server.client.patch(
    ManifestWork,
    { namespace: metadata.namespace ?? "", name: metadata.name },
    { type: "merge", body: { status: { conditions, resourceStatus: { manifests } } } },
    { subresource: "status" },
  );
}

test("as long as nobody decided, nothing is made and the reason is shown", async () => {
  await server.client.create(ApplicationSet, SET);
  await vi.waitFor(
    async () =>
      expect((await set()).status?.conditions?.[0]).toMatchObject({
        type: "ErrorOccurred",
        status: "True",
        message: expect.stringContaining("acm-placement"),
      }),
    LIMIT,
  );
  await server.client.create(GitOpsCluster, {
    metadata: { name: "sites", namespace: NAMESPACE },
    spec: {
      argoServer: { cluster: "notused", argoNamespace: NAMESPACE },
      placementRef: {
        apiVersion: "cluster.open-cluster-management.io/v1beta1",
        kind: "Placement",
        name: "sites",
      },
    },
  });
  await vi.waitFor(
    async () =>
      expect((await set()).status?.conditions?.[0]?.message).toContain("no placementdecisions found"),
    LIMIT,
  );
  expect(await names()).toEqual([]);
});

test("GitOpsCluster registers the decided clusters and says so", async () => {
  await decide("near-edge-1", "near-edge-2");
  await vi.waitFor(async () => {
    const secret = await server.client.get(Secret, {
      namespace: NAMESPACE,
      name: "near-edge-1-application-manager-cluster-secret",
    });
    expect(secret.metadata.labels).toEqual({
      zone: "eu",
      "argocd.argoproj.io/secret-type": "cluster",
      "apps.open-cluster-management.io/acm-cluster": "true",
      "apps.open-cluster-management.io/cluster-name": "near-edge-1",
    });
    expect(Buffer.from(secret.data?.["server"] ?? "", "base64").toString()).toBe(
      "https://near-edge-1-control-plane",
    );
  }, LIMIT);
  expect((await server.client.get(ConfigMap, { namespace: NAMESPACE, name: "acm-placement" })).data).toEqual({
    apiVersion: "cluster.open-cluster-management.io/v1beta1",
    kind: "placementdecisions",
    statusListKey: "decisions",
    matchKey: "clusterName",
  });
  await vi.waitFor(
    async () =>
      expect(
        (await server.client.get(GitOpsCluster, { namespace: NAMESPACE, name: "sites" })).status,
      ).toMatchObject({ phase: "successful" }),
    LIMIT,
  );
});

test("one Application per decision, by watch and without polling", async () => {
  await vi.waitFor(
    async () => expect(await names()).toEqual(["near-edge-1-bike", "near-edge-2-bike"]),
    LIMIT,
  );
  const app = await application();
  expect(app.metadata.ownerReferences).toMatchObject([
    { kind: "ApplicationSet", name: "bike", controller: true },
  ]);
  expect(app.metadata.finalizers).toEqual(["resources-finalizer.argocd.argoproj.io"]);
  expect(app.spec).toEqual(SET.spec.template.spec);
});

test("the Application travels in a ManifestWork, rewritten for the site", async () => {
  const carried = await vi.waitFor(() => work(), LIMIT);
  const app = await application();
  expect(carried.metadata.name).toBe(`near-edge-1-bike-${app.metadata.uid?.slice(0, 5)}`);
  expect(carried.spec.workload?.manifests).toEqual([
    { apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } },
    {
      apiVersion: "argoproj.io/v1alpha1",
      kind: "Application",
      metadata: {
        name: "near-edge-1-bike",
        namespace: NAMESPACE,
        finalizers: ["resources-finalizer.argocd.argoproj.io"],
      },
      spec: SET.spec.template.spec,
    },
  ]);
});

test("the site's word arrives in the hub Application's status", async () => {
  const started = Date.now();
  await report({
    syncStatus: "Synced",
    healthStatus: "Degraded",
    healthMessage: "Deployment bike: pull error",
    syncRevision: "abc",
    operationStatePhase: "Succeeded",
    operationStateStartedAt: "2026-01-01T00:00:00Z",
    conditionType: "SyncError",
    conditionMessage: "why",
  });
  await vi.waitFor(
    async () =>
      expect((await application()).status).toMatchObject({
        sync: { status: "Synced", revision: "abc", comparedTo: { source: { repoURL: REPOSITORY } } },
        health: { status: "Degraded", message: "Deployment bike: pull error" },
        operationState: {
          phase: "Succeeded",
          startedAt: "2026-01-01T00:00:00Z",
          syncResult: { revision: "abc" },
        },
        conditions: [{ type: "SyncError", message: "why" }],
      }),
    LIMIT,
  );
  expect(Date.now() - started).toBeLessThan(2_000);
});

test("a push to the followed branch reaches the site as a refresh, and is taken back when served", async () => {
  expect(await push(webhook, "refs/heads/other")).toEqual({ status: 200, text: "refreshed 0 applications" });
  expect(await push(webhook, "refs/heads/main")).toEqual({ status: 200, text: "refreshed 2 applications" });
  const stamp = await vi.waitFor(async () => {
    const annotations = annotationsInWork(await work());
    expect(annotations).toEqual({
      "argocd.argoproj.io/refresh": "normal",
      "argocd.argoproj.io/refresh-timestamp": expect.any(String),
    });
    return String(annotations["argocd.argoproj.io/refresh-timestamp"]);
  }, LIMIT);
  await report({ syncStatus: "Synced", healthStatus: "Healthy", refreshed: stamp });
  await vi.waitFor(
    async () =>
      expect((await application()).metadata.annotations).not.toHaveProperty(["argocd.argoproj.io/refresh"]),
    LIMIT,
  );
  await vi.waitFor(async () => expect(annotationsInWork(await work())).toEqual({}), LIMIT);
});

test.each([
  ["a wrong signature", { signature: "sha256=00" }, { status: 401, text: "the signature does not match" }],
  [
    "another repository",
    { url: "http://127.0.0.1:3000/opendatahub-io/other.git" },
    { status: 200, text: "refreshed 0 applications" },
  ],
  ["the URL before insteadOf", { url: REPOSITORY }, { status: 200, text: "refreshed 2 applications" }],
])("a push with %s", async (_, changes, answer) => {
  expect(await push(webhook, "refs/heads/main", changes)).toEqual(answer);
});

test("a requested operation travels and is taken back when the site has started it", async () => {
  const body = { operation: { sync: { revision: "abc" } } };
  await server.client.patch(
    Application,
    { namespace: NAMESPACE, name: "near-edge-1-bike" },
    { type: "merge", body },
  );
  await vi.waitFor(
    async () => expect((await work()).spec.workload?.manifests?.[1]).toMatchObject(body),
    LIMIT,
  );
  expect((await application()).operation).toEqual(body.operation);
  await report({
    syncStatus: "Synced",
    healthStatus: "Healthy",
    operationStatePhase: "Succeeded",
    operationStateStartedAt: "2026-02-02T00:00:00Z",
  });
  await vi.waitFor(async () => expect((await application()).operation).toBeUndefined(), LIMIT);
  await vi.waitFor(
    async () => expect((await work()).spec.workload?.manifests?.[1]).not.toHaveProperty("operation"),
    LIMIT,
  );
});

test("a decision without status, or none at all, deletes nothing", async () => {
  const key = { namespace: NAMESPACE, name: "sites-decision-1" };
  const before = await server.client.get(PlacementDecision, key);
  await server.client.delete(PlacementDecision, key);
  await vi.waitFor(
    async () =>
      expect((await set()).status?.conditions?.[0]?.message).toContain("no placementdecisions found"),
    LIMIT,
  );
  await server.client.create(PlacementDecision, {
    metadata: { ...key, labels: before.metadata.labels ?? {} },
  });
  await vi.waitFor(
    async () =>
      expect((await set()).status?.conditions?.[0]?.message).toContain("has no status.decisions yet"),
    LIMIT,
  );
  expect(await names()).toEqual(["near-edge-1-bike", "near-edge-2-bike"]);
  await decide("near-edge-1", "near-edge-2");
  await vi.waitFor(async () => expect((await set()).status?.conditions?.[0]?.status).toBe("False"), LIMIT);
});

test("a cluster that is really out of the decision loses its Application, after its work", async () => {
  await decide("near-edge-1");
  await vi.waitFor(async () => expect(await names()).toEqual(["near-edge-1-bike"]), LIMIT);
  await vi.waitFor(
    async () =>
      expect((await server.client.list(ManifestWork, { namespace: "near-edge-2" })).items).toEqual([]),
    LIMIT,
  );
  await vi.waitFor(
    async () =>
      expect((await server.client.list(Application, { namespace: NAMESPACE })).items).toHaveLength(1),
    LIMIT,
  );
  await vi.waitFor(
    async () =>
      expect(
        (await server.client.list(Secret, { namespace: NAMESPACE })).items.map(
          ({ metadata }) => metadata.name,
        ),
      ).not.toContain("near-edge-2-application-manager-cluster-secret"),
    LIMIT,
  );
});

test("a template change reaches the Application and its work; Go templates are refused and change nothing", async () => {
  const key = { namespace: NAMESPACE, name: "bike" };
  await server.client.patch(ApplicationSet, key, {
    type: "merge",
    body: { spec: { template: { spec: { source: { path: "apps/other" } } } } },
  });
  await vi.waitFor(async () => expect((await application()).spec.source?.path).toBe("apps/other"), LIMIT);
  await vi.waitFor(
    async () =>
      expect((await work()).spec.workload?.manifests?.[1]?.["spec"]).toMatchObject({
        source: { path: "apps/other" },
      }),
    LIMIT,
  );
  await server.client.patch(ApplicationSet, key, { type: "merge", body: { spec: { goTemplate: true } } });
  await vi.waitFor(
    async () =>
      expect((await set()).status?.conditions?.[0]).toMatchObject({
        status: "True",
        message: expect.stringContaining("goTemplate"),
      }),
    LIMIT,
  );
  expect(await names()).toEqual(["near-edge-1-bike"]);
});
