import { ConfigMap, Route, routeCustomResourceDefinitions } from "@ai-edge/api";
import { clientFromKubeconfig, loadKubeconfig } from "@ai-edge/client";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type TestApiServer, startTestApiServer } from "./index.ts";

let api: TestApiServer;
beforeAll(async () => {
  api = await startTestApiServer({ customResourceDefinitions: routeCustomResourceDefinitions });
});
afterAll(() => api.close());

it("serves built-in kinds, and CRDs given to it", async () => {
  const metadata = { name: "a", namespace: "default" };
  await api.client.create(ConfigMap, { metadata, data: { x: "1" } });
  expect((await api.client.get(ConfigMap, metadata)).data).toEqual({ x: "1" });
  const route = await api.client.create(Route, { metadata, spec: { to: { kind: "Service", name: "web" } } });
  expect(route.spec).toEqual({ to: { kind: "Service", name: "web", weight: 100 }, wildcardPolicy: "None" });
});

it("writes a kubeconfig that works", async () => {
  const client = clientFromKubeconfig(await loadKubeconfig(api.kubeconfigPath));
  await client.list(ConfigMap, { namespace: "default" });
  client.close();
});

it("lists in pages and watches from there", async () => {
  for (let index = 0; index < 7; index += 1) {
    await api.client.create(ConfigMap, { metadata: { name: `page-${index}`, namespace: "default" } });
  }
  const first = await api.client.list(ConfigMap, { namespace: "default", limit: 3 });
  expect([first.items.length, first.metadata.remainingItemCount]).toEqual([3, 5]);
  const all = await api.client.list(ConfigMap, { namespace: "default" });
  expect(all.items.length).toBe(8);
  const stop = new AbortController();
  const watch = api.client.watch(ConfigMap, {
    namespace: "default",
    resourceVersion: all.metadata.resourceVersion,
    signal: stop.signal,
  });
  await api.client.delete(ConfigMap, { namespace: "default", name: "page-3" });
  for await (const event of watch) {
    expect([event.type, event.object.metadata.name]).toEqual(["DELETED", "page-3"]);
    stop.abort();
  }
});
