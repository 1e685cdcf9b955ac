/** A condition (`meta/v1` Condition). Older kinds leave out `observedGeneration` or `lastTransitionTime`. */
export interface Condition {
  type: string;
  status: "True" | "False" | "Unknown";
  reason?: string;
  message?: string;
  observedGeneration?: number;
  lastTransitionTime?: string;
}

/** The condition of a type, if present. */
export function findCondition(
  conditions: readonly Condition[] | undefined,
  type: string,
): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** True only if the condition is present and its status is "True". */
export function isConditionTrue(conditions: readonly Condition[] | undefined, type: string): boolean {
  return findCondition(conditions, type)?.status === "True";
}

/**
 * The conditions with one set, as `meta.SetStatusCondition` does: `lastTransitionTime` changes only with `status`;
 * the order of the others is kept. The input is not modified.
 * @param now the time of a transition
 */
export function withCondition(
  conditions: readonly Condition[] | undefined,
  next: Condition,
  now: Date,
): Condition[] {
  const previous = findCondition(conditions, next.type);
  const lastTransitionTime =
    previous?.status === next.status && previous.lastTransitionTime !== undefined
      ? previous.lastTransitionTime
      : (next.lastTransitionTime ?? formatTime(now));
  const merged = { ...next, lastTransitionTime };
  if (previous === undefined) return [...(conditions ?? []), merged];
  return (conditions ?? []).map((condition) => (condition.type === next.type ? merged : condition));
}

/** RFC 3339 in seconds, as `meta/v1` Time is serialised. */
export function formatTime(time: Date): string {
  return time.toISOString().replace(/\.\d{3}Z$/, "Z");
}

/** RFC 3339 in microseconds, as `meta/v1` MicroTime is serialised (Lease renewTime). */
export function formatMicroTime(time: Date): string {
  return time.toISOString().replace(/Z$/, "000Z");
}
