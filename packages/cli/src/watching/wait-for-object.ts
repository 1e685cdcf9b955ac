import {
  formatKey,
  isStatus,
  type KubernetesObject,
  type ObjectKey,
  type ResourceType,
} from "@ai-edge/apimachinery";
import type { Client } from "@ai-edge/client";

/** Pause before a broken watch is opened again. */
const REWATCH_PAUSE_MS = 200;

/** The awaited state did not come in time; carries what was there instead. */
class WaitTimeoutError extends Error {
  override readonly name = "WaitTimeoutError";
}

export interface WaitOptions<T> {
  timeoutMs: number;
  signal: AbortSignal;
  /** What is awaited, for the error: "PipelineRun to succeed". */
  goal: string;
  /** One line about the last state seen, for the error. */
  describe?: (object: T) => string;
}

/**
 * Waits by watch until an object satisfies a predicate; an object that is not there yet counts as not satisfying it.
 * @throws WaitTimeoutError; whatever the predicate throws (a state from which the goal cannot be reached)
 */
export async function waitForObject<T extends KubernetesObject>(
  client: Client,
  type: ResourceType<T>,
  key: ObjectKey,
  predicate: (object: T) => boolean,
  options: WaitOptions<T>,
): Promise<T> {
  const timeout = AbortSignal.timeout(options.timeoutMs);
  const signal = AbortSignal.any([options.signal, timeout]);
  let last: T | undefined;
  while (!signal.aborted) {
    try {
      for await (const object of changesOf(client, type, key, signal)) {
        last = object;
        if (predicate(object)) return object;
      }
    } catch (error) {
      if (!isConnectionTrouble(error) && !signal.aborted) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, REWATCH_PAUSE_MS));
  }
  options.signal.throwIfAborted();
  const state = last === undefined ? "it does not exist" : (options.describe?.(last) ?? "it exists");
  throw new WaitTimeoutError(
    `waited ${options.timeoutMs / 1000} s for ${type.kind} ${formatKey(key)} ${options.goal}; now: ${state}`,
  );
}

/** The object now, if it exists, and then every change of it until the server ends the watch. */
async function* changesOf<T extends KubernetesObject>(
  client: Client,
  type: ResourceType<T>,
  key: ObjectKey,
  signal: AbortSignal,
): AsyncGenerator<T> {
  const selection = { namespace: key.namespace, fieldSelector: `metadata.name=${key.name}`, signal };
  const list = await client.list(type, selection);
  yield* list.items;
  for await (const event of client.watch(type, {
    ...selection,
    resourceVersion: list.metadata.resourceVersion,
  })) {
    if (event.type === "ADDED" || event.type === "MODIFIED") yield event.object;
  }
}

/** True for what a restart of the API server causes, or a kind that is not served yet: worth watching again. */
function isConnectionTrouble(error: unknown): boolean {
  if (
    isStatus(
      error,
      "Expired",
      "Gone",
      "ServiceUnavailable",
      "TooManyRequests",
      "Timeout",
      "ServerTimeout",
      "NotFound",
    )
  )
    return true;
  return error instanceof Error && !("status" in error) && ("code" in error || error.cause !== undefined);
}
