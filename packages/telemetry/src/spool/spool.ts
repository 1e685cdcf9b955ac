/**
 * A durable queue of write requests: append-only segment files and one small file with the position that the receiver
 * has acknowledged. What `append` returned for is on disk; what was acknowledged is not sent again, except for the last
 * few after a crash, which the receiver recognises by series and time.
 */
import { mkdir, open, readdir, readFile, rename, rm, truncate, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { decodeRecord, encodeRecord, type SpoolRecord } from "./record.ts";

export interface SpoolOptions {
  directory: string;
  /** Bytes on disk; the oldest segment goes when they are exceeded. */
  maxBytes: number;
  /** Milliseconds; segments whose newest record is older are dropped. */
  maxAge: number;
  now: () => number;
}

export interface SpoolStatus {
  /** Records and samples not acknowledged, and the bytes they take. */
  records: number;
  samples: number;
  bytes: number;
  /** Samples given up because of the budget, since the process started. */
  droppedSamples: number;
}

interface Segment {
  number: number;
  bytes: number;
  /** Records from the acknowledged position on. */
  records: number;
  samples: number;
  newest: number;
}

/** A segment is dropped or deleted as a whole, so it should be small against the budget and large against a record. */
const SEGMENT_BYTES = 1024 * 1024;

const ACKNOWLEDGED_FILE = "acknowledged.json";
const segmentFile = (number: number): string => `${String(number).padStart(10, "0")}.spool`;
const SEGMENT_PATTERN = /^(\d{10})\.spool$/;

interface Position {
  segment: number;
  offset: number;
}

async function readPosition(directory: string): Promise<Position> {
  try {
    const value: unknown = JSON.parse(await readFile(join(directory, ACKNOWLEDGED_FILE), "utf8"));
    if (typeof value === "object" && value !== null && "segment" in value && "offset" in value) {
      const [segment, offset] = [Number(value.segment), Number(value.offset)];
      if (Number.isSafeInteger(segment) && Number.isSafeInteger(offset)) return { segment, offset };
    }
  } catch {
    // None yet, or unreadable: sending again is harmless, losing is not.
  }
  return { segment: 0, offset: 0 };
}

export class Spool {
  readonly #options: SpoolOptions;
  readonly #segments: Segment[] = [];
  #position: Position = { segment: 0, offset: 0 };
  #tail: FileHandle | undefined;
  /** Contents of the segment being read. */
  #cache: { number: number; bytes: Buffer } | undefined;
  #dropped = 0;
  #arrival = Promise.withResolvers<void>();

  private constructor(options: SpoolOptions) {
    this.#options = options;
  }

  /** Opens (or creates) the spool and mends what a crash left: a torn record at the end is cut off. */
  static async open(options: SpoolOptions): Promise<Spool> {
    await mkdir(options.directory, { recursive: true });
    const spool = new Spool(options);
    spool.#position = await readPosition(options.directory);
    const numbers = (await readdir(options.directory))
      .map((name) => SEGMENT_PATTERN.exec(name)?.[1])
      .filter((digits) => digits !== undefined)
      .map(Number)
      .toSorted((a, b) => a - b);
    for (const number of numbers) await spool.#recover(number);
    return spool;
  }

  #path(number: number): string {
    return join(this.#options.directory, segmentFile(number));
  }

  async #recover(number: number): Promise<void> {
    if (number < this.#position.segment) {
      await rm(this.#path(number), { force: true });
      return;
    }
    const bytes = await readFile(this.#path(number));
    const segment: Segment = { number, bytes: 0, records: 0, samples: 0, newest: 0 };
    for (let at = decodeRecord(bytes, 0); at !== undefined; at = decodeRecord(bytes, at.next)) {
      const pending = number > this.#position.segment || segment.bytes >= this.#position.offset;
      segment.bytes = at.next;
      segment.newest = at.record.time;
      if (!pending) continue;
      segment.records++;
      segment.samples += at.record.samples;
    }
    if (segment.bytes < bytes.length) await truncate(this.#path(number), segment.bytes);
    if (number === this.#position.segment) {
      this.#position.offset = Math.min(this.#position.offset, segment.bytes);
    }
    this.#segments.push(segment);
  }

  status(): SpoolStatus {
    const sum = (field: "records" | "samples" | "bytes"): number =>
      this.#segments.reduce((total, segment) => total + segment[field], 0);
    return {
      records: sum("records"),
      samples: sum("samples"),
      bytes: sum("bytes"),
      droppedSamples: this.#dropped,
    };
  }

  /** Resolves when there is something to send that was not there before the call. */
  arrival(): Promise<void> {
    return this.#arrival.promise;
  }

  async #writable(): Promise<{ segment: Segment; file: FileHandle }> {
    const last = this.#segments.at(-1);
    if (last !== undefined && last.bytes < SEGMENT_BYTES) {
      this.#tail ??= await open(this.#path(last.number), "a");
      return { segment: last, file: this.#tail };
    }
    await this.#tail?.close();
    const number = Math.max(last?.number ?? 0, this.#position.segment) + 1;
    const segment: Segment = { number, bytes: 0, records: 0, samples: 0, newest: 0 };
    this.#tail = await open(this.#path(number), "a");
    this.#segments.push(segment);
    await this.#syncDirectory();
    return { segment, file: this.#tail };
  }

  async #syncDirectory(): Promise<void> {
    const directory = await open(this.#options.directory);
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }

  /** Appends records in one write; when it returns they are on disk. */
  async append(records: readonly SpoolRecord[]): Promise<void> {
    if (records.length === 0) return;
    const { segment, file } = await this.#writable();
    const bytes = Buffer.concat(records.map(encodeRecord));
    await file.appendFile(bytes);
    await file.datasync();
    segment.bytes += bytes.length;
    segment.records += records.length;
    segment.samples += records.reduce((total, record) => total + record.samples, 0);
    segment.newest = Math.max(segment.newest, ...records.map((record) => record.time));
    if (this.#cache?.number === segment.number) this.#cache = undefined;
    await this.#enforceBudget();
    this.#arrival.resolve();
    this.#arrival = Promise.withResolvers();
  }

  /** Drops the oldest segments, never the one being written. */
  async #enforceBudget(): Promise<void> {
    const oldestKept = this.#options.now() - this.#options.maxAge;
    for (
      let [first] = this.#segments;
      first !== undefined && this.#segments.length > 1;
      [first] = this.#segments
    ) {
      const total = this.#segments.reduce((sum, segment) => sum + segment.bytes, 0);
      if (total <= this.#options.maxBytes && first.newest >= oldestKept) return;
      this.#dropped += first.samples;
      await this.#remove(first);
    }
  }

  async #remove(segment: Segment): Promise<void> {
    this.#segments.splice(this.#segments.indexOf(segment), 1);
    await rm(this.#path(segment.number), { force: true });
  }

  /** The oldest record that is not acknowledged; undefined when all are. */
  async peek(): Promise<SpoolRecord | undefined> {
    const segment = this.#segments.find(({ records }) => records > 0);
    if (segment === undefined) return undefined;
    if (this.#position.segment !== segment.number) this.#position = { segment: segment.number, offset: 0 };
    if (this.#cache?.number !== segment.number) {
      this.#cache = { number: segment.number, bytes: await readFile(this.#path(segment.number)) };
    }
    const at = decodeRecord(this.#cache.bytes, this.#position.offset);
    if (at !== undefined) return at.record;
    // The disk changed under us; the rest of the segment is unreadable. Counted, not hidden.
    this.#dropped += segment.samples;
    segment.records = 0;
    segment.samples = 0;
    return this.peek();
  }

  /** The record that `peek` gave is with the receiver. */
  async acknowledge(record: SpoolRecord): Promise<void> {
    const segment = this.#segments.find(({ number }) => number === this.#position.segment);
    // Dropped by the budget while it was under way.
    if (segment === undefined || segment.records === 0) return;
    const at = decodeRecord(this.#cache?.bytes ?? Buffer.alloc(0), this.#position.offset);
    if (at === undefined || !at.record.body.equals(record.body)) return;
    this.#position.offset = at.next;
    segment.records--;
    segment.samples -= record.samples;
    if (segment.records === 0 && segment !== this.#segments.at(-1)) await this.#remove(segment);
  }

  /** Makes the acknowledged position durable; until then a crash means that records are sent once more. */
  async flush(): Promise<void> {
    const path = join(this.#options.directory, ACKNOWLEDGED_FILE);
    const file = await open(`${path}.new`, "w");
    try {
      await file.writeFile(JSON.stringify(this.#position));
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(`${path}.new`, path);
  }

  async close(): Promise<void> {
    await this.flush();
    await this.#tail?.close();
    this.#tail = undefined;
  }
}
