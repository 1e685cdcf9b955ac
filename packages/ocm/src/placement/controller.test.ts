import { isStatus } from "@ai-edge/apimachinery";
import {
  LABEL_CLUSTER_SET,
  LABEL_PLACEMENT,
  ManagedCluster,
  ManagedClusterSet,
  ManagedClusterSetBinding,
  Namespace,
  Placement,
  PlacementDecision,
} from "@ai-edge/api";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type TestHub, startHub, eventually } from "../../testdata/clusters.ts";

const SET = "poc-near-edge";
let hub: TestHub;
let namespace = "";
let count = 0;

beforeAll(async () => {
  hub = await startHub({ clusterSet: SET });
});
afterAll(() => hub?.close());
beforeEach(async () => {
  namespace = `ns-${(count += 1)}`;
  await hub.client.create(Namespace, { metadata: { name: namespace } });
  await hub.client.create(ManagedClusterSetBinding, {
    metadata: { namespace, name: SET },
    spec: { clusterSet: SET },
  });
});

async function createClusters(...names: string[]): Promise<void> {
  for (const name of names) {
    const spec = { hubAcceptsClient: true };
    await hub.client.create(ManagedCluster, {
      metadata: { name, labels: { [LABEL_CLUSTER_SET]: SET, test: namespace } },
      spec,
    });
  }
}

/** Chooses the test's own clusters, whether they are reachable or not. */
function spec(more: Partial<Placement["spec"]> = {}): Placement["spec"] {
  return {
    clusterSets: [SET],
    predicates: [{ requiredClusterSelector: { labelSelector: { matchLabels: { test: namespace } } } }],
    tolerations: [{ operator: "Exists" }],
    ...more,
  };
}

async function decided(name = "p"): Promise<string[]> {
  const list = await hub.client.list(PlacementDecision, {
    namespace,
    labelSelector: `${LABEL_PLACEMENT}=${name}`,
  });
  return list.items
    .flatMap(({ status }) => (status?.decisions ?? []).map(({ clusterName }) => clusterName))
    .sort();
}

async function condition(
  type: string,
  name = "p",
): Promise<{ status?: string; reason?: string | undefined; message?: string | undefined }> {
  const { status } = await hub.client.get(Placement, { namespace, name });
  const {
    status: value,
    reason,
    message,
  } = status?.conditions?.find((one) => one.type === type) ?? { status: "" };
  return { status: value, reason, message };
}

describe("placement controller", () => {
  it("writes decisions with upstream's name, labels and owner, and says that it did", async () => {
    await createClusters("c1-a", "c1-b");
    const placement = await hub.client.create(Placement, {
      metadata: { namespace, name: "p" },
      spec: spec(),
    });
    await eventually(() => decided()).toEqual(["c1-a", "c1-b"]);
    const [page] = (await hub.client.list(PlacementDecision, { namespace })).items;
    expect(page).toMatchObject({
      metadata: {
        name: "p-decision-1",
        labels: {
          "cluster.open-cluster-management.io/placement": "p",
          "cluster.open-cluster-management.io/decision-group-index": "0",
          "cluster.open-cluster-management.io/decision-group-name": "",
        },
        ownerReferences: [{ kind: "Placement", name: "p", uid: placement.metadata.uid, controller: true }],
      },
      status: {
        decisions: [
          { clusterName: "c1-a", reason: "" },
          { clusterName: "c1-b", reason: "" },
        ],
      },
    });
    await eventually(
      async () => (await hub.client.get(Placement, { namespace, name: "p" })).status,
    ).toMatchObject({
      numberOfSelectedClusters: 2,
      decisionGroups: [
        { decisionGroupIndex: 0, decisionGroupName: "", decisions: ["p-decision-1"], clusterCount: 2 },
      ],
    });
    expect(await condition("PlacementSatisfied")).toMatchObject({
      status: "True",
      reason: "AllDecisionsScheduled",
    });
  });

  it("follows clusters that join the set, lose a label and leave", async () => {
    await hub.client.create(Placement, { metadata: { namespace, name: "p" }, spec: spec() });
    await eventually(() => condition("PlacementSatisfied")).toMatchObject({ status: "False" });
    await createClusters("c2-a", "c2-b");
    await eventually(() => decided()).toEqual(["c2-a", "c2-b"]);
    await hub.client.patch(
      ManagedCluster,
      { name: "c2-a" },
      { type: "merge", body: { metadata: { labels: { test: null } } } },
    );
    await eventually(() => decided()).toEqual(["c2-b"]);
    expect((await condition("PlacementSatisfied")).message).toContain("match no predicate");
  });

  it("excludes clusters out of reach unless tolerated, and says which", async () => {
    await createClusters("c3-a");
    await hub.client.create(Placement, {
      metadata: { namespace, name: "p" },
      spec: spec({ tolerations: [] }),
    });
    // No agent ever answered for it: the hub has tainted it.
    await eventually(async () => (await condition("PlacementSatisfied")).message).toContain(
      "1 tainted cluster.open-cluster-management.io/unreachable (c3-a)",
    );
    expect(await decided()).toEqual([]);
  });

  it("keeps the decisions of a Placement that becomes misconfigured", async () => {
    await createClusters("c4-a");
    await hub.client.create(Placement, { metadata: { namespace, name: "p" }, spec: spec() });
    await eventually(() => decided()).toEqual(["c4-a"]);
    const tolerations = [{ key: "x", operator: "Exists", value: "typo" }];
    await hub.client.patch(
      Placement,
      { namespace, name: "p" },
      { type: "merge", body: { spec: { tolerations } } },
    );
    await eventually(() => condition("PlacementMisconfigured")).toMatchObject({
      status: "True",
      reason: "Misconfigured",
    });
    expect((await condition("PlacementMisconfigured")).message).toContain(
      "spec.tolerations[0].value: must be empty",
    );
    expect(await decided()).toEqual(["c4-a"]);
  });

  it("pages more than 100 clusters without losing one while some leave", async () => {
    const names = Array.from({ length: 130 }, (_, index) => `c5-${String(index).padStart(3, "0")}`);
    await createClusters(...names);
    await hub.client.create(Placement, { metadata: { namespace, name: "p" }, spec: spec() });
    await eventually(() => decided()).toEqual(names);
    const pages = (await hub.client.list(PlacementDecision, { namespace })).items;
    expect(pages.map(({ metadata }) => metadata.name)).toEqual(["p-decision-1", "p-decision-2"]);
    for (const name of names.slice(0, 40)) await hub.client.delete(ManagedCluster, { name });
    const lost = new Set<string>();
    await eventually(
      async () => {
        const now = await decided();
        for (const name of names.slice(40)) if (!now.includes(name)) lost.add(name);
        return new Set(now).size;
      },
      { interval: 5 },
    ).toBe(90);
    expect([...lost]).toEqual([]);
    await eventually(async () => (await hub.client.list(PlacementDecision, { namespace })).items.length).toBe(
      1,
    );
  }, 40_000);
});

describe("sets and bindings", () => {
  it("makes the built-in sets and the configured one, and says whether they are empty", async () => {
    for (const name of ["default", "global", SET]) {
      await eventually(
        async () => (await hub.client.get(ManagedClusterSet, { name })).status?.conditions,
      ).toMatchObject([{ type: "ClusterSetEmpty" }]);
    }
  });

  it("says that a binding found its set or not", async () => {
    const bound = async (name: string): Promise<string | undefined> => {
      try {
        return (await hub.client.get(ManagedClusterSetBinding, { namespace, name })).status?.conditions?.[0]
          ?.reason;
      } catch (error) {
        if (isStatus(error, "NotFound")) return undefined;
        throw error;
      }
    };
    await eventually(() => bound(SET)).toBe("ClusterSetBound");
    await hub.client.create(ManagedClusterSetBinding, {
      metadata: { namespace, name: "later" },
      spec: { clusterSet: "later" },
    });
    await eventually(() => bound("later")).toBe("ClusterSetNotFound");
    await hub.client.create(ManagedClusterSet, { metadata: { name: "later" } });
    await eventually(() => bound("later")).toBe("ClusterSetBound");
  });
});
