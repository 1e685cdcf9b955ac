import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Application, argocdCustomResourceDefinitions, ConfigMap, Job, Namespace } from "@ai-edge/api";
import { isStatus } from "@ai-edge/apimachinery";
import { createManager } from "@ai-edge/runtime";
import { startTestApiServer, type TestApiServer } from "@ai-edge/testing";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { TestRepository } from "../testing/git-repository.ts";
import { applicationController } from "./controller.ts";
import { CONFIG, CRD, SYNCED, WIDGET } from "./testing/manifests.ts";

const LIMIT = { timeout: 15_000, interval: 25 };

let server: TestApiServer;
let repository: TestRepository;
let dataDir: string;
let stop: AbortController;
let running: Promise<void>;

beforeAll(async () => {
  server = await startTestApiServer({ customResourceDefinitions: argocdCustomResourceDefinitions });
  for (const name of ["openshift-gitops", "models"])
    await server.client.create(Namespace, { metadata: { name } });
  dataDir = mkdtempSync(path.join(tmpdir(), "ai-edge-argocd-"));
  stop = new AbortController();
  const manager = createManager({
    client: server.client,
    logger: pino({ level: process.env["LOG_LEVEL"] ?? "silent" }),
  });
  applicationController(manager, { dataDir, env: process.env, random: () => 0 });
  running = manager.start(stop.signal);
});

afterAll(async () => {
  stop.abort();
  await running;
  await server.close();
  rmSync(dataDir, { recursive: true, force: true });
});

beforeEach(() => {
  repository = new TestRepository();
});

afterEach(async () => {
  const { items } = await server.client.list(Application, {});
  for (const { metadata } of items)
    await server.client.delete(Application, { namespace: metadata.namespace ?? "", name: metadata.name });
  await vi.waitFor(async () => expect((await server.client.list(Application, {})).items).toEqual([]), LIMIT);
  repository.remove();
});

function application(
  name: string,
  spec: Partial<Application["spec"]> = {},
): Omit<Application, "apiVersion" | "kind"> {
  return {
    metadata: { name, namespace: "openshift-gitops", finalizers: ["resources-finalizer.argocd.argoproj.io"] },
    spec: {
      project: "default",
      source: { repoURL: repository.url, targetRevision: "main", path: "app" },
      destination: { server: "https://kubernetes.default.svc", namespace: "models" },
      syncPolicy: { automated: { prune: true } },
      ...spec,
    },
  };
}

function get(name: string): Promise<Application> {
  return server.client.get(Application, { namespace: "openshift-gitops", name });
}

async function until(name: string, expected: Record<string, unknown>): Promise<Application> {
  return vi.waitFor(async () => {
    const app = await get(name);
    expect(app.status).toMatchObject(expected);
    return app;
  }, LIMIT);
}

async function refresh(name: string, kind = "normal"): Promise<void> {
  const body = { metadata: { annotations: { "argocd.argoproj.io/refresh": kind } } };
  await server.client.patch(Application, { namespace: "openshift-gitops", name }, { type: "merge", body });
}

async function configMap(name: string): Promise<ConfigMap | undefined> {
  try {
    return await server.client.get(ConfigMap, { namespace: "models", name });
  } catch (error) {
    if (isStatus(error, "NotFound")) return undefined;
    throw error;
  }
}

test("applies what Git holds, tracks it, and reports it as Argo CD does", async () => {
  const commit = repository.commit({ "app/a.yaml": CONFIG("a", "1") });
  await server.client.create(Application, application("first"));
  const app = await until("first", SYNCED);
  expect((await configMap("a"))?.metadata.annotations).toEqual({
    "argocd.argoproj.io/tracking-id": "first:/ConfigMap:models/a",
  });
  expect(app.status).toMatchObject({
    sync: { status: "Synced", revision: commit, comparedTo: { source: application("first").spec.source } },
    sourceType: "Directory",
    resources: [{ version: "v1", kind: "ConfigMap", namespace: "models", name: "a", status: "Synced" }],
    operationState: {
      phase: "Succeeded",
      message: "successfully synced (all tasks run)",
      operation: { sync: { revision: commit, prune: true }, initiatedBy: { automated: true } },
      syncResult: {
        revision: commit,
        resources: [
          {
            group: "",
            kind: "ConfigMap",
            name: "a",
            status: "Synced",
            message: "configmaps/a serverside-applied",
          },
        ],
      },
    },
    history: [{ id: 0, revision: commit, initiatedBy: { automated: true } }],
  });
});

test("a refresh brings the next commit, prunes what left Git, and uses the annotation up", async () => {
  repository.commit({ "app/a.yaml": CONFIG("a", "1"), "app/b.yaml": CONFIG("b", "1") });
  await server.client.create(Application, application("second"));
  await until("second", SYNCED);
  const commit = repository.commit({ "app/a.yaml": CONFIG("a", "2"), "app/b.yaml": null });
  await refresh("second");
  const app = await until("second", { ...SYNCED, sync: { status: "Synced", revision: commit } });
  expect((await configMap("a"))?.data).toEqual({ value: "2" });
  await vi.waitFor(async () => expect(await configMap("b")).toBeUndefined(), LIMIT);
  expect(app.metadata.annotations ?? {}).toEqual({});
  await until("second", { resources: [{ name: "a" }], history: [{ id: 0 }, { id: 1, revision: commit }] });
});

test("without prune, what left Git stays and is shown", async () => {
  repository.commit({ "app/a.yaml": CONFIG("a", "1"), "app/b.yaml": CONFIG("b", "1") });
  await server.client.create(Application, application("keep", { syncPolicy: { automated: {} } }));
  await until("keep", SYNCED);
  const commit = repository.commit({ "app/b.yaml": null });
  await refresh("keep");
  await until("keep", {
    sync: { status: "OutOfSync", revision: commit },
    resources: [
      { name: "a", status: "Synced" },
      { name: "b", status: "OutOfSync", requiresPruning: true },
    ],
  });
  expect(await configMap("b")).toBeDefined();
});

test("refuses to delete everything when the source is empty", async () => {
  repository.commit({ "app/a.yaml": CONFIG("a", "1") });
  await server.client.create(Application, application("empty"));
  await until("empty", SYNCED);
  repository.commit({ "app/a.yaml": null, "app/README.md": "nothing" });
  await refresh("empty");
  const app = await until("empty", { sync: { status: "OutOfSync" } });
  expect(app.status?.conditions).toMatchObject([
    { type: "SyncError", message: expect.stringContaining("auto-sync will wipe out all resources") },
  ]);
  expect(await configMap("a")).toBeDefined();
});

test("a source that does not render keeps what runs and says why", async () => {
  repository.commit({ "app/a.yaml": CONFIG("a", "1") });
  await server.client.create(Application, application("broken"));
  await until("broken", SYNCED);
  repository.commit({ "app/a.yaml": "kind: [" });
  await refresh("broken");
  const app = await until("broken", { sync: { status: "Unknown" } });
  expect(app.status?.conditions).toMatchObject([
    { type: "ComparisonError", message: expect.stringContaining("a.yaml") },
  ]);
  expect(await configMap("a")).toBeDefined();
});

test("drift shows at once and stays without selfHeal; with it, it is mended", async () => {
  repository.commit({ "app/a.yaml": CONFIG("a", "1") });
  await server.client.create(Application, application("drift"));
  await until("drift", SYNCED);
  const change = () =>
    server.client.patch(
      ConfigMap,
      { namespace: "models", name: "a" },
      { type: "merge", body: { data: { value: "changed" } } },
    );
  await change();
  await until("drift", { sync: { status: "OutOfSync" } });
  expect((await configMap("a"))?.data).toEqual({ value: "changed" });
  const body = { spec: { syncPolicy: { automated: { selfHeal: true } } } };
  await server.client.patch(
    Application,
    { namespace: "openshift-gitops", name: "drift" },
    { type: "merge", body },
  );
  await until("drift", { sync: { status: "Synced" } });
  expect((await configMap("a"))?.data).toEqual({ value: "1" });
});

test("ignoreDifferences hides a field from the comparison", async () => {
  repository.commit({ "app/a.yaml": CONFIG("a", "1") });
  await server.client.create(
    Application,
    application("ignore", { ignoreDifferences: [{ kind: "ConfigMap", jsonPointers: ["/data/value"] }] }),
  );
  await until("ignore", SYNCED);
  await server.client.patch(
    ConfigMap,
    { namespace: "models", name: "a" },
    { type: "merge", body: { data: { value: "changed", other: "x" } } },
  );
  await refresh("ignore");
  await until("ignore", { sync: { status: "Synced" } });
});

test("a manual application syncs when asked through .operation, with the field used up", async () => {
  const commit = repository.commit({ "app/a.yaml": CONFIG("manual", "1") });
  await server.client.create(Application, application("manual", { syncPolicy: {} }));
  await until("manual", { sync: { status: "OutOfSync" }, health: { status: "Missing" } });
  expect(await configMap("manual")).toBeUndefined();
  const body = { operation: { sync: { prune: true }, initiatedBy: { username: "ada" } } };
  await server.client.patch(
    Application,
    { namespace: "openshift-gitops", name: "manual" },
    { type: "merge", body },
  );
  const app = await until("manual", SYNCED);
  expect(app.operation).toBeUndefined();
  expect(app.status?.history).toMatchObject([{ revision: commit, initiatedBy: { username: "ada" } }]);
});

test("creates the destination namespace when told to, and fails clearly when not", async () => {
  repository.commit({ "app/a.yaml": CONFIG("a", "1") });
  const destination = { server: "https://kubernetes.default.svc", namespace: "made" };
  await server.client.create(
    Application,
    application("namespace", { destination, syncPolicy: { automated: {}, retry: { limit: 0 } } }),
  );
  const failed = await until("namespace", { operationState: { phase: "Failed" } });
  expect(failed.status?.operationState?.message).toContain('namespaces "made" not found');
  await server.client.patch(
    Application,
    { namespace: "openshift-gitops", name: "namespace" },
    { type: "merge", body: { operation: { sync: { syncOptions: ["CreateNamespace=true"] } } } },
  );
  await until("namespace", SYNCED);
});

test("a kind that the cluster does not know fails the sync before anything is applied; its CRD may come along", async () => {
  repository.commit({ "app/a.yaml": CONFIG("with-widget", "1"), "app/w.yaml": WIDGET });
  const syncPolicy = {
    automated: { prune: true },
    retry: { limit: 10, backoff: { duration: "100ms", factor: 1 } },
  };
  await server.client.create(Application, application("widget", { syncPolicy }));
  const app = await until("widget", { operationState: { retryCount: expect.any(Number) } });
  expect(app.status?.operationState?.message).toContain(
    'The Kubernetes API could not find example.com/Widget for requested resource models/w. Make sure the "Widget" CRD is installed',
  );
  expect(await configMap("with-widget")).toBeUndefined();
  repository.commit({ "app/crd.yaml": CRD });
  await refresh("widget");
  await until("widget", SYNCED);
  expect(await configMap("with-widget")).toBeDefined();
});

test("waves wait for the health of those before", async () => {
  const job = `apiVersion: batch/v1
kind: Job
metadata:
  name: first
  annotations: {argocd.argoproj.io/sync-wave: "-1"}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: c, image: x}]
`;
  repository.commit({ "app/a.yaml": CONFIG("second", "1"), "app/job.yaml": job });
  await server.client.create(Application, application("waves"));
  await until("waves", {
    operationState: { phase: "Running", message: "waiting for healthy state of batch/Job/first" },
  });
  expect(await configMap("second")).toBeUndefined();
  const conditions = [
    { type: "SuccessCriteriaMet", status: "True" },
    { type: "Complete", status: "True" },
  ];
  const body = {
    status: {
      conditions,
      succeeded: 1,
      startTime: "2026-01-01T00:00:00Z",
      completionTime: "2026-01-01T00:00:01Z",
    },
  };
  await server.client.patch(
    Job,
    { namespace: "models", name: "first" },
    { type: "merge", body },
    { subresource: "status" },
  );
  await until("waves", SYNCED);
  expect(await configMap("second")).toBeDefined();
});

test("a kustomization is rendered, with source.kustomize on top", async () => {
  repository.commit({
    "base/kustomization.yaml": "resources: [a.yaml]\n",
    "base/a.yaml": CONFIG("a", "1"),
    "app/kustomization.yaml": "resources: [../base]\nnamePrefix: site-\n",
  });
  const source = {
    repoURL: repository.url,
    targetRevision: "main",
    path: "app",
    kustomize: { nameSuffix: "-x", components: ["c"] },
  };
  await server.client.create(Application, application("kustomize", { source }));
  const app = await until("kustomize", {
    ...SYNCED,
    sourceType: "Kustomize",
    resources: [{ name: "site-a-x" }],
  });
  expect(app.status?.conditions).toMatchObject([
    { type: "ExcludedResourceWarning", message: expect.stringContaining("components") },
  ]);
});

test.each([
  ["an unknown revision", { targetRevision: "nope" }, /unable to resolve 'nope'/],
  ["a path that does not exist", { path: "nope" }, /nope: app path does not exist/],
  ["a path outside of the repository", { path: "../../etc" }, /must be inside of the repository/],
  ["a Helm chart", { path: "chart" }, /Helm chart, which is not supported/],
  [
    "a repository that does not exist",
    { repoURL: "file:///does/not/exist" },
    /does not exist|does not appear/,
  ],
])("%s is a ComparisonError", async (_, change, message) => {
  repository.commit({ "app/a.yaml": CONFIG("a", "1"), "chart/Chart.yaml": "name: x" });
  const source = { repoURL: repository.url, targetRevision: "main", path: "app", ...change };
  await server.client.create(Application, application("error", { source }));
  const app = await until("error", { sync: { status: "Unknown" } });
  expect(app.status?.conditions?.[0]).toMatchObject({
    type: "ComparisonError",
    message: expect.stringMatching(message),
  });
});

test("skip-reconcile freezes an application", async () => {
  repository.commit({ "app/a.yaml": CONFIG("frozen", "1") });
  const frozen = application("frozen");
  frozen.metadata.finalizers = [];
  frozen.metadata.annotations = { "argocd.argoproj.io/skip-reconcile": "true" };
  await server.client.create(Application, frozen);
  await server.client.create(Application, application("witness"));
  await until("witness", SYNCED);
  expect((await get("frozen")).status).toBeUndefined();
});

test("a deleted application takes its resources along, an orphaning one leaves them", async () => {
  repository.commit({ "app/a.yaml": CONFIG("gone", "1") });
  await server.client.create(Application, application("cascade"));
  await until("cascade", SYNCED);
  await server.client.delete(Application, { namespace: "openshift-gitops", name: "cascade" });
  await vi.waitFor(async () => expect(await configMap("gone")).toBeUndefined(), LIMIT);
  await vi.waitFor(async () => expect((await server.client.list(Application, {})).items).toEqual([]), LIMIT);

  const orphan = application("orphan");
  orphan.metadata.finalizers = [];
  await server.client.create(Application, orphan);
  await until("orphan", SYNCED);
  await server.client.delete(Application, { namespace: "openshift-gitops", name: "orphan" });
  expect(await configMap("gone")).toBeDefined();
});
