import { findCondition, formatKey } from "@ai-edge/apimachinery";
import { PipelineRun } from "@ai-edge/api";
import type { Client } from "@ai-edge/client";

import { RUN_NAMESPACE } from "../core/pipeline-namespace.ts";
import { waitForObject } from "../watching/wait-for-object.ts";

/** A build with its smoke test takes seconds; a laptop under load may take much longer. */
const RUN_TIMEOUT_MS = 180_000;

/** A run ended otherwise than Succeeded; the message is the reason and message of its condition. */
class PipelineRunFailedError extends Error {
  override readonly name = "PipelineRunFailedError";
}

/**
 * Waits for the end of a PipelineRun.
 * @returns the run, Succeeded
 * @throws PipelineRunFailedError
 */
export async function waitForRun(
  client: Client,
  name: string,
  options: { signal: AbortSignal; note?: (text: string) => void },
): Promise<PipelineRun> {
  const key = { namespace: RUN_NAMESPACE, name };
  return waitForObject(
    client,
    PipelineRun,
    key,
    (run) => {
      const condition = findCondition(run.status?.conditions, "Succeeded");
      if (condition?.status === "False") {
        throw new PipelineRunFailedError(
          `PipelineRun ${formatKey(key)}: ${condition.reason}: ${condition.message}`,
        );
      }
      const tasks = run.status?.childReferences?.length ?? 0;
      options.note?.(`${name}: task ${tasks}`);
      return condition?.status === "True";
    },
    {
      timeoutMs: RUN_TIMEOUT_MS,
      signal: options.signal,
      goal: "to succeed",
      describe: (run) => findCondition(run.status?.conditions, "Succeeded")?.message ?? "it has not started",
    },
  );
}

/** The value of a string result of a run. */
export function resultOf(run: PipelineRun, name: string): string | undefined {
  const value = run.status?.results?.find((result) => result.name === name)?.value;
  return typeof value === "string" ? value : undefined;
}
