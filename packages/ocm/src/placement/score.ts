/** Prioritizers: every candidate's score from −100 to 100 per prioritizer, weighted and added (pkg/placement/plugins). */
import type { AddOnPlacementScore, ManagedCluster, Placement, ScoreCoordinate } from "@ai-edge/api";
import { MisconfiguredError } from "./misconfigured.ts";
import { parseQuantity } from "../quantity.ts";

const MAX_SCORE = 100;
const MAX_WEIGHT = 10;

export interface ScoreInputs {
  /** Clusters that the Placement has selected already. */
  selected: ReadonlySet<string>;
  /** How many decisions of other Placements name a cluster. */
  otherDecisions: ReadonlyMap<string, number>;
  /** The score objects of a cluster's namespace. */
  addOnScores: (cluster: string) => readonly AddOnPlacementScore[];
  now: Date;
}

/**
 * The weighted score of each candidate by name.
 * @throws MisconfiguredError for a prioritizer that does not exist or a weight out of range
 */
export function scoreClusters(
  placement: Placement,
  candidates: readonly ManagedCluster[],
  inputs: ScoreInputs,
): Map<string, number> {
  const totals = new Map(candidates.map(({ metadata }) => [metadata.name, 0]));
  for (const { coordinate, weight } of prioritizersOf(placement)) {
    if (weight === 0) continue;
    const scores = scoresOf(coordinate, candidates, inputs);
    for (const [name, score] of scores) totals.set(name, (totals.get(name) ?? 0) + score * weight);
  }
  return totals;
}

interface Prioritizer {
  coordinate: ScoreCoordinate;
  weight: number;
}

/** Additive mode keeps the defaults, Balance and Steady with weight 1, unless they are configured. */
function prioritizersOf(placement: Placement): Prioritizer[] {
  const { mode = "Additive", configurations = [] } = placement.spec.prioritizerPolicy ?? {};
  if (mode !== "Additive" && mode !== "Exact") {
    throw new MisconfiguredError(
      `spec.prioritizerPolicy.mode: "${String(mode)}" is neither Additive nor Exact`,
    );
  }
  const configured = configurations.map(({ scoreCoordinate, weight = 1 }, index) => {
    if (!Number.isInteger(weight) || Math.abs(weight) > MAX_WEIGHT) {
      throw new MisconfiguredError(
        `spec.prioritizerPolicy.configurations[${index}].weight: must be from -10 to 10`,
      );
    }
    return { coordinate: scoreCoordinate, weight };
  });
  const defaults = (["Balance", "Steady"] as const)
    .filter((builtIn) => !configured.some(({ coordinate }) => coordinate.builtIn === builtIn))
    .map((builtIn): Prioritizer => ({ coordinate: { type: "BuiltIn", builtIn }, weight: 1 }));
  return mode === "Exact" ? configured : [...defaults, ...configured];
}

function scoresOf(
  coordinate: ScoreCoordinate,
  clusters: readonly ManagedCluster[],
  inputs: ScoreInputs,
): [string, number][] {
  if (coordinate.type === "AddOn")
    return clusters.map((cluster) => [cluster.metadata.name, addOnScore(coordinate, cluster, inputs)]);
  switch (coordinate.builtIn) {
    case "Steady":
      return clusters.map(({ metadata: { name } }) => [name, inputs.selected.has(name) ? MAX_SCORE : 0]);
    case "Balance":
      return balance(clusters, inputs.otherDecisions);
    case "ResourceAllocatableCPU":
      return allocatable(clusters, "cpu");
    case "ResourceAllocatableMemory":
      return allocatable(clusters, "memory");
    default:
      throw new MisconfiguredError(
        `spec.prioritizerPolicy: "${coordinate.builtIn ?? ""}" is not a built-in prioritizer (Balance, Steady, ResourceAllocatableCPU, ResourceAllocatableMemory)`,
      );
  }
}

function addOnScore(
  { addOn }: ScoreCoordinate,
  cluster: ManagedCluster,
  { addOnScores, now }: ScoreInputs,
): number {
  const scores = addOnScores(cluster.metadata.name).find(
    ({ metadata }) => metadata.name === addOn?.resourceName,
  )?.status;
  if (scores?.validUntil !== undefined && Date.parse(scores.validUntil) < now.getTime()) return 0;
  return scores?.scores?.find(({ name }) => name === addOn?.scoreName)?.value ?? 0;
}

function balance(
  clusters: readonly ManagedCluster[],
  decisions: ReadonlyMap<string, number>,
): [string, number][] {
  const counts = clusters.map(({ metadata }) => decisions.get(metadata.name) ?? 0);
  const most = Math.max(0, ...counts);
  return clusters.map(({ metadata }, index) => [
    metadata.name,
    most === 0 ? 0 : Math.round(MAX_SCORE - (2 * MAX_SCORE * (counts[index] ?? 0)) / most),
  ]);
}

/** The least has −100, the most 100; a cluster that does not tell its resources gets nothing. */
function allocatable(clusters: readonly ManagedCluster[], resource: string): [string, number][] {
  const amounts = clusters.map((cluster) => parseQuantity(cluster.status?.allocatable?.[resource]));
  const known = amounts.filter((amount) => amount !== undefined);
  const least = Math.min(...known);
  const most = Math.max(...known);
  return clusters.map(({ metadata }, index) => {
    const amount = amounts[index];
    if (amount === undefined) return [metadata.name, 0];
    return [
      metadata.name,
      most === least ? MAX_SCORE : Math.round(((amount - least) / (most - least) - 0.5) * 2 * MAX_SCORE),
    ];
  });
}
