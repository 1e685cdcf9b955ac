import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { compareAnswers } from "@ai-edge/inference";

/** Whether a Route answers the golden request of a version of bike-rentals with its golden answer. */
export async function goldenPrediction(url: string, version: "1" | "2"): Promise<boolean> {
  const directory = version === "1" ? "models/bike-rentals" : "updates/bike-rentals-v2";
  const read = (file: string) =>
    readFile(fileURLToPath(new URL(`../examples/${directory}/golden/${file}`, import.meta.url)), "utf8");
  const [request, answer] = await Promise.all([read("data.json"), read("output.json")]);
  const response = await fetch(url, {
    method: "POST",
    body: request,
    headers: { "content-type": "application/json" },
  });
  return response.status === 200 && compareAnswers(JSON.parse(answer), await response.json()).equal;
}

/** The series of an instant query at the core, at a time in seconds. */
export async function queryMetrics(metrics: string, query: string, time: number): Promise<unknown[]> {
  const response = await fetch(
    `${metrics}/api/v1/query?${new URLSearchParams({ query, time: String(time) }).toString()}`,
  );
  const answer = (await response.json()) as { data: { result: unknown[] } };
  return answer.data.result;
}
