import type { IncomingMessage, ServerResponse } from "node:http";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { spawnGit } from "./git.ts";

export type GitService = "git-upload-pack" | "git-receive-pack";

/** A fetch negotiation lists hashes; 16 MiB are some 300,000 of them. */
const MAX_FETCH_REQUEST_BYTES = 16 * 1024 * 1024;
/** A push carries models; the same bound that GitHub sets for one push (2 GiB). */
export const DEFAULT_MAX_PUSH_BYTES = 2 * 1024 * 1024 * 1024;
/** A clone of a large repository over a slow line still ends; a stuck client does not keep a process for ever. */
const SERVICE_TIMEOUT_MS = 60 * 60 * 1000;
/** Of the header `Git-Protocol`, e.g. "version=2". */
const GIT_PROTOCOL_PATTERN = /^[a-z0-9=:]{1,64}$/;

export interface ServiceRequest {
  service: GitService;
  /** Path of the bare repository. */
  repository: string;
  request: IncomingMessage;
  response: ServerResponse;
  maxPushBytes: number;
  signal: AbortSignal;
}

/**
 * Answers `GET …/info/refs?service=…` (gitprotocol-http(5)): git's advertisement behind the service's own header line,
 * which protocol version 2 has as well.
 */
export async function advertiseRefs(options: ServiceRequest): Promise<void> {
  const { service, response } = options;
  response.writeHead(200, {
    "content-type": `application/x-${service}-advertisement`,
    "cache-control": "no-cache",
  });
  response.write(`${packetLine(`# service=${service}\n`)}0000`);
  const child = spawnService(options, ["--advertise-refs"]);
  child.stdin.on("error", () => undefined);
  child.stdin.end();
  await pipeline(child.stdout, response);
}

/**
 * Answers `POST …/git-upload-pack` and `POST …/git-receive-pack` by git itself, streaming both ways.
 * @returns when git has ended: a push that was accepted is then in the repository
 */
export async function runService(options: ServiceRequest): Promise<void> {
  const { service, request, response } = options;
  const limit = service === "git-receive-pack" ? options.maxPushBytes : MAX_FETCH_REQUEST_BYTES;
  const child = spawnService(options, []);
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const encoded = request.headers["content-encoding"];
  const body = byteLimit(limit);
  const input =
    encoded === "gzip" || encoded === "x-gzip"
      ? pipeline(request, createGunzip(), body, child.stdin)
      : pipeline(request, body, child.stdin);
  // Git closes its input when it has read enough or refuses; what it says on its output is the answer then.
  const inputDone = input.catch((error: unknown) => {
    if (isBrokenPipe(error)) return;
    child.kill("SIGKILL");
    throw error;
  });
  response.writeHead(200, { "content-type": `application/x-${service}-result`, "cache-control": "no-cache" });
  const outcomes = await Promise.allSettled([inputDone, pipeline(child.stdout, response), ended]);
  const failed = outcomes.find((outcome) => outcome.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

function spawnService(options: ServiceRequest, flags: string[]): ReturnType<typeof spawnGit> {
  const { service, repository, request, response, signal } = options;
  const protocol = request.headers["git-protocol"];
  const env =
    typeof protocol === "string" && GIT_PROTOCOL_PATTERN.test(protocol)
      ? { GIT_PROTOCOL: protocol }
      : undefined;
  const bound = service === "git-receive-pack" ? ["-c", `receive.maxInputSize=${options.maxPushBytes}`] : [];
  const command = service.slice("git-".length);
  const child = spawnGit(
    undefined,
    ["-c", `safe.directory=${repository}`, ...bound, command, "--stateless-rpc", ...flags, repository],
    env,
  );
  const stop = (): void => void child.kill("SIGTERM");
  const timer = setTimeout(stop, SERVICE_TIMEOUT_MS);
  signal.addEventListener("abort", stop, { once: true });
  // A client that went away must not leave git waiting for it.
  response.once("close", stop);
  child.once("close", () => {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
    response.removeListener("close", stop);
  });
  child.once("error", () => response.destroy());
  child.stderr.resume();
  return child;
}

/** The decoded body may be larger than this only by one chunk: a gzip bomb ends here. */
function byteLimit(limit: number): Transform {
  let size = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      if (size > limit) done(new RangeError(`the request body is larger than ${limit} bytes`));
      else done(null, chunk);
    },
  });
}

function packetLine(text: string): string {
  return (Buffer.byteLength(text) + 4).toString(16).padStart(4, "0") + text;
}

function isBrokenPipe(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "EPIPE" || code === "ERR_STREAM_PREMATURE_CLOSE";
}
