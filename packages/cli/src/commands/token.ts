import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

import { validateDnsLabel } from "@ai-edge/apimachinery";

import { mintJoinToken } from "../core/join-token.ts";
import type { ProgramIO } from "../program-io.ts";
import { UsageError } from "../user-error.ts";

const SECONDS_PER_UNIT: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };
/** A token that outlives this is forgotten somewhere; make a new one instead. */
const LONGEST_TTL_SECONDS = 30 * 86_400;

/** `ai-edge token create`: prints the token on standard output, and nothing else there. */
export async function createToken(
  cluster: string,
  options: { ttl: string; dataDir: string },
  io: ProgramIO,
): Promise<void> {
  const [wrong] = validateDnsLabel(cluster);
  if (wrong !== undefined) throw new UsageError(`cluster name "${cluster}": ${wrong}`);
  const ttlSeconds = parseDuration(options.ttl);
  const dataDir = resolve(io.cwd, options.dataDir);
  const topologyCore = join(dataDir, "core");
  const coreDataDir = existsSync(topologyCore) ? topologyCore : dataDir;
  const token = await mintJoinToken({ cluster, coreDataDir, ttlSeconds });
  io.stdout.write(`${token}\n`);
}

/** `90s`, `30m`, `24h`, `7d` in seconds. */
function parseDuration(text: string): number {
  const match = /^(\d{1,6})([smhd])$/.exec(text);
  const seconds = Number(match?.[1]) * (SECONDS_PER_UNIT[match?.[2] ?? ""] ?? Number.NaN);
  if (Number.isNaN(seconds) || seconds < 1 || seconds > LONGEST_TTL_SECONDS) {
    throw new UsageError(`--ttl ${text} is not a duration from 1s to 30d (for example 30m or 24h)`);
  }
  return seconds;
}
