import { type KubernetesObject, StatusError, statusError } from "@ai-edge/apimachinery";
import { isStatusObject, parseObject } from "./response.ts";
import type { WatchEvent } from "./types.ts";

/** API servers take objects up to 3 MiB (etcd's limit is less); JSON escapes and managedFields may multiply that. */
const MAX_WATCH_LINE_BYTES = 32 * 1024 * 1024;

const NEWLINE = 0x0a;

/**
 * Decodes a watch stream: one JSON frame per line, in chunks of any size.
 * @throws StatusError for an ERROR frame (Expired, Gone, …), for a frame that is not JSON, not an event or too long
 */
export async function* decodeWatchStream<T extends KubernetesObject>(
  chunks: AsyncIterable<Uint8Array>,
  what: string,
): AsyncGenerator<WatchEvent<T>> {
  for await (const line of splitLines(chunks, what)) yield decodeFrame<T>(line, what);
}

async function* splitLines(chunks: AsyncIterable<Uint8Array>, what: string): AsyncGenerator<string> {
  let pending: Uint8Array[] = [];
  let pendingLength = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      pending.push(chunk.subarray(start, end));
      const line = Buffer.concat(pending).toString("utf8").trim();
      pending = [];
      pendingLength = 0;
      start = end + 1;
      if (line !== "") yield line;
    }
    if (start < chunk.length) {
      pending.push(chunk.subarray(start));
      pendingLength += chunk.length - start;
      if (pendingLength > MAX_WATCH_LINE_BYTES) {
        throw statusError("InternalError", `${what}: a frame is longer than ${MAX_WATCH_LINE_BYTES} bytes`);
      }
    }
  }
  // What is left without its newline was cut off: the server died in the middle of a frame. The watcher resumes
  // from the last whole event, so nothing is lost by dropping it.
}

function decodeFrame<T extends KubernetesObject>(line: string, what: string): WatchEvent<T> {
  const frame = parseObject<{ type?: unknown; object?: unknown }>(line, what);
  if (frame.type === "ERROR") {
    if (isStatusObject(frame.object)) throw new StatusError(frame.object);
    throw statusError("InternalError", `${what}: the server reported an error without a Status`);
  }
  if (!isEvent<T>(frame))
    throw statusError("InternalError", `${what}: unknown event type ${String(frame.type)}`);
  return frame;
}

function isEvent<T extends KubernetesObject>(frame: {
  type?: unknown;
  object?: unknown;
}): frame is WatchEvent<T> {
  return (
    (frame.type === "ADDED" ||
      frame.type === "MODIFIED" ||
      frame.type === "DELETED" ||
      frame.type === "BOOKMARK") &&
    typeof frame.object === "object" &&
    frame.object !== null &&
    "metadata" in frame.object
  );
}
