import type { Logger } from "pino";
import type { Store } from "./store.ts";

/** A client that was away this long may still resume its watch (kube-apiserver compacts every 5 min). */
const KEEP_MS = 10 * 60 * 1000;
/** And so may one that missed this many changes, however old. */
const KEEP_REVISIONS = 10_000;
const INTERVAL_MS = 60_000;
/** Rows per step: a step blocks the server for some milliseconds. */
const BATCH_ROWS = 500;
const BATCH_PAUSE_MS = 20;

/** Keeps the history bounded in time and size. @returns a function that stops it */
export function startCompaction(store: Store, options: { now: () => Date; logger: Logger }): () => void {
  let timer: NodeJS.Timeout;
  const step = (): void => {
    let deleted = 0;
    try {
      const keepSince = new Date(options.now().getTime() - KEEP_MS);
      deleted = store.compact({ keepRevisions: KEEP_REVISIONS, keepSince, limit: BATCH_ROWS });
    } catch (error) {
      options.logger.warn({ err: error }, "could not compact the history");
    }
    timer = setTimeout(step, deleted === BATCH_ROWS ? BATCH_PAUSE_MS : INTERVAL_MS).unref();
  };
  timer = setTimeout(step, INTERVAL_MS).unref();
  return () => clearTimeout(timer);
}
