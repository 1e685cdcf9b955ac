import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigMap } from "@ai-edge/api";
import type { KubernetesObject } from "@ai-edge/apimachinery";
import type { Client, WatchEvent, WatchOptions } from "@ai-edge/client";
import { type TestApiServer, startTestApiServer } from "@ai-edge/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

let api: TestApiServer;
let client: Client;
beforeAll(async () => {
  api = await startTestApiServer();
  ({ client } = api);
});
afterAll(() => api.close());

const configMap = (name: string, labels: Record<string, string> = {}) => ({
  metadata: { name, namespace: "default", labels },
});
const describeEvent = ({ type, object }: WatchEvent<KubernetesObject>) =>
  type === "BOOKMARK" ? type : `${type} ${object.metadata.name}`;

/** The first `count` events of a watch, as text. */
async function collect(options: WatchOptions, count: number): Promise<string[]> {
  const abort = new AbortController();
  const events: string[] = [];
  for await (const event of client.watch(ConfigMap, {
    namespace: "default",
    ...options,
    signal: abort.signal,
  })) {
    events.push(describeEvent(event));
    if (events.length === count) break;
  }
  abort.abort();
  return events;
}

describe("a watch", () => {
  it("resumes after any revision without gap or duplicate", async () => {
    const { metadata } = await client.list(ConfigMap, { namespace: "default" });
    await client.create(ConfigMap, configMap("one"));
    const two = await client.create(ConfigMap, configMap("two"));
    await client.delete(ConfigMap, { namespace: "default", name: "one" });
    expect(await collect({ resourceVersion: metadata.resourceVersion }, 3)).toEqual([
      "ADDED one",
      "ADDED two",
      "DELETED one",
    ]);
    expect(await collect({ resourceVersion: two.metadata.resourceVersion }, 1)).toEqual(["DELETED one"]);
  });

  it("shows objects that enter and leave its selector", async () => {
    const { metadata } = await client.list(ConfigMap, { namespace: "default" });
    const key = { namespace: "default", name: "sel" };
    await client.create(ConfigMap, configMap("sel"));
    const label = (value: string | null) =>
      client.patch(ConfigMap, key, { type: "merge", body: { metadata: { labels: { in: value } } } });
    await label("yes");
    await client.patch(ConfigMap, key, { type: "merge", body: { data: { a: "b" } } });
    await label(null);
    await client.delete(ConfigMap, key);
    await client.create(ConfigMap, configMap("end", { in: "yes" }));
    expect(await collect({ labelSelector: "in=yes", resourceVersion: metadata.resourceVersion }, 4)).toEqual([
      "ADDED sel",
      "MODIFIED sel",
      "DELETED sel",
      "ADDED end",
    ]);
  });

  it("streams the initial state and says when it ends", async () => {
    const events = await collect(
      {
        sendInitialEvents: true,
        resourceVersionMatch: "NotOlderThan",
        allowWatchBookmarks: true,
        fieldSelector: "metadata.name=two",
      },
      2,
    );
    expect(events).toEqual(["ADDED two", "BOOKMARK"]);
  });

  it("ends at its timeout, with a bookmark if asked", async () => {
    const events: string[] = [];
    const { metadata } = await client.list(ConfigMap, { namespace: "default" });
    const options = {
      namespace: "default",
      resourceVersion: metadata.resourceVersion,
      timeoutSeconds: 1,
      allowWatchBookmarks: true,
    };
    for await (const event of client.watch(ConfigMap, options)) events.push(describeEvent(event));
    expect(events).toEqual(["BOOKMARK"]);
  });

  it("of a revision that was never reached is refused", async () => {
    await expect(collect({ resourceVersion: "99999999" }, 1)).rejects.toThrow("Too large resource version");
  });

  it("survives a restart of the server at its revision", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "ai-edge-watch-"));
    const first = await startTestApiServer({ dataDir });
    const made = await first.client.create(ConfigMap, configMap("before"));
    await first.client.create(ConfigMap, configMap("after"));
    await first.close();
    const second = await startTestApiServer({ dataDir });
    const options = {
      namespace: "default",
      resourceVersion: made.metadata.resourceVersion,
      timeoutSeconds: 1,
    };
    const events: string[] = [];
    for await (const event of second.client.watch(ConfigMap, options)) events.push(describeEvent(event));
    expect(events).toEqual(["ADDED after"]);
    await second.close();
    await rm(dataDir, { recursive: true });
  });
});
