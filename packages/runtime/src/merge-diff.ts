import { isDeepStrictEqual } from "node:util";

/**
 * The JSON merge patch (RFC 7386) that turns `before` into `after`, or undefined when they are equal. Fields that are
 * undefined count as absent, because JSON leaves them out.
 */
export function mergeDiff(before: unknown, after: unknown): unknown {
  if (!isRecord(before) || !isRecord(after)) {
    return isDeepStrictEqual(plain(before), plain(after)) ? undefined : after;
  }
  const patch: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(after)) {
    if (value === undefined) continue;
    const old = before[name];
    const difference = old === undefined || old === null ? value : mergeDiff(old, value);
    if (difference !== undefined) patch[name] = difference;
  }
  for (const [name, value] of Object.entries(before)) {
    if (value !== undefined && value !== null && after[name] === undefined) patch[name] = null;
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** As it looks after a trip through JSON. */
function plain(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}
