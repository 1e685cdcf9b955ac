import type { ResourceResult } from "@ai-edge/api";
import { isStatus, keyOf } from "@ai-edge/apimachinery";
import type { Client, DeleteOptions } from "@ai-edge/client";
import { hasOption, type ComparedResource } from "./comparison.ts";
import { compareForApply } from "./order.ts";

const ANNOTATION_SYNC_OPTIONS = "argocd.argoproj.io/sync-options";

export interface PruneRequest {
  client: Client;
  prune: boolean;
  syncOptions: ReadonlySet<string>;
  signal: AbortSignal;
}

/** Deletes what left Git, users before what they use; without permission to prune only says what it would. */
export async function pruneResources(
  request: PruneRequest,
  extras: readonly ComparedResource[],
): Promise<ResourceResult[]> {
  const results: ResourceResult[] = [];
  for (const extra of extras.toSorted((a, b) => compareForApply(b.ref, a.ref))) {
    if (extra.live === undefined) continue;
    const { object, type } = extra.live;
    const kept =
      hasOption(object, ANNOTATION_SYNC_OPTIONS, "Prune=false") ||
      hasOption(object, ANNOTATION_SYNC_OPTIONS, "Prune=confirm");
    if (!request.prune || kept) {
      results.push(
        resultOf(extra, "PruneSkipped", kept ? "ignored (no prune)" : "ignored (requires pruning)"),
      );
      continue;
    }
    try {
      const { uid } = object.metadata;
      const options = {
        propagationPolicy: propagationPolicy(request.syncOptions),
        signal: request.signal,
        ...(uid === undefined ? {} : { preconditions: { uid } }),
      };
      await request.client.delete(type, keyOf(object), options);
      results.push(resultOf(extra, "Pruned", "pruned"));
    } catch (error) {
      if (isStatus(error, "NotFound")) results.push(resultOf(extra, "Pruned", "pruned"));
      else
        results.push(resultOf(extra, "SyncFailed", error instanceof Error ? error.message : String(error)));
    }
  }
  return results;
}

/** Argo CD's default is foreground. */
function propagationPolicy(
  syncOptions: ReadonlySet<string>,
): NonNullable<DeleteOptions["propagationPolicy"]> {
  if (syncOptions.has("PrunePropagationPolicy=background")) return "Background";
  return syncOptions.has("PrunePropagationPolicy=orphan") ? "Orphan" : "Foreground";
}

function resultOf(
  { ref, version }: ComparedResource,
  status: NonNullable<ResourceResult["status"]>,
  message: string,
): ResourceResult {
  return { ...ref, version, status, message, syncPhase: "Sync" };
}
