import type { ManagedCluster, Placement } from "@ai-edge/api";
import { matchesClusterSelector } from "./cluster-selector.ts";
import { MisconfiguredError } from "./misconfigured.ts";

/** Clusters that are rolled out together: `decisionStrategy.groupStrategy`. */
export interface DecisionGroup {
  /** "" for clusters that no named group selects. */
  name: string;
  index: number;
  /** Sorted by name. */
  clusters: string[];
}

/**
 * The groups of the chosen clusters: named ones first, each cluster in the first that selects it, then the rest; none
 * larger than `clustersPerDecisionGroup`. There is at least one group.
 * @throws MisconfiguredError for a size or selector that cannot be read
 */
export function groupDecisions(placement: Placement, chosen: readonly ManagedCluster[]): DecisionGroup[] {
  const strategy = placement.spec.decisionStrategy?.groupStrategy;
  const size = groupSize(strategy?.clustersPerDecisionGroup ?? "100%", chosen.length);
  let rest = chosen.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const groups: Omit<DecisionGroup, "index">[] = [];
  for (const [index, { groupName, groupClusterSelector }] of (strategy?.decisionGroups ?? []).entries()) {
    const field = `spec.decisionStrategy.groupStrategy.decisionGroups[${index}].groupClusterSelector`;
    const matching = rest.filter((cluster) => matchesClusterSelector(cluster, groupClusterSelector, field));
    rest = rest.filter((cluster) => !matching.includes(cluster));
    groups.push(...split(groupName, matching, size));
  }
  groups.push(...split("", rest, size));
  if (groups.length === 0) groups.push({ name: "", clusters: [] });
  return groups.map((group, index) => ({ ...group, index }));
}

function split(
  name: string,
  clusters: readonly ManagedCluster[],
  size: number,
): Omit<DecisionGroup, "index">[] {
  const groups: Omit<DecisionGroup, "index">[] = [];
  for (let start = 0; start < clusters.length; start += size) {
    groups.push({ name, clusters: clusters.slice(start, start + size).map(({ metadata }) => metadata.name) });
  }
  return groups;
}

/** A percentage is of all chosen clusters, rounded up (upstream). */
function groupSize(size: number | string, chosen: number): number {
  const match = /^(\d+)(%?)$/.exec(String(size));
  const amount = Number(match?.[1]);
  if (match === null || amount < 1 || (match[2] === "%" && amount > 100)) {
    throw new MisconfiguredError(
      `spec.decisionStrategy.groupStrategy.clustersPerDecisionGroup: "${size}" is neither a positive number nor 1% to 100%`,
    );
  }
  return match[2] === "%" ? Math.max(1, Math.ceil((chosen * amount) / 100)) : amount;
}
