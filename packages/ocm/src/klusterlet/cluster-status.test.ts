import type { ClusterClaim } from "@ai-edge/api";
import { expect, it } from "vitest";
import { clusterClaims } from "./cluster-status.ts";

function claim(name: string, labels: Record<string, string> = {}): ClusterClaim {
  return {
    apiVersion: "cluster.open-cluster-management.io/v1alpha1",
    kind: "ClusterClaim",
    metadata: { name, labels },
    spec: { value: name },
  };
}

it("tells reserved claims first, custom ones sorted up to 20, and none that stays at the cluster", () => {
  const custom = Array.from({ length: 25 }, (_, index) => claim(`c${String(24 - index).padStart(2, "0")}`));
  const secret = claim("aa", { "open-cluster-management.io/spoke-only": "" });
  const names = clusterClaims([secret, ...custom, claim("id.k8s.io")]).map(({ name }) => name);
  expect(names).toEqual([
    "id.k8s.io",
    ...Array.from({ length: 20 }, (_, index) => `c${String(index).padStart(2, "0")}`),
  ]);
});
