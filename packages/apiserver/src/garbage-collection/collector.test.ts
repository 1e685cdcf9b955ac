import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigMap, Namespace, Secret } from "@ai-edge/api";
import type { OwnerReference } from "@ai-edge/apimachinery";
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

async function make(
  name: string,
  owners: ConfigMap[] = [],
  options: { block?: boolean; finalizers?: string[] } = {},
): Promise<ConfigMap> {
  const ownerReferences = owners.map((owner): OwnerReference => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    name: owner.metadata.name,
    uid: owner.metadata.uid ?? "",
    ...(options.block === true ? { blockOwnerDeletion: true } : {}),
  }));
  return client.create(ConfigMap, {
    metadata: {
      name,
      namespace: "default",
      ownerReferences,
      ...(options.finalizers === undefined ? {} : { finalizers: options.finalizers }),
    },
  });
}
const key = (name: string) => ({ namespace: "default", name });
const exists = (name: string) =>
  client.get(ConfigMap, key(name)).then(
    () => true,
    () => false,
  );

describe("garbage collection", () => {
  it("deletes dependents behind their owner, generation by generation", async () => {
    const owner = await make("bg");
    const child = await make("bg-child", [owner]);
    await make("bg-grandchild", [child]);
    await client.delete(ConfigMap, key("bg"));
    expect(await exists("bg")).toBe(false);
    await expect.poll(() => exists("bg-grandchild")).toBe(false);
    expect(await exists("bg-child")).toBe(false);
  });

  it("keeps what has another owner, and drops the dangling reference", async () => {
    const [one, two] = [await make("o1"), await make("o2")];
    await make("shared", [one, two]);
    await client.delete(ConfigMap, key("o1"));
    await expect
      .poll(async () =>
        (await client.get(ConfigMap, key("shared"))).metadata.ownerReferences?.map(
          (reference) => reference.name,
        ),
      )
      .toEqual(["o2"]);
  });

  it("lets dependents go first when told (foreground)", async () => {
    const owner = await make("fg");
    await make("fg-child", [owner], { block: true, finalizers: ["example.org/hold"] });
    await client.delete(ConfigMap, key("fg"), { propagationPolicy: "Foreground" });
    await expect
      .poll(async () => (await client.get(ConfigMap, key("fg-child"))).metadata.deletionTimestamp)
      .toBeDefined();
    expect((await client.get(ConfigMap, key("fg"))).metadata.finalizers).toEqual(["foregroundDeletion"]);
    await client.patch(ConfigMap, key("fg-child"), {
      type: "merge",
      body: { metadata: { finalizers: null } },
    });
    await expect.poll(() => exists("fg")).toBe(false);
  });

  it("orphans when told", async () => {
    const owner = await make("or");
    await make("or-child", [owner]);
    await client.delete(ConfigMap, key("or"), { propagationPolicy: "Orphan" });
    await expect.poll(() => exists("or")).toBe(false);
    expect((await client.get(ConfigMap, key("or-child"))).metadata.ownerReferences ?? []).toEqual([]);
  });

  it("collects an object whose owner never was, but not one of an unknown kind", async () => {
    const reference = {
      apiVersion: "v1",
      kind: "ConfigMap",
      name: "ghost",
      uid: "00000000-0000-0000-0000-000000000000",
    };
    await client.create(ConfigMap, { metadata: { ...key("lost"), ownerReferences: [reference] } });
    await client.create(ConfigMap, {
      metadata: {
        ...key("waiting"),
        ownerReferences: [{ ...reference, apiVersion: "example.org/v1", kind: "Thing" }],
      },
    });
    await expect.poll(() => exists("lost")).toBe(false);
    expect(await exists("waiting")).toBe(true);
  });

  it("goes on after a restart", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "ai-edge-gc-"));
    const first = await startTestApiServer({ dataDir });
    const owner = await first.client.create(ConfigMap, { metadata: key("owner") });
    const ownerReferences = [
      { apiVersion: "v1", kind: "ConfigMap", name: "owner", uid: owner.metadata.uid ?? "" },
    ];
    for (let index = 0; index < 20; index += 1)
      await first.client.create(ConfigMap, { metadata: { ...key(`dependent-${index}`), ownerReferences } });
    await first.client.delete(ConfigMap, key("owner"));
    await first.close();
    const second = await startTestApiServer({ dataDir });
    await expect
      .poll(async () => (await second.client.list(ConfigMap, { namespace: "default" })).items.length)
      .toBe(0);
    await second.close();
    await rm(dataDir, { recursive: true });
  });
});

describe("a namespace", () => {
  it("goes when all that is in it is gone, and takes nothing new meanwhile", async () => {
    await client.create(Namespace, { metadata: { name: "gone" } });
    await client.create(Secret, { metadata: { name: "a", namespace: "gone" } });
    await client.create(ConfigMap, {
      metadata: { name: "held", namespace: "gone", finalizers: ["example.org/hold"] },
    });
    await client.delete(Namespace, { name: "gone" });
    expect((await client.get(Namespace, { name: "gone" })).status?.phase).toBe("Terminating");
    await expect(client.create(ConfigMap, { metadata: { name: "new", namespace: "gone" } })).rejects.toThrow(
      'configmaps "new" is forbidden: unable to create new content in namespace gone because it is being terminated',
    );
    await expect.poll(async () => (await client.list(Secret, { namespace: "gone" })).items.length).toBe(0);
    await client.patch(
      ConfigMap,
      { namespace: "gone", name: "held" },
      { type: "merge", body: { metadata: { finalizers: null } } },
    );
    await expect
      .poll(() => client.get(Namespace, { name: "gone" }).catch((error: Error) => error.message))
      .toBe('namespaces "gone" not found');
  });
});
