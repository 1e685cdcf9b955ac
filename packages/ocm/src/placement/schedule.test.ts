import type {
  ClusterTaint,
  ManagedCluster,
  ManagedClusterSet,
  ManagedClusterSetBinding,
  Placement,
} from "@ai-edge/api";
import { describe, expect, it } from "vitest";
import { MisconfiguredError } from "./misconfigured.ts";
import { type ScheduleInputs, schedule } from "./schedule.ts";

const now = new Date("2026-01-01T00:10:00Z");
const api = "cluster.open-cluster-management.io";

function cluster(
  name: string,
  more: { labels?: Record<string, string>; taints?: ClusterTaint[]; claims?: Record<string, string> } = {},
): ManagedCluster {
  return {
    apiVersion: `${api}/v1`,
    kind: "ManagedCluster",
    metadata: { name, labels: { [`${api}/clusterset`]: "near", ...more.labels } },
    spec: { hubAcceptsClient: true, taints: more.taints ?? [] },
    status: {
      clusterClaims: Object.entries(more.claims ?? {}).map(([claim, value]) => ({ name: claim, value })),
    },
  };
}

const near: ManagedClusterSet = {
  apiVersion: `${api}/v1beta2`,
  kind: "ManagedClusterSet",
  metadata: { name: "near" },
};

function binding(name: string, clusterSet: string = name): ManagedClusterSetBinding {
  return {
    apiVersion: `${api}/v1beta2`,
    kind: "ManagedClusterSetBinding",
    metadata: { namespace: "ns", name },
    spec: { clusterSet },
  };
}

function inputs(
  spec: Placement["spec"],
  clusters: ManagedCluster[],
  more: Partial<ScheduleInputs> = {},
): ScheduleInputs {
  return {
    placement: {
      apiVersion: `${api}/v1beta1`,
      kind: "Placement",
      metadata: { namespace: "ns", name: "p" },
      spec,
    },
    bindings: [binding("near")],
    sets: [near],
    clusters,
    selected: new Set(),
    otherDecisions: new Map(),
    addOnScores: () => [],
    now,
    ...more,
  };
}

const unreachable: ClusterTaint = {
  key: `${api}/unreachable`,
  effect: "NoSelect",
  timeAdded: "2026-01-01T00:00:00Z",
};

describe("schedule", () => {
  it.each<[string, ScheduleInputs, string[], string, string]>([
    [
      "no binding",
      inputs({}, [cluster("a")], { bindings: [] }),
      [],
      "NoManagedClusterSetBindings",
      "No valid ManagedClusterSetBindings found in placement namespace",
    ],
    [
      "a binding of another name",
      inputs({}, [cluster("a")], { bindings: [binding("x", "near")] }),
      [],
      "NoManagedClusterSetBindings",
      "the ManagedClusterSets of x do not exist",
    ],
    [
      "a set that is not bound",
      inputs({ clusterSets: ["far"] }, [cluster("a")]),
      [],
      "NoIntersection",
      "None of ManagedClusterSets [far] is bound",
    ],
    ["an empty set", inputs({}, []), [], "AllManagedClusterSetsEmpty", "[near] have no member"],
    [
      "everything of the set",
      inputs({}, [cluster("b"), cluster("a"), cluster("x", { labels: { [`${api}/clusterset`]: "far" } })]),
      ["a", "b"],
      "AllDecisionsScheduled",
      "All cluster decisions scheduled",
    ],
    [
      "a label",
      inputs(
        { predicates: [{ requiredClusterSelector: { labelSelector: { matchLabels: { zone: "n" } } } }] },
        [cluster("a", { labels: { zone: "n" } }), cluster("b")],
      ),
      ["a"],
      "AllDecisionsScheduled",
      "1 of 2 not selected: 1 match no predicate (b)",
    ],
    [
      "a claim",
      inputs(
        {
          predicates: [
            {
              requiredClusterSelector: {
                claimSelector: { matchExpressions: [{ key: "gpu", operator: "In", values: ["yes"] }] },
              },
            },
          ],
        },
        [cluster("a", { claims: { gpu: "yes" } }), cluster("b", { claims: { gpu: "no" } })],
      ),
      ["a"],
      "AllDecisionsScheduled",
      "1 match no predicate (b)",
    ],
    [
      "a taint",
      inputs({}, [cluster("a", { taints: [unreachable] }), cluster("b")]),
      ["b"],
      "AllDecisionsScheduled",
      `1 tainted ${api}/unreachable (a)`,
    ],
    [
      "only tainted ones",
      inputs({}, [cluster("a", { taints: [unreachable] })]),
      [],
      "NoManagedClusterMatched",
      "1 tainted",
    ],
    [
      "a toleration for ever",
      inputs({ tolerations: [{ key: unreachable.key, operator: "Exists" }] }, [
        cluster("a", { taints: [unreachable] }),
      ]),
      ["a"],
      "AllDecisionsScheduled",
      "All cluster decisions scheduled",
    ],
    [
      "a toleration that ran out",
      inputs({ tolerations: [{ operator: "Exists", tolerationSeconds: 300 }] }, [
        cluster("a", { taints: [unreachable] }),
      ]),
      [],
      "NoManagedClusterMatched",
      "1 tainted",
    ],
    [
      "NoSelectIfNew for one that is selected",
      inputs({}, [cluster("a", { taints: [{ ...unreachable, effect: "NoSelectIfNew" }] })], {
        selected: new Set(["a"]),
      }),
      ["a"],
      "AllDecisionsScheduled",
      "scheduled",
    ],
    [
      "a number",
      inputs({ numberOfClusters: 1 }, [cluster("a"), cluster("b")]),
      ["a"],
      "AllDecisionsScheduled",
      "1 beyond numberOfClusters 1",
    ],
    [
      "more than there are",
      inputs({ numberOfClusters: 3 }, [cluster("a")]),
      ["a"],
      "NotAllDecisionsScheduled",
      "1 cluster decisions scheduled, 3 wanted",
    ],
    [
      "steadiness before names",
      inputs({ numberOfClusters: 1 }, [cluster("a"), cluster("b")], { selected: new Set(["b"]) }),
      ["b"],
      "AllDecisionsScheduled",
      "scheduled",
    ],
    [
      "the less used before names",
      inputs({ numberOfClusters: 1 }, [cluster("a"), cluster("b")], { otherDecisions: new Map([["a", 3]]) }),
      ["b"],
      "AllDecisionsScheduled",
      "scheduled",
    ],
  ])("%s", (_, input, selected, reason, message) => {
    const result = schedule(input);
    expect(result.selected).toEqual(selected);
    expect(result.satisfied.reason).toBe(reason);
    expect(result.satisfied.message).toContain(message);
  });

  it("says when a toleration will run out", () => {
    const input = inputs({ tolerations: [{ operator: "Exists", tolerationSeconds: 900 }] }, [
      cluster("a", { taints: [unreachable] }),
    ]);
    expect(schedule(input)).toMatchObject({ selected: ["a"], expiresAt: Date.parse("2026-01-01T00:15:00Z") });
  });

  it("puts clusters in the first group that selects them, the rest after, none larger than asked", () => {
    const groupClusterSelector = { labelSelector: { matchLabels: { canary: "yes" } } };
    const decisionStrategy = {
      groupStrategy: {
        clustersPerDecisionGroup: 2,
        decisionGroups: [{ groupName: "canary", groupClusterSelector }],
      },
    };
    const clusters = ["a", "b", "c", "d"].map((name) =>
      cluster(name, name === "d" ? { labels: { canary: "yes" } } : {}),
    );
    expect(schedule(inputs({ decisionStrategy }, clusters)).groups).toEqual([
      { name: "canary", index: 0, clusters: ["d"] },
      { name: "", index: 1, clusters: ["a", "b"] },
      { name: "", index: 2, clusters: ["c"] },
    ]);
  });

  it.each<[Placement["spec"], string]>([
    [
      { tolerations: [{ operator: "Equal", value: "x" }] },
      "spec.tolerations[0].operator: must be Exists when key is empty",
    ],
    [{ tolerations: [{ key: "a", operator: "Exists", value: "x" }] }, "spec.tolerations[0].value"],
    [
      { predicates: [{ requiredClusterSelector: { celSelector: { celExpressions: ["true"] } } }] },
      "spec.predicates[0].requiredClusterSelector.celSelector: CEL expressions are not supported",
    ],
    [
      {
        predicates: [
          {
            requiredClusterSelector: { labelSelector: { matchExpressions: [{ key: "a", operator: "In" }] } },
          },
        ],
      },
      "spec.predicates[0].requiredClusterSelector.labelSelector",
    ],
    [
      { prioritizerPolicy: { configurations: [{ scoreCoordinate: { type: "BuiltIn", builtIn: "Best" } }] } },
      `"Best" is not a built-in prioritizer`,
    ],
    [{ decisionStrategy: { groupStrategy: { clustersPerDecisionGroup: "0%" } } }, "clustersPerDecisionGroup"],
  ])("%j is misconfigured", (spec, message) => {
    expect(() => schedule(inputs(spec, [cluster("a")]))).toThrow(MisconfiguredError);
    expect(() => schedule(inputs(spec, [cluster("a")]))).toThrow(message);
  });
});
