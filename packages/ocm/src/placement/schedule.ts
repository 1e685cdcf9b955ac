/** Which clusters a Placement selects and why not the others: a pure function of what the hub knows. */
import type { ManagedCluster, ManagedClusterSet, ManagedClusterSetBinding, Placement } from "@ai-edge/api";
import { isInSet } from "../hub/cluster-set.ts";
import { matchesPredicates } from "./cluster-selector.ts";
import { type DecisionGroup, groupDecisions } from "./decision-group.ts";
import { type ScoreInputs, scoreClusters } from "./score.ts";
import { checkTolerations, judgeTaints } from "./toleration.ts";

export interface ScheduleInputs extends ScoreInputs {
  placement: Placement;
  /** The bindings of the Placement's namespace. */
  bindings: readonly ManagedClusterSetBinding[];
  sets: readonly ManagedClusterSet[];
  clusters: readonly ManagedCluster[];
}

export interface Schedule {
  groups: DecisionGroup[];
  selected: string[];
  satisfied: { status: "True" | "False"; reason: string; message: string };
  /** When the schedule may change by time alone (a toleration runs out), in milliseconds. */
  expiresAt: number | undefined;
}

/** Names in one message: enough to find the rest. */
const MAX_NAMES = 5;

/** @throws MisconfiguredError when the spec means nothing; callers keep the decisions that they have */
export function schedule(inputs: ScheduleInputs): Schedule {
  const { placement } = inputs;
  checkTolerations(placement);
  const bound = boundSets(inputs);
  if (typeof bound === "string") return nothing("NoManagedClusterSetBindings", bound);
  const wanted = placement.spec.clusterSets ?? [];
  const sets = wanted.length === 0 ? bound : bound.filter(({ metadata }) => wanted.includes(metadata.name));
  if (sets.length === 0) {
    const names = bound.map(({ metadata }) => metadata.name).join(", ");
    const message = `None of ManagedClusterSets [${wanted.join(" ")}] is bound to placement namespace; bound are: ${names}`;
    return nothing("NoIntersection", message);
  }
  const members = inputs.clusters.filter(
    (cluster) =>
      cluster.metadata.deletionTimestamp === undefined && sets.some((set) => isInSet(cluster, set)),
  );
  if (members.length === 0) {
    const names = sets.map(({ metadata }) => metadata.name).join(" ");
    return nothing(
      "AllManagedClusterSetsEmpty",
      `All ManagedClusterSets [${names}] have no member ManagedCluster`,
    );
  }
  return select(inputs, members);
}

/** The sets that valid bindings of the namespace name, or why there are none. */
function boundSets({ bindings, sets }: ScheduleInputs): ManagedClusterSet[] | string {
  const valid = bindings.filter(
    ({ metadata, spec }) => metadata.deletionTimestamp === undefined && spec?.clusterSet === metadata.name,
  );
  const found = sets.filter(({ metadata }) => valid.some(({ spec }) => spec?.clusterSet === metadata.name));
  if (found.length > 0) return found;
  const names = bindings.map(({ metadata }) => metadata.name).join(", ");
  return bindings.length === 0
    ? "No valid ManagedClusterSetBindings found in placement namespace"
    : `No valid ManagedClusterSetBindings found in placement namespace: the ManagedClusterSets of ${names} do not exist`;
}

function select(inputs: ScheduleInputs, members: readonly ManagedCluster[]): Schedule {
  const { placement, selected: before, now } = inputs;
  const excluded = new Map<string, string[]>();
  const exclude = (reason: string, name: string): void => {
    excluded.set(reason, [...(excluded.get(reason) ?? []), name]);
  };
  const candidates: ManagedCluster[] = [];
  const expiries = new Map<string, number>();
  for (const cluster of members) {
    const { name } = cluster.metadata;
    if (!matchesPredicates(cluster, placement)) {
      exclude("match no predicate", name);
      continue;
    }
    const verdict = judgeTaints(
      cluster.spec?.taints ?? [],
      placement.spec.tolerations ?? [],
      before.has(name),
      now,
    );
    if (verdict.blockedBy !== undefined) {
      exclude(`tainted ${verdict.blockedBy.key}`, name);
      continue;
    }
    if (verdict.expiresAt !== undefined) expiries.set(name, verdict.expiresAt);
    candidates.push(cluster);
  }
  const scores = scoreClusters(placement, candidates, inputs);
  const score = ({ metadata }: ManagedCluster): number => scores.get(metadata.name) ?? 0;
  const ranked = candidates.toSorted(
    (a, b) => score(b) - score(a) || (a.metadata.name < b.metadata.name ? -1 : 1),
  );
  const wanted = placement.spec.numberOfClusters;
  const chosen = wanted === undefined ? ranked : ranked.slice(0, Math.max(0, wanted));
  const surplus = ranked.length - chosen.length;
  const selected = chosen.map(({ metadata }) => metadata.name).sort();
  const ends = selected.flatMap((name) => expiries.get(name) ?? []);
  return {
    groups: groupDecisions(placement, chosen),
    selected,
    satisfied: verdictOf({ wanted, selected: selected.length, members: members.length, surplus, excluded }),
    expiresAt: ends.length === 0 ? undefined : Math.min(...ends),
  };
}

function verdictOf(counts: {
  wanted: number | undefined;
  selected: number;
  members: number;
  surplus: number;
  excluded: ReadonlyMap<string, string[]>;
}): Schedule["satisfied"] {
  const { wanted, selected, members, surplus, excluded } = counts;
  const reasons = [...excluded].map(([reason, names]) => `${names.length} ${reason} (${someOf(names)})`);
  if (surplus > 0) reasons.push(`${surplus} beyond numberOfClusters ${wanted}`);
  const why =
    reasons.length === 0 ? "" : `; ${members - selected} of ${members} not selected: ${reasons.join(", ")}`;
  if (selected === 0 && wanted !== 0) {
    return {
      status: "False",
      reason: "NoManagedClusterMatched",
      message: `No ManagedCluster matches any of the cluster predicate${why}`,
    };
  }
  if (wanted !== undefined && selected < wanted) {
    const message = `${selected} cluster decisions scheduled, ${wanted} wanted${why}`;
    return { status: "False", reason: "NotAllDecisionsScheduled", message };
  }
  return {
    status: "True",
    reason: "AllDecisionsScheduled",
    message: `All cluster decisions scheduled${why}`,
  };
}

function someOf(names: readonly string[]): string {
  const shown = names.slice(0, MAX_NAMES).join(", ");
  return names.length > MAX_NAMES ? `${shown}, …` : shown;
}

function nothing(reason: string, message: string): Schedule {
  return {
    groups: [{ name: "", index: 0, clusters: [] }],
    selected: [],
    satisfied: { status: "False", reason, message },
    expiresAt: undefined,
  };
}
