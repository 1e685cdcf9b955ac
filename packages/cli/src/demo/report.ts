import { Pod } from "@ai-edge/api";

import { messageOf } from "../user-error.ts";
import type { HopOutcome } from "./run-hops.ts";
import type { HopResult, Progress } from "./progress.ts";
import type { MetricValue } from "./metrics.ts";
import type { Prediction } from "./prediction.ts";
import { descendants, residentBytes } from "../topology/resident-memory.ts";
import type { Topology } from "../topology/topology.ts";
import { until } from "../topology/wait.ts";

/** What `ai-edge demo --output json` prints. */
export interface DemoReport {
  hops: HopResult[];
  /** The image that both sites run in the end, by digest. */
  image: string | null;
  images: { model: string; version: string; image: string }[];
  pullRequests: string[];
  edges: { name: string; predictions: Prediction[]; failedRequests: number }[];
  metrics: MetricValue[];
  /** Resident bytes per process while everything runs; model servers as `<edge>/pods`. */
  rss: Record<string, number>;
  secondsToFirstPredictions: number;
  secondsFromMergeToServing: number;
  ok: boolean;
  error?: string;
}

/** Pods of the version before the rollout finish what they serve, and are gone within seconds. */
const DRAIN_TIMEOUT_MS = 15_000;

/** Collects the report while the topology still runs. */
export async function demoReport(input: {
  topology: Topology | undefined;
  progress: Progress;
  outcome: HopOutcome;
  edges: readonly string[];
  failure: unknown;
}): Promise<DemoReport> {
  const { outcome, failure } = input;
  const images = outcome.images.map(({ model, version, repository, digest }) => ({
    model: model.name,
    version,
    image: `${repository}@${digest}`,
  }));
  return {
    hops: input.progress.results,
    image: images.at(-1)?.image ?? null,
    images,
    pullRequests: outcome.pullRequests,
    edges: input.edges.map((name) => ({
      name,
      predictions: outcome.predictions.get(name) ?? [],
      failedRequests: outcome.failedRequests.get(name) ?? 0,
    })),
    metrics: outcome.metrics,
    rss: input.topology === undefined ? {} : await residentMemory(input.topology, input.edges),
    secondsToFirstPredictions: outcome.secondsToFirstPredictions,
    secondsFromMergeToServing: outcome.secondsFromMergeToServing,
    ok: failure === undefined,
    ...(failure === undefined ? {} : { error: messageOf(failure) }),
  };
}

async function residentMemory(topology: Topology, edges: readonly string[]): Promise<Record<string, number>> {
  await until(async () => !(await isReplacing(topology, edges).catch(() => false)), DRAIN_TIMEOUT_MS);
  const rss: Record<string, number> = { supervisor: (await residentBytes(process.pid)) ?? 0 };
  for (const { name, pid } of topology.processes()) {
    if (pid === undefined) continue;
    rss[name] = (await residentBytes(pid)) ?? 0;
    const pods = await Promise.all((await descendants(pid)).map((child) => residentBytes(child)));
    if (pods.length > 0) rss[`${name}/pods`] = pods.reduce<number>((sum, bytes) => sum + (bytes ?? 0), 0);
  }
  return rss;
}

/** Whether some Pod of a site is still on its way out: the memory of a rollout is not that of the models. */
async function isReplacing(topology: Topology, edges: readonly string[]): Promise<boolean> {
  const lists = await Promise.all(
    ["core", ...edges].map(async (name) => (await topology.client(name)).list(Pod)),
  );
  return lists.some(({ items }) => items.some(({ metadata }) => metadata.deletionTimestamp !== undefined));
}
