/** How long ago, as kubectl prints it (`duration.HumanDuration`); `<unknown>` without a time. */
export function ageOf(timestamp: unknown, now: Date): string {
  if (typeof timestamp !== "string") return "<unknown>";
  const time = Date.parse(timestamp);
  return Number.isNaN(time) ? "<unknown>" : humanDuration(now.getTime() - time);
}

/** A duration in the two most telling units: `90s`, `5m30s`, `3h20m`, `4d`, `2y40d`. */
export function humanDuration(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return withRest(minutes, "m", seconds % 60, "s");
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8) return withRest(hours, "h", minutes % 60, "m");
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(hours / 24);
  if (days < 8) return withRest(days, "d", hours % 24, "h");
  if (days < 730) return `${days}d`;
  const years = Math.floor(days / 365);
  return years < 8 ? withRest(years, "y", days % 365, "d") : `${years}y`;
}

function withRest(major: number, unit: string, rest: number, restUnit: string): string {
  return rest === 0 ? `${major}${unit}` : `${major}${unit}${rest}${restUnit}`;
}
