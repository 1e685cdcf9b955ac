import { createReadStream } from "node:fs";
import { mkdir, open, rename, rm, stat, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";

/** kubelet's containerLogMaxSize: 10 MiB per file, and one older file is kept. */
const MAX_LOG_BYTES = 10 * 1024 * 1024;
/** The CRI splits longer lines into parts tagged P (partial) and F (full). */
const MAX_LINE_BYTES = 16 * 1024;
/** Output that waits for the disk; beyond it the oldest waiting lines are dropped and counted. */
const MAX_PENDING_BYTES = 4 * 1024 * 1024;

/**
 * Writes one container's output in CRI's log format: `<RFC 3339 nano> stdout|stderr F|P <line>`.
 * https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md
 */
export class ContainerLog {
  readonly #path: string;
  readonly #now: () => Date;
  readonly #listeners = new Set<() => void>();
  readonly #partial: Record<"stdout" | "stderr", Buffer> = {
    stdout: Buffer.alloc(0),
    stderr: Buffer.alloc(0),
  };
  #pending: string[] = [];
  #pendingBytes = 0;
  #dropped = 0;
  #flushing: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(path: string, now: () => Date) {
    this.#path = path;
    this.#now = now;
  }

  /** True when the container has ended and everything is on disk. */
  get closed(): boolean {
    return this.#closed;
  }

  write(stream: "stdout" | "stderr", chunk: Buffer): void {
    let rest = this.#partial[stream].length === 0 ? chunk : Buffer.concat([this.#partial[stream], chunk]);
    for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a)) {
      this.#line(stream, rest.subarray(0, end), "F");
      rest = rest.subarray(end + 1);
    }
    while (rest.length > MAX_LINE_BYTES) {
      this.#line(stream, rest.subarray(0, MAX_LINE_BYTES), "P");
      rest = rest.subarray(MAX_LINE_BYTES);
    }
    this.#partial[stream] = Buffer.from(rest);
    this.#flush();
  }

  /** Called after every write to disk; for followers. */
  onWrite(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    for (const stream of ["stdout", "stderr"] as const) {
      if (this.#partial[stream].length > 0) this.#line(stream, this.#partial[stream], "F");
      this.#partial[stream] = Buffer.alloc(0);
    }
    this.#flush();
    await this.#flushing;
    this.#closed = true;
    for (const listener of this.#listeners) listener();
  }

  #line(stream: string, text: Buffer, tag: "F" | "P"): void {
    if (this.#pendingBytes > MAX_PENDING_BYTES) {
      this.#dropped += 1;
      return;
    }
    // JavaScript's clock has milliseconds; CRI's readers want nanosecond digits.
    const line = `${this.#now().toISOString().replace("Z", "000000Z")} ${stream} ${tag} ${text.toString("utf8")}\n`;
    this.#pending.push(line);
    this.#pendingBytes += Buffer.byteLength(line);
  }

  #flush(): void {
    if (this.#pending.length === 0) return;
    this.#flushing = this.#flushing.then(() => this.#writePending()).catch(() => undefined);
  }

  async #writePending(): Promise<void> {
    if (this.#pending.length === 0) return;
    if (this.#dropped > 0) {
      this.#pending.push(
        `${this.#now().toISOString().replace("Z", "000000Z")} stderr F (${this.#dropped} lines dropped: the disk was too slow)\n`,
      );
      this.#dropped = 0;
    }
    const text = this.#pending.join("");
    this.#pending = [];
    this.#pendingBytes = 0;
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
    const size = (await stat(this.#path).catch(() => undefined))?.size ?? 0;
    if (size > MAX_LOG_BYTES) await rename(this.#path, `${this.#path}.1`);
    const file = await open(this.#path, "a", 0o600);
    try {
      await file.writeFile(text);
    } finally {
      await file.close();
    }
    for (const listener of this.#listeners) listener();
  }
}

/** Removes a log and its rotated predecessor. */
export async function removeLog(path: string): Promise<void> {
  await Promise.all([rm(path, { force: true }), rm(`${path}.1`, { force: true })]);
}

export interface LogOptions {
  follow?: boolean | undefined;
  tailLines?: number | undefined;
  sinceSeconds?: number | undefined;
  timestamps?: boolean | undefined;
  limitBytes?: number | undefined;
}

/** One entry of a CRI log. */
interface Entry {
  time: string;
  text: string;
  /** Ends a line; a partial one does not. */
  full: boolean;
}

/** Reads a log as `kubectl logs` wants it; with `follow` until `signal` aborts or the container has ended. */
export async function* readContainerLog(
  path: string,
  options: LogOptions,
  source: { log: ContainerLog | undefined; now: () => Date; signal: AbortSignal },
): AsyncGenerator<Uint8Array> {
  let left = options.limitBytes ?? Number.POSITIVE_INFINITY;
  const since =
    options.sinceSeconds === undefined
      ? undefined
      : new Date(source.now().getTime() - options.sinceSeconds * 1000);
  const formatted = (entry: Entry) =>
    Buffer.from(
      `${options.timestamps === true ? `${entry.time} ` : ""}${entry.text}${entry.full ? "\n" : ""}`,
    );
  const wanted = (entry: Entry) => since === undefined || new Date(entry.time) >= since;
  const position = { bytes: 0 };
  const history = [
    ...(await readEntries(`${path}.1`, { bytes: 0 })),
    ...(await readEntries(path, position)),
  ].filter(wanted);
  const start = options.tailLines === undefined ? 0 : Math.max(0, history.length - options.tailLines);
  for (const entry of history.slice(start)) {
    const bytes = formatted(entry).subarray(0, left);
    left -= bytes.length;
    yield bytes;
    if (left <= 0) return;
  }
  while (options.follow === true && source.log !== undefined && !source.signal.aborted) {
    const { closed } = source.log;
    for (const entry of await readEntries(path, position)) {
      const bytes = formatted(entry).subarray(0, left);
      left -= bytes.length;
      yield bytes;
      if (left <= 0) return;
    }
    if (closed) return;
    await nextWrite(source.log, source.signal);
  }
}

async function nextWrite(log: ContainerLog, signal: AbortSignal): Promise<void> {
  if (log.closed) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      stop();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const stop = log.onWrite(done);
    signal.addEventListener("abort", done);
  });
}

/** Whole entries from a position on; advances it. A file that became shorter was rotated: it is read from its start. */
async function readEntries(path: string, position: { bytes: number }): Promise<Entry[]> {
  const size = await fileSize(path);
  if (size === undefined) return [];
  if (size < position.bytes) position.bytes = 0;
  if (size === position.bytes) return [];
  const chunks: Buffer[] = [];
  for await (const chunk of createReadStream(path, { start: position.bytes, end: size - 1 }))
    chunks.push(chunk as Buffer);
  const buffer = Buffer.concat(chunks);
  const end = buffer.lastIndexOf(0x0a) + 1;
  position.bytes += end;
  return buffer
    .subarray(0, end)
    .toString("utf8")
    .split("\n")
    .slice(0, -1)
    .flatMap((line) => {
      const match = /^(\S+) (?:stdout|stderr) ([FP]) ([^]*)$/.exec(line);
      return match === null ? [] : [{ time: match[1] ?? "", full: match[2] === "F", text: match[3] ?? "" }];
    });
}

async function fileSize(path: string): Promise<number | undefined> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, "r");
    return (await handle.stat()).size;
  } catch {
    return undefined;
  } finally {
    await handle?.close();
  }
}
