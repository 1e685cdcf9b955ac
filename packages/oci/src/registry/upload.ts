import { setTimeout } from "node:timers/promises";
import type { Descriptor } from "../image/manifest.ts";
import type { RegistrySession } from "./session.ts";
import { registryError, RegistryError } from "./error.ts";
import type { HttpAnswer } from "./transport.ts";

/** Above this size a blob goes up in pieces, so that a cut costs at most one of them (KitOps uses the same bound). */
const CHUNK_SIZE = 100 * 1024 * 1024;
/** Tries of one piece; each asks first how much the registry has. */
const MAX_TRIES = 4;
const RETRY_DELAY_MS = 500;

type OpenBlob = (offset: number) => AsyncIterable<Uint8Array>;

/** Pushes a blob: one PUT if it is small, otherwise PATCHes that resume where the registry says. */
export async function uploadBlob(
  session: RegistrySession,
  repository: string,
  descriptor: Descriptor,
  open: OpenBlob,
  signal: AbortSignal | undefined,
): Promise<void> {
  const scope = `repository:${repository}:pull,push`;
  const what = `push of blob ${descriptor.digest} to ${session.host}/${repository}`;
  const start = await session.request({
    method: "POST",
    path: `/v2/${repository}/blobs/uploads/`,
    scope,
    headers: { "content-length": "0" },
    signal,
  });
  if (start.status !== 202) throw await registryError(what, start);
  let location = nextLocation(start, what);
  let offset = 0;
  if (descriptor.size > CHUNK_SIZE) {
    for (let tries = 0; offset < descriptor.size;) {
      const end = Math.min(offset + CHUNK_SIZE, descriptor.size);
      const answer = await sendChunk(session, { location, scope, start: offset, end, open, signal }).catch(
        retryable,
      );
      if (answer?.status === 202) {
        location = nextLocation(answer, what);
        offset = end;
        tries = 0;
        continue;
      }
      tries += 1;
      if (tries === MAX_TRIES)
        throw answer === undefined
          ? new Error(`${what}: the connection broke ${MAX_TRIES} times`)
          : await registryError(what, answer);
      answer?.body.resume();
      await delay(RETRY_DELAY_MS * tries, signal);
      const known = await uploadedBytes(session, location, scope, signal);
      location = known.location ?? location;
      offset = known.offset;
    }
  }
  await finish(session, {
    location,
    scope,
    descriptor,
    body: () => open(offset),
    remaining: descriptor.size - offset,
    what,
    signal,
  });
}

interface Chunk {
  location: string;
  scope: string;
  start: number;
  end: number;
  open: OpenBlob;
  signal: AbortSignal | undefined;
}

async function sendChunk(session: RegistrySession, chunk: Chunk): Promise<HttpAnswer> {
  const { location, scope, start, end, open, signal } = chunk;
  const headers = {
    "content-type": "application/octet-stream",
    "content-length": String(end - start),
    "content-range": `${start}-${end - 1}`,
  };
  const body = (): AsyncIterable<Uint8Array> => limitBytes(open(start), end - start);
  return await session.request({ method: "PATCH", path: location, scope, headers, body, signal });
}

interface Finish {
  location: string;
  scope: string;
  descriptor: Descriptor;
  body: () => AsyncIterable<Uint8Array>;
  remaining: number;
  what: string;
  signal: AbortSignal | undefined;
}

async function finish(session: RegistrySession, options: Finish): Promise<void> {
  const { location, scope, descriptor, body, remaining, what, signal } = options;
  const url = session.locate(location);
  url.searchParams.set("digest", descriptor.digest);
  const headers = { "content-type": "application/octet-stream", "content-length": String(remaining) };
  const request = { method: "PUT", path: url.href, scope, headers, signal };
  const answer = await session.request(remaining === 0 ? request : { ...request, body });
  if (answer.status !== 201) throw await registryError(what, answer);
  answer.body.resume();
}

async function uploadedBytes(
  session: RegistrySession,
  location: string,
  scope: string,
  signal: AbortSignal | undefined,
): Promise<{ offset: number; location: string | undefined }> {
  const answer = await session.request({ method: "GET", path: location, scope, signal });
  if (answer.status !== 204) throw await registryError("status of an upload", answer);
  answer.body.resume();
  const range = answer.headers["range"];
  const last = /^(?:bytes=)?0-(\d+)$/.exec(range ?? "")?.[1];
  return { offset: last === undefined ? 0 : Number(last) + 1, location: answer.headers.location };
}

function nextLocation(answer: HttpAnswer, what: string): string {
  answer.body.resume();
  const { location } = answer.headers;
  if (location === undefined)
    throw new RegistryError(`${what}: the registry gave no upload location`, answer.status, "UNKNOWN");
  return location;
}

/** A broken connection may be tried again; a refusal that we raised ourselves may not. */
function retryable(error: unknown): undefined {
  if (
    error instanceof Error &&
    "code" in error &&
    typeof error.code === "string" &&
    /^(ECONN|EPIPE|ETIMEDOUT)/.test(error.code)
  )
    return undefined;
  throw error;
}

async function* limitBytes(
  source: AsyncIterable<Uint8Array>,
  limit: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let left = limit;
  for await (const chunk of source) {
    yield chunk.length <= left ? chunk : chunk.subarray(0, left);
    left -= chunk.length;
    if (left <= 0) return;
  }
}

async function delay(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await setTimeout(milliseconds, undefined, signal === undefined ? {} : { signal });
}
