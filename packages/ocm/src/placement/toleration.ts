/** Taints and tolerations, as upstream's TaintToleration plugin (pkg/placement/plugins/tainttoleration). */
import type { ClusterTaint, Placement, PlacementToleration } from "@ai-edge/api";
import { MisconfiguredError } from "./misconfigured.ts";

/** @throws MisconfiguredError for a toleration that upstream refuses, naming its field */
export function checkTolerations(placement: Placement): void {
  for (const [index, { key, operator = "Equal", value }] of (placement.spec.tolerations ?? []).entries()) {
    const field = `spec.tolerations[${index}]`;
    if (operator !== "Exists" && operator !== "Equal") {
      throw new MisconfiguredError(`${field}.operator: "${String(operator)}" is neither Exists nor Equal`);
    }
    if ((key ?? "") === "" && operator !== "Exists") {
      throw new MisconfiguredError(
        `${field}.operator: must be Exists when key is empty, which means all taints`,
      );
    }
    if (operator === "Exists" && (value ?? "") !== "") {
      throw new MisconfiguredError(`${field}.value: must be empty when operator is Exists`);
    }
  }
}

export interface TaintVerdict {
  /** The taint that excludes the cluster, if one does. */
  blockedBy: ClusterTaint | undefined;
  /** When the earliest toleration runs out, in milliseconds. */
  expiresAt: number | undefined;
}

/**
 * Whether taints let a cluster be selected.
 * @param selected the Placement has selected it before: NoSelectIfNew does not block it then
 */
export function judgeTaints(
  taints: readonly ClusterTaint[],
  tolerations: readonly PlacementToleration[],
  selected: boolean,
  now: Date,
): TaintVerdict {
  let expiresAt: number | undefined;
  for (const taint of taints) {
    if (taint.effect === "PreferNoSelect" || (taint.effect === "NoSelectIfNew" && selected)) continue;
    const ends = tolerations
      .filter((toleration) => tolerates(toleration, taint))
      .map((toleration) => endOf(toleration, taint))
      .filter((end) => end > now.getTime());
    if (ends.length === 0) return { blockedBy: taint, expiresAt: undefined };
    const end = Math.max(...ends);
    if (Number.isFinite(end)) expiresAt = Math.min(end, expiresAt ?? end);
  }
  return { blockedBy: undefined, expiresAt };
}

function tolerates(toleration: PlacementToleration, taint: ClusterTaint): boolean {
  const { key, operator = "Equal", value, effect } = toleration;
  if (effect !== undefined && effect !== taint.effect) return false;
  if ((key ?? "") !== "" && key !== taint.key) return false;
  return operator === "Exists" || (value ?? "") === (taint.value ?? "");
}

/** A taint without a time is not stamped by the hub yet: its toleration has not begun to run out. */
function endOf({ tolerationSeconds }: PlacementToleration, { timeAdded }: ClusterTaint): number {
  const since = Date.parse(timeAdded ?? "");
  return tolerationSeconds === undefined || Number.isNaN(since) ? Infinity : since + tolerationSeconds * 1000;
}
