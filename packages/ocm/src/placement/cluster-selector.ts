import { type LabelSelector, matchesLabelSelector } from "@ai-edge/apimachinery";
import type { ClusterSelector, ManagedCluster, Placement } from "@ai-edge/api";
import { MisconfiguredError } from "./misconfigured.ts";

/**
 * Whether a cluster matches one of a Placement's predicates; none means that all do.
 * @throws MisconfiguredError for a selector that cannot be read
 */
export function matchesPredicates(cluster: ManagedCluster, placement: Placement): boolean {
  const predicates = placement.spec.predicates ?? [];
  if (predicates.length === 0) return true;
  // Each is read, so that a wrong one is reported whatever the others select.
  const matches = predicates.map(({ requiredClusterSelector }, index) =>
    matchesClusterSelector(
      cluster,
      requiredClusterSelector ?? {},
      `spec.predicates[${index}].requiredClusterSelector`,
    ),
  );
  return matches.includes(true);
}

/**
 * Whether labels, claims and expressions of a selector all hold for a cluster. An absent part holds.
 * @param field how errors name the selector
 * @throws MisconfiguredError for a selector that cannot be read, and for CEL, which this scheduler does not evaluate
 */
export function matchesClusterSelector(
  cluster: ManagedCluster,
  selector: ClusterSelector,
  field: string,
): boolean {
  const { labelSelector, claimSelector, celSelector } = selector;
  if ((celSelector?.celExpressions ?? []).length > 0) {
    throw new MisconfiguredError(
      `${field}.celSelector: CEL expressions are not supported by this hub; use labelSelector or claimSelector`,
    );
  }
  const claims = Object.fromEntries(
    (cluster.status?.clusterClaims ?? []).map(({ name, value }) => [name, value]),
  );
  const claimMatch = claimSelector === undefined || matches(claimSelector, claims, `${field}.claimSelector`);
  const labelMatch =
    labelSelector === undefined || matches(labelSelector, cluster.metadata.labels, `${field}.labelSelector`);
  return labelMatch && claimMatch;
}

function matches(
  selector: LabelSelector,
  labels: Record<string, string> | undefined,
  field: string,
): boolean {
  try {
    return matchesLabelSelector(selector, labels ?? {});
  } catch (cause) {
    throw new MisconfiguredError(`${field}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}
