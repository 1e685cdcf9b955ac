import { request } from "node:http";
import { parseExposition, type ParsedSample } from "../text-format/parse.ts";
import type { Target } from "./targets.ts";

/** A model server's exposition has some 20 kB; a target that sends megabytes is not one. */
const MAX_BYTES = 8 * 1024 * 1024;

async function fetchText(target: Target, signal: AbortSignal): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const { host, port, path } = target;
  const options = { host, port, path, signal, headers: { accept: "text/plain;version=0.0.4" } };
  const outgoing = request(options, (response) => {
    const chunks: Buffer[] = [];
    let size = 0;
    response.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_BYTES) response.destroy(new Error(`answer is larger than ${MAX_BYTES} bytes`));
      chunks.push(chunk);
    });
    response.on("error", reject);
    response.on("end", () => {
      if (response.statusCode === 200) resolve(Buffer.concat(chunks).toString("utf8"));
      else reject(new Error(`answered HTTP ${response.statusCode}`));
    });
  });
  outgoing.on("error", reject);
  outgoing.end();
  return promise;
}

/**
 * Reads the metrics of one target.
 *
 * @throws Error with the reason: unreachable, too slow, another status, not the exposition format
 */
export async function scrape(
  target: Target,
  options: { keep: (name: string) => boolean; timeoutMs: number; signal: AbortSignal },
): Promise<ParsedSample[]> {
  const timeout = AbortSignal.timeout(options.timeoutMs);
  try {
    const text = await fetchText(target, AbortSignal.any([timeout, options.signal]));
    return parseExposition(text, options.keep);
  } catch (error) {
    if (timeout.aborted) throw new Error(`no answer within ${options.timeoutMs} ms`, { cause: error });
    throw error;
  }
}
