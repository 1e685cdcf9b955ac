import { Agent, request as httpRequest } from "node:http";

import { compareAnswers } from "@ai-edge/inference";

import type { Endpoints } from "../topology/endpoints.ts";
import { until } from "../topology/wait.ts";
import type { DemoModel, GoldenRequest } from "./models.ts";

/** A Route answers within milliseconds of the pod's readiness; the bound is for a loaded machine. */
const ROUTE_TIMEOUT_MS = 60_000;
const REQUEST_TIMEOUT_MS = 10_000;
/** Pause between two requests of a steady stream: some 20 requests a second to each Route. */
const STREAM_PAUSE_MS = 50;

export interface Prediction {
  model: string;
  version: string;
  request: unknown;
  response: unknown;
  ok: boolean;
}

/** The URL of a model's Route at an edge, when it is known. */
export function routeUrl(endpoints: Endpoints, edge: string, model: DemoModel): string | undefined {
  const routes = endpoints.edges.find(({ name }) => name === edge)?.routes ?? [];
  return routes.find(({ namespace }) => namespace === model.name)?.url;
}

/**
 * Hop 8: sends a golden request to a Route and compares the answer with the golden one.
 * @throws Error if the Route does not appear in time
 */
export async function predict(
  endpoints: () => Endpoints,
  target: { edge: string; model: DemoModel; version: string; golden: GoldenRequest },
  signal: AbortSignal,
): Promise<Prediction> {
  const { edge, model, version, golden } = target;
  await until(async () => routeUrl(endpoints(), edge, model) !== undefined, ROUTE_TIMEOUT_MS, signal);
  const base = routeUrl(endpoints(), edge, model);
  if (base === undefined)
    throw new Error(`${edge} has no Route for ${model.name} after ${ROUTE_TIMEOUT_MS / 1000} s`);
  const answer = await post(`${base}/${model.endpoint}`, golden.request);
  const response = parse(answer.body);
  const { equal } = compareAnswers(parse(golden.answer), response);
  return {
    model: model.name,
    version,
    request: parse(golden.request),
    response,
    ok: answer.status === 200 && equal,
  };
}

/** A steady stream of requests to one Route; counts what fails, whatever the reason. */
export interface RequestStream {
  stop(): Promise<{ sent: number; failed: number; firstFailure?: string }>;
}

/** Starts a stream of one request after the other, each on a connection of its own: what a fleet of small clients does. */
export function startStream(url: string, body: string): RequestStream {
  let running = true;
  const counts: { sent: number; failed: number; firstFailure?: string } = { sent: 0, failed: 0 };
  const fail = (reason: string) => {
    counts.failed += 1;
    counts.firstFailure ??= reason;
  };
  const loop = (async () => {
    while (running) {
      counts.sent += 1;
      try {
        const { status, body: answer } = await post(url, body);
        if (status !== 200) fail(`HTTP ${status}: ${answer.slice(0, 200)}`);
      } catch (error) {
        fail(error instanceof Error ? error.message : String(error));
      }
      await new Promise((resolve) => setTimeout(resolve, STREAM_PAUSE_MS));
    }
  })();
  return {
    stop: async () => {
      running = false;
      await loop;
      return counts;
    },
  };
}

/** One POST without keep-alive: a kept connection would hide what a Route does with new ones. */
async function post(url: string, body: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const agent = new Agent({ keepAlive: false });
    const request = httpRequest(
      url,
      {
        method: "POST",
        agent,
        timeout: REQUEST_TIMEOUT_MS,
        headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body) },
      },
      (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body: text }));
        response.on("error", reject);
      },
    );
    request.on("timeout", () =>
      request.destroy(new Error(`no answer from ${url} within ${REQUEST_TIMEOUT_MS / 1000} s`)),
    );
    request.on("error", reject);
    request.end(body);
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
