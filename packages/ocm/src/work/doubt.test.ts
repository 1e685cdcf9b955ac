/** What the work agent does when the hub's works vanish, go back, or are another hub's. */
import { AppliedManifestWork, ConfigMap, ManagedCluster, ManifestWork } from "@ai-edge/api";
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
import { ANNOTATION_ACCEPT_RESTORED } from "./agent.ts";
import { ANNOTATION_HELD } from "./applied-work.ts";

let bench: WorkBench;

beforeAll(async () => {
  bench = await startWorkBench();
});
afterAll(() => bench?.close());

describe("work agent in doubt", () => {
  it("never deletes on doubt: a vanished work is held, and let go by hand", async () => {
    await bench.createWork("vanishing", [configMap("default", "held")]);
    await eventually(() => bench.conditions("vanishing")).toEqual(APPLIED);
    // The hub loses it: the finalizer is forced away while the agent is not looking.
    await bench.stopAgent();
    await bench.hub.client.delete(ManifestWork, { namespace: CLUSTER, name: "vanishing" });
    await bench.patchWork("vanishing", { metadata: { finalizers: null } });
    bench.startAgent();
    const held = async (): Promise<AppliedManifestWork | undefined> =>
      (await bench.edge.client.list(AppliedManifestWork)).items.find(
        ({ spec }) => spec.manifestWorkName === "vanishing",
      );
    await eventually(async () => (await held())?.metadata.annotations?.[ANNOTATION_HELD]).toMatch(
      /kubectl delete appliedmanifestwork/,
    );
    expect(await isThere(bench.edge.client.get(ConfigMap, { namespace: "default", name: "held" }))).toBe(
      true,
    );
    await bench.edge.client.delete(AppliedManifestWork, { name: (await held())?.metadata.name ?? "" });
    await eventually(() =>
      isThere(bench.edge.client.get(ConfigMap, { namespace: "default", name: "held" })),
    ).toBe(false);
    await eventually(held).toBeUndefined();
  });

  it("keeps what a work applied when its manifests are emptied or doubled", async () => {
    const one = configMap("default", "precious");
    await bench.createWork("emptied", [one]);
    await eventually(() => bench.conditions("emptied")).toEqual(APPLIED);
    const mistakes: { manifests: object[]; message: string }[] = [
      { manifests: [], message: "to remove what the work applied, delete the work" },
      {
        manifests: [one, one],
        message: "manifests[1] is the same object as manifests[0]: ConfigMap precious",
      },
    ];
    for (const { manifests, message } of mistakes) {
      await bench.patchWork("emptied", { spec: { workload: { manifests } } });
      await eventually(async () => (await bench.work("emptied")).status?.conditions?.[0]).toMatchObject({
        status: "False",
        reason: "InvalidManifestWork",
        message: expect.stringContaining(message),
      });
      expect(
        await isThere(bench.edge.client.get(ConfigMap, { namespace: "default", name: "precious" })),
      ).toBe(true);
    }
  });

  it("does not go back when the hub was restored from an older state", async () => {
    await bench.createWork("restored", [configMap("default", "old"), configMap("default", "new")]);
    await eventually(() => bench.conditions("restored")).toEqual(APPLIED);
    await bench.stopAgent();
    // A restored hub has the same object at an older generation: here the site is told that it has applied a newer one.
    const record = (await bench.edge.client.list(AppliedManifestWork)).items.find(
      ({ spec }) => spec.manifestWorkName === "restored",
    );
    const annotation = record?.metadata.annotations?.["aiedge.dev/applied-work"] ?? "";
    const annotations = { "aiedge.dev/applied-work": annotation.replace(`"generation":1`, `"generation":7`) };
    await bench.edge.client.patch(
      AppliedManifestWork,
      { name: record?.metadata.name ?? "" },
      { type: "merge", body: { metadata: { annotations } } },
    );
    await bench.patchWork("restored", { spec: { workload: { manifests: [configMap("default", "old")] } } });
    bench.startAgent();
    await eventually(() => bench.conditions("restored")).toMatchObject({ Applied: "HubRestored" });
    expect(await isThere(bench.edge.client.get(ConfigMap, { namespace: "default", name: "new" }))).toBe(true);
    await bench.patchWork("restored", {
      metadata: { annotations: { [ANNOTATION_ACCEPT_RESTORED]: "true" } },
    });
    await eventually(() =>
      isThere(bench.edge.client.get(ConfigMap, { namespace: "default", name: "new" })),
    ).toBe(false);
    await eventually(() => bench.conditions("restored")).toEqual(APPLIED);
  });

  it("does nothing for a hub that does not know the cluster, and takes over when it joins again", async () => {
    await bench.createWork("rejoined", [configMap("default", "stays", { a: "1" })]);
    await eventually(() => bench.conditions("rejoined")).toEqual(APPLIED);
    const before = await bench.edge.client.get(ConfigMap, { namespace: "default", name: "stays" });
    await bench.stopAgent();
    await bench.hub.client.delete(ManagedCluster, { name: CLUSTER });
    for (const { metadata } of (await bench.hub.client.list(ManifestWork, { namespace: CLUSTER })).items) {
      await bench.hub.client.delete(ManifestWork, { namespace: CLUSTER, name: metadata.name });
      await bench.patchWork(metadata.name, { metadata: { finalizers: null } });
    }
    bench.startAgent();
    await bench.hub.client.create(ManagedCluster, {
      metadata: { name: CLUSTER },
      spec: { hubAcceptsClient: true },
    });
    await bench.createWork("rejoined", [configMap("default", "stays", { a: "2" })]);
    await eventually(() => bench.conditions("rejoined")).toEqual(APPLIED);
    const after = await bench.edge.client.get(ConfigMap, { namespace: "default", name: "stays" });
    expect(after).toMatchObject({ metadata: { uid: before.metadata.uid }, data: { a: "2" } });
    // Everything else that the former hub delivered is still there.
    expect(await isThere(bench.edge.client.get(ConfigMap, { namespace: "default", name: "old" }))).toBe(true);
    await eventually(
      async () =>
        (await bench.edge.client.list(AppliedManifestWork)).items.filter(
          ({ spec }) => spec.manifestWorkName === "rejoined",
        ).length,
    ).toBe(1);
  });
});
