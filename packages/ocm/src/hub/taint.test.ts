import type { ClusterTaint, ManagedCluster } from "@ai-edge/api";
import { describe, expect, it } from "vitest";
import { graceSeconds } from "./heartbeat.ts";
import { taintsOf } from "./taint.ts";

const now = new Date("2026-01-01T00:00:00Z");
const before = "2025-12-31T00:00:00Z";
const unreachable = "cluster.open-cluster-management.io/unreachable";
const unavailable = "cluster.open-cluster-management.io/unavailable";

function cluster(
  available: "True" | "False" | "Unknown" | undefined,
  taints: ClusterTaint[],
): ManagedCluster {
  const conditions =
    available === undefined ? [] : [{ type: "ManagedClusterConditionAvailable", status: available }];
  return {
    apiVersion: "cluster.open-cluster-management.io/v1",
    kind: "ManagedCluster",
    metadata: { name: "a" },
    spec: { taints },
    status: { conditions },
  };
}

describe("taintsOf", () => {
  it.each<[string, ManagedCluster, ClusterTaint[]]>([
    [
      "no word yet",
      cluster(undefined, []),
      [{ key: unreachable, effect: "NoSelect", timeAdded: "2026-01-01T00:00:00Z" }],
    ],
    [
      "still out of reach",
      cluster("Unknown", [{ key: unreachable, effect: "NoSelect", timeAdded: before }]),
      [{ key: unreachable, effect: "NoSelect", timeAdded: before }],
    ],
    [
      "unhealthy instead",
      cluster("False", [{ key: unreachable, effect: "NoSelect", timeAdded: before }]),
      [{ key: unavailable, effect: "NoSelect", timeAdded: "2026-01-01T00:00:00Z" }],
    ],
    ["back again", cluster("True", [{ key: unreachable, effect: "NoSelect", timeAdded: before }]), []],
    [
      "one made by hand is stamped and stays",
      cluster("True", [{ key: "mine", effect: "NoSelectIfNew" }]),
      [{ key: "mine", effect: "NoSelectIfNew", timeAdded: "2026-01-01T00:00:00Z" }],
    ],
  ])("%s", (_, input, expected) => {
    expect(taintsOf(input, now)).toEqual(expected);
  });
});

it.each([
  [10, 25],
  [59, 147.5],
  [60, 300],
  [120, 600],
])("a lease of %d s may be silent for %d s", (lease, grace) => {
  expect(graceSeconds(lease)).toBe(grace);
});
