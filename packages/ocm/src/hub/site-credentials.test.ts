import { Namespace, Secret, ServiceAccount, TokenReview } from "@ai-edge/api";
import { createManager } from "@ai-edge/runtime";
import { type TemporaryDirectory, type TestApiServer, temporaryDirectory } from "@ai-edge/testing";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  type RunningKlusterlet,
  type TestHub,
  runKlusterlet,
  silent,
  startEdge,
  startHub,
  tokenFor,
  eventually,
} from "../../testdata/clusters.ts";
import { addSiteCredentialsController } from "./site-credentials.ts";

let hub: TestHub;
let edge: TestApiServer;
let directory: TemporaryDirectory;
let agents: RunningKlusterlet;
const stop = new AbortController();
let stopped: Promise<void>;

beforeAll(async () => {
  [hub, edge, directory] = await Promise.all([
    startHub(),
    startEdge(),
    temporaryDirectory("ai-edge-klusterlet-"),
  ]);
  const manager = createManager({ client: hub.client, logger: silent });
  addSiteCredentialsController(manager, {
    forgeUrl: "http://127.0.0.1:3000",
    registryHost: "127.0.0.1:5000",
    metricsUrl: "http://127.0.0.1:9090",
  });
  stopped = manager.start(stop.signal);
  agents = await runKlusterlet(edge, { dataDir: directory.path, joinToken: await tokenFor(hub, "edge-1") });
});
afterAll(async () => {
  stop.abort();
  await agents?.stop();
  await stopped;
  await Promise.all([hub?.close(), edge?.close(), directory?.remove()]);
});

function decoded({ data }: Secret): Record<string, string> {
  return Object.fromEntries(
    Object.entries(data ?? {}).map(([name, value]) => [name, Buffer.from(value, "base64").toString()]),
  );
}

it("brings a joined cluster the credentials for Git and for images, which the hub knows as the cluster's", async () => {
  const read = (namespace: string, name: string): Promise<Secret | undefined> =>
    edge.client.get(Secret, { namespace, name }).catch(() => undefined);
  await eventually(() => read("openshift-gitops", "aiedge-forge")).toBeDefined();
  await eventually(() => read("kube-system", "aiedge-registry")).toBeDefined();
  const forge = await edge.client.get(Secret, { namespace: "openshift-gitops", name: "aiedge-forge" });
  expect(forge.metadata.labels).toEqual({ "argocd.argoproj.io/secret-type": "repo-creds" });
  const { password = "", ...login } = decoded(forge);
  expect(login).toEqual({ type: "git", url: "http://127.0.0.1:3000", username: "edge-1" });
  const review = await hub.client.create(TokenReview, { metadata: { name: "" }, spec: { token: password } });
  expect(review.status).toMatchObject({
    authenticated: true,
    user: { username: "system:serviceaccount:edge-1:edge" },
  });
  const metrics = await edge.client.get(Secret, { namespace: "kube-system", name: "aiedge-metrics" });
  expect(decoded(metrics)).toEqual({ url: "http://127.0.0.1:9090", token: password });
  const registry = await edge.client.get(Secret, { namespace: "kube-system", name: "aiedge-registry" });
  expect(registry.type).toBe("kubernetes.io/dockerconfigjson");
  expect(JSON.parse(decoded(registry)[".dockerconfigjson"] ?? "")).toEqual({
    auths: {
      "127.0.0.1:5000": {
        username: "edge-1",
        password,
        auth: Buffer.from(`edge-1:${password}`).toString("base64"),
      },
    },
  });
  expect(await hub.client.get(ServiceAccount, { namespace: "edge-1", name: "edge" })).toBeDefined();
  expect(await edge.client.get(Namespace, { name: "openshift-gitops" })).toBeDefined();
});
