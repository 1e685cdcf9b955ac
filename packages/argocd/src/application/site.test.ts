import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  Application,
  argocdCustomResourceDefinitions,
  Deployment,
  Namespace,
  Pod,
  ReplicaSet,
  Secret,
} from "@ai-edge/api";
import { controllerReference } from "@ai-edge/apimachinery";
import { createManager } from "@ai-edge/runtime";
import { startTestApiServer, startTestForge, type TestApiServer } from "@ai-edge/testing";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { applicationController } from "./controller.ts";

/* A site whose repository is on a forge that wants credentials, and that is sometimes away. */

const LIMIT = { timeout: 15_000, interval: 25 };
const PASSWORD = "s3cret-token-of-the-site";
const REPOSITORY = { owner: "ai-edge", name: "gitops" };
const AUTHOR = { name: "ada", email: "ada@example.com" };
const KEY = { namespace: "openshift-gitops", name: "bike" };

let server: TestApiServer;
let forge: Awaited<ReturnType<typeof startTestForge>>;
let dataDir: string;
let site: { stop: () => Promise<void> };

const DEPLOYMENT = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: bike
spec:
  replicas: 1
  selector:
    matchLabels: {app: bike}
  template:
    metadata:
      labels: {app: bike}
    spec:
      containers:
        - name: server
          image: registry.example/bike@sha256:IMAGE
          ports: [{containerPort: 8080}]
`;

beforeAll(async () => {
  server = await startTestApiServer({ customResourceDefinitions: argocdCustomResourceDefinitions });
  await server.client.create(Namespace, { metadata: { name: "openshift-gitops" } });
  forge = await startTestForge({
    authenticate: async (credentials) =>
      credentials.scheme === "basic" && credentials.password === PASSWORD ? { login: "site" } : undefined,
  });
  await forge.seedRepository({
    ...REPOSITORY,
    files: { "apps/bike/deployment.yaml": DEPLOYMENT.replace("IMAGE", "1") },
    message: "first",
  });
  dataDir = mkdtempSync(path.join(tmpdir(), "ai-edge-argocd-"));
  site = start();
});

afterAll(async () => {
  await site.stop();
  await forge.close();
  await server.close();
  rmSync(dataDir, { recursive: true, force: true });
});

function start(): { stop: () => Promise<void> } {
  const abort = new AbortController();
  const manager = createManager({
    client: server.client,
    logger: pino({ level: process.env["LOG_LEVEL"] ?? "silent" }),
  });
  applicationController(manager, { dataDir, env: process.env });
  const running = manager.start(abort.signal);
  return {
    stop: async () => {
      abort.abort();
      await running;
    },
  };
}

async function until(expected: Record<string, unknown>): Promise<Application> {
  return vi.waitFor(async () => {
    const app = await server.client.get(Application, KEY);
    expect(app.status).toMatchObject(expected);
    return app;
  }, LIMIT);
}

async function refresh(): Promise<void> {
  await server.client.patch(Application, KEY, {
    type: "merge",
    body: { metadata: { annotations: { "argocd.argoproj.io/refresh": "normal" } } },
  });
}

test("without credentials the repository's refusal is on the Application", async () => {
  await server.client.create(Application, {
    metadata: KEY,
    spec: {
      project: "default",
      source: { repoURL: `${forge.url}/ai-edge/gitops.git`, targetRevision: "main", path: "apps/bike" },
      destination: { server: "https://kubernetes.default.svc", namespace: "bike" },
      syncPolicy: { automated: { prune: true }, syncOptions: ["CreateNamespace=true"] },
    },
  });
  const app = await until({ sync: { status: "Unknown" } });
  expect(app.status?.conditions?.[0]?.message).toMatch(
    /Authentication failed|could not read Username|terminal prompts disabled/,
  );
});

test("a repo-creds Secret for the forge's URL logs in, and its password is nowhere to be read", async () => {
  await server.client.create(Secret, {
    metadata: {
      name: "forge",
      namespace: "openshift-gitops",
      labels: { "argocd.argoproj.io/secret-type": "repo-creds" },
    },
    stringData: { url: forge.url, username: "site", password: PASSWORD },
  });
  const app = await until({ sync: { status: "Synced" }, conditions: [] });
  expect(app.status?.operationState?.phase).toBe("Succeeded");
  expect(JSON.stringify(app)).not.toContain(PASSWORD);
});

test("an image that cannot be pulled makes the Application degraded with the pull error, while the old pod serves", async () => {
  const key = { namespace: "bike", name: "bike" };
  const deployment = await server.client.get(Deployment, key);
  const labels = { app: "bike" };
  const replicaSet = await server.client.create(ReplicaSet, {
    metadata: {
      name: "bike-2",
      namespace: "bike",
      labels,
      ownerReferences: [controllerReference(deployment)],
    },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: deployment.spec.template.spec },
    },
  });
  const pod = await server.client.create(Pod, {
    metadata: {
      name: "bike-2-x",
      namespace: "bike",
      labels,
      ownerReferences: [controllerReference(replicaSet)],
    },
    spec: { containers: [{ name: "server", image: "registry.example/bike@sha256:2" }] },
  });
  const { generation } = deployment.metadata;
  await server.client.patch(
    Deployment,
    key,
    {
      type: "merge",
      body: {
        status: { observedGeneration: generation, replicas: 2, updatedReplicas: 1, availableReplicas: 1 },
      },
    },
    { subresource: "status" },
  );
  await until({
    health: {
      status: "Progressing",
      message: expect.stringContaining("old replicas are pending termination"),
    },
  });
  const waiting = { reason: "ImagePullBackOff", message: "manifest unknown" };
  const body = {
    status: {
      phase: "Pending",
      containerStatuses: [
        { name: "server", ready: false, restartCount: 0, image: "x", imageID: "", state: { waiting } },
      ],
    },
  };
  const started = Date.now();
  await server.client.patch(
    Pod,
    { namespace: "bike", name: pod.metadata.name },
    { type: "merge", body },
    { subresource: "status" },
  );
  await until({
    health: {
      status: "Degraded",
      message: "Deployment bike: pod bike-2-x, container server: ImagePullBackOff: manifest unknown",
    },
  });
  expect(Date.now() - started).toBeLessThan(2_000);
  await server.client.delete(Pod, { namespace: "bike", name: pod.metadata.name }, { gracePeriodSeconds: 0 });
});

test("a restart without the forge keeps comparing with the last commit, prunes nothing and says why", async () => {
  const commit = (await until({})).status?.sync?.revision;
  await site.stop();
  const { url } = forge;
  await forge.close();
  site = start();
  await server.client.patch(
    Deployment,
    { namespace: "bike", name: "bike" },
    { type: "merge", body: { spec: { replicas: 3 } } },
  );
  const app = await until({ sync: { status: "OutOfSync", revision: commit } });
  expect(app.status?.conditions).toMatchObject([
    { type: "ComparisonError", message: expect.stringContaining(`comparing with revision ${commit}`) },
  ]);
  const { port } = new URL(url);
  forge = await startTestForge({ listen: { host: "127.0.0.1", port: Number(port) } });
  await forge.seedRepository({
    ...REPOSITORY,
    files: { "apps/bike/deployment.yaml": DEPLOYMENT.replace("IMAGE", "1") },
    message: "first",
  });
  const next = await forge.commitFiles(REPOSITORY, "main", {
    files: { "apps/bike/deployment.yaml": DEPLOYMENT.replace("IMAGE", "2") },
    message: "second",
    author: AUTHOR,
    date: new Date(0),
  });
  await refresh();
  await until({ sync: { status: "Synced", revision: next }, conditions: [] });
  const deployment = await server.client.get(Deployment, { namespace: "bike", name: "bike" });
  expect(deployment.spec.template.spec?.containers[0]?.image).toBe("registry.example/bike@sha256:2");
});
