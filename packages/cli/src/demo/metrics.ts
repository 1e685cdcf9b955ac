import { get, type IncomingMessage } from "node:http";

import * as z from "zod";

import type { Endpoints } from "../topology/endpoints.ts";
import { until } from "../topology/wait.ts";

/** A scrape, a remote write and two samples for a rate: a few intervals. */
const METRICS_TIMEOUT_MS = 60_000;

/** What hop 9 asks: a plain selector, and the rate that the dashboard shows. */
const QUERIES = [
  "rest_server_requests_total",
  "sum by (cluster) (rate(rest_server_requests_total[1m]))",
] as const;

export interface MetricValue {
  cluster: string;
  query: string;
  value: number;
}

const answerSchema = z.object({
  status: z.literal("success"),
  data: z.object({
    resultType: z.literal("vector"),
    result: z.array(
      z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) }),
    ),
  }),
});

/** One instant query at the core's Prometheus HTTP API. */
async function instantQuery(endpoints: Endpoints, query: string): Promise<MetricValue[]> {
  const text = await getText(
    `${endpoints.core.metrics}/api/v1/query?${new URLSearchParams({ query }).toString()}`,
  );
  const answer = answerSchema.parse(JSON.parse(text));
  return answer.data.result.map(({ metric, value }) => ({
    cluster: metric["cluster"] ?? "",
    query,
    value: Number(value[1]),
  }));
}

/** Not by `fetch`, whose first use costs a process some 10 MB of resident memory for as long as it lives. */
async function getText(url: string): Promise<string> {
  const response = await new Promise<IncomingMessage>((resolve, reject) =>
    get(url, resolve).once("error", reject),
  );
  let text = "";
  for await (const chunk of response.setEncoding("utf8")) text += String(chunk);
  return text;
}

/** Hop 9: waits until every query has a value above zero for every edge. @throws Error naming what is missing */
export async function waitForMetrics(
  endpoints: Endpoints,
  edges: readonly string[],
  signal: AbortSignal,
): Promise<MetricValue[]> {
  let values: MetricValue[] = [];
  const missing = () =>
    QUERIES.flatMap((query) =>
      edges
        .filter(
          (edge) =>
            !values.some((value) => value.query === query && value.cluster === edge && value.value > 0),
        )
        .map((edge) => `${query} of ${edge}`),
    );
  await until(
    async () => {
      values = (
        await Promise.all(QUERIES.map((query) => instantQuery(endpoints, query).catch(() => [])))
      ).flat();
      return missing().length === 0;
    },
    METRICS_TIMEOUT_MS,
    signal,
  );
  if (missing().length > 0)
    throw new Error(`no value after ${METRICS_TIMEOUT_MS / 1000} s for: ${missing().join("; ")}`);
  return values.filter(({ cluster }) => edges.includes(cluster));
}
