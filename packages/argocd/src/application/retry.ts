import type { ApplicationRetry } from "@ai-edge/api";

const DEFAULT_DURATION_MS = 5_000;
const DEFAULT_FACTOR = 2;
const DEFAULT_MAX_MS = 180_000;

/** Milliseconds to wait before a retry: duration × factor^n, at most maxDuration. */
export function retryDelay(retry: ApplicationRetry | undefined, retryCount: number): number {
  const { duration, factor, maxDuration } = retry?.backoff ?? {};
  const base = parseDuration(duration) ?? DEFAULT_DURATION_MS;
  const max = parseDuration(maxDuration) ?? DEFAULT_MAX_MS;
  return Math.min(base * (factor ?? DEFAULT_FACTOR) ** retryCount, max);
}

/** Whether another attempt is allowed after so many retries; a negative limit has no end. */
export function mayRetry(retry: ApplicationRetry | undefined, retryCount: number): boolean {
  const limit = retry?.limit ?? 0;
  return limit < 0 || retryCount < limit;
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** Milliseconds of a Go duration (`1m30s`); a bare number means seconds. Undefined for anything else. */
function parseDuration(text: string | undefined): number | undefined {
  if (text === undefined || text === "") return undefined;
  if (/^\d+$/.test(text)) return Number(text) * 1_000;
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) return undefined;
  return [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)].reduce(
    (sum, [, amount, unit = "s"]) => sum + Number(amount) * (UNITS[unit] ?? 0),
    0,
  );
}
