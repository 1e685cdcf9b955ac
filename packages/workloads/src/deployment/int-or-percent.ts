/**
 * A number, or a percentage of a total (`intstr.GetScaledValueFromIntOrPercent`).
 * @param rounding surge rounds up, unavailability down, so that both err towards availability
 */
export function resolveIntOrPercent(
  value: number | string | undefined,
  total: number,
  rounding: "up" | "down",
): number {
  if (typeof value === "number") return value;
  const match = /^(\d+)%$/.exec(value ?? "0%");
  // Validation in the API server refuses anything else; upstream's controller also takes it for 0.
  if (match === null) return 0;
  const exact = (Number(match[1]) * total) / 100;
  return rounding === "up" ? Math.ceil(exact) : Math.floor(exact);
}
