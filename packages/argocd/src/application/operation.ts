import type {
  Application,
  ApplicationOperation,
  ApplicationStatus,
  OperationState,
  RevisionHistory,
} from "@ai-edge/api";
import { formatTime } from "@ai-edge/apimachinery";
import type { LoadedSource } from "./source-loader.ts";
import { mayRetry, retryDelay } from "./retry.ts";
import type { SyncOutcome } from "./sync.ts";

/** `status.history` keeps so many entries (`revisionHistoryLimit`). */
const DEFAULT_HISTORY_LIMIT = 10;
/** A sync that waits longer for a wave has failed; upstream waits for ever, which hides the fixing commit. */
const SYNC_TIMEOUT_MS = 30 * 60_000;
/** An object's share of the message; hundreds of resources must not blow up the Application. */
const MAX_RESULTS = 500;

/** An operation that begins now. */
export function startOperation(operation: ApplicationOperation, now: Date): OperationState {
  return { operation, phase: "Running", startedAt: formatTime(now) };
}

/** Milliseconds until an operation that failed may run again; undefined when it does not wait. */
export function retryWait(state: OperationState, now: Date): number | undefined {
  if (state.phase !== "Running" || state.finishedAt === undefined) return undefined;
  const delay = retryDelay(state.operation.retry, (state.retryCount ?? 1) - 1);
  return Math.max(0, Date.parse(state.finishedAt) + delay - now.getTime());
}

/** The state after a pass; a failed one that may be retried stays Running. */
export function finishPass(
  state: OperationState,
  outcome: SyncOutcome,
  loaded: LoadedSource,
  now: Date,
): OperationState {
  const { finishedAt: _, ...rest } = state;
  const syncResult = {
    revision: loaded.revision,
    source: loaded.source,
    resources: outcome.resources.slice(0, MAX_RESULTS),
  };
  if (outcome.phase === "Running") {
    if (now.getTime() - Date.parse(state.startedAt) < SYNC_TIMEOUT_MS)
      return { ...rest, message: outcome.message, syncResult };
    return {
      ...rest,
      phase: "Failed",
      message: `${outcome.message}: gave up after ${SYNC_TIMEOUT_MS / 60_000} min`,
      finishedAt: formatTime(now),
      syncResult,
    };
  }
  const retries = state.retryCount ?? 0;
  if (outcome.phase !== "Succeeded" && mayRetry(state.operation.retry, retries)) {
    const message = `${outcome.message}. Retrying attempt #${retries + 1} at ${formatTime(new Date(now.getTime() + retryDelay(state.operation.retry, retries)))}.`;
    return {
      ...rest,
      phase: "Running",
      message,
      retryCount: retries + 1,
      finishedAt: formatTime(now),
      syncResult,
    };
  }
  const retried = retries > 0 && outcome.phase !== "Succeeded" ? ` (retried ${retries} times).` : "";
  return {
    ...rest,
    phase: outcome.phase,
    message: `${outcome.message}${retried}`,
    finishedAt: formatTime(now),
    syncResult,
  };
}

/** The history with a successful sync of everything; partial syncs and dry runs leave no entry. */
export function historyAfter(
  app: Application,
  status: ApplicationStatus,
  state: OperationState,
): RevisionHistory[] {
  const history = status.history ?? [];
  const { sync, initiatedBy } = state.operation;
  const isPartial = (sync?.resources ?? []).length > 0;
  if (state.phase !== "Succeeded" || sync?.dryRun === true || isPartial || state.syncResult === undefined)
    return history;
  const { revision, source } = state.syncResult;
  const entry: RevisionHistory = {
    id: (history.at(-1)?.id ?? -1) + 1,
    revision,
    ...(source === undefined ? {} : { source }),
    deployStartedAt: state.startedAt,
    deployedAt: state.finishedAt ?? state.startedAt,
    ...(initiatedBy === undefined ? {} : { initiatedBy }),
  };
  const limit = app.spec.revisionHistoryLimit ?? DEFAULT_HISTORY_LIMIT;
  return limit <= 0 ? [] : [...history, entry].slice(-limit);
}
