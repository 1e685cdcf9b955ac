/**
 * The body of Prometheus remote write 1.0 (prometheus.WriteRequest), encoded and decoded by hand: three messages of
 * two fields each do not need a protobuf runtime.
 *
 *     WriteRequest { repeated TimeSeries timeseries = 1; }
 *     TimeSeries   { repeated Label labels = 1; repeated Sample samples = 2; }
 *     Label        { string name = 1; string value = 2; }
 *     Sample       { double value = 1; int64 timestamp = 2; }
 */
import type { Sample, TimeSeries } from "../series.ts";

/** Bytes that are not a WriteRequest. */
export class WireError extends Error {
  override readonly name = "WireError";
}

/** Prometheus' staleness marker: a NaN with these very bits (model/value/value.go). */
const STALE_BITS = 0x7ff0000000000002n;
const NAN_BITS = 0x7ff8000000000001n;

/** Wire types of the protobuf encoding. */
const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;

/** Growing byte buffer. */
class Writer {
  #bytes = Buffer.allocUnsafe(4096);
  #length = 0;

  #room(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + count));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }

  varint(value: number): void {
    this.#room(10);
    let rest = value;
    while (rest > 0x7f) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#length++] = rest;
  }

  bytes(field: number, content: Uint8Array): void {
    this.varint((field << 3) | LENGTH);
    this.varint(content.length);
    this.#room(content.length);
    this.#bytes.set(content, this.#length);
    this.#length += content.length;
  }

  text(field: number, content: string): void {
    this.bytes(field, Buffer.from(content));
  }

  value(field: number, value: number | null): void {
    this.varint((field << 3) | FIXED64);
    this.#room(8);
    if (value === null) this.#bytes.writeBigUInt64LE(STALE_BITS, this.#length);
    else if (Number.isNaN(value)) this.#bytes.writeBigUInt64LE(NAN_BITS, this.#length);
    else this.#bytes.writeDoubleLE(value, this.#length);
    this.#length += 8;
  }

  /** Non-negative int64; times before 1970 do not happen. */
  integer(field: number, value: number): void {
    this.varint((field << 3) | VARINT);
    this.varint(Math.max(0, value));
  }

  finish(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.#length));
  }
}

function encodeSeries(series: TimeSeries): Buffer {
  const out = new Writer();
  // The specification wants labels sorted by name.
  for (const [name, value] of Object.entries(series.labels).toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const label = new Writer();
    label.text(1, name);
    label.text(2, value);
    out.bytes(1, label.finish());
  }
  for (const { value, timestamp } of series.samples) {
    const sample = new Writer();
    sample.value(1, value);
    sample.integer(2, timestamp);
    out.bytes(2, sample.finish());
  }
  return out.finish();
}

/** The uncompressed body of a write request. */
export function encodeWriteRequest(series: readonly TimeSeries[]): Buffer {
  const out = new Writer();
  for (const one of series) out.bytes(1, encodeSeries(one));
  return out.finish();
}

class Reader {
  readonly #bytes: Buffer;
  #at: number;
  readonly #end: number;

  constructor(bytes: Buffer, start: number, end: number) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  get more(): boolean {
    return this.#at < this.#end;
  }

  varint(): number {
    let value = 0;
    for (let shift = 1; ; shift *= 0x80) {
      if (this.#at >= this.#end || shift > 2 ** 63) throw new WireError("broken varint");
      const byte = this.#bytes[this.#at++] ?? 0;
      value += (byte & 0x7f) * shift;
      if (byte < 0x80) return value;
    }
  }

  /** Two's complement, so negative numbers come as more than 2^63. */
  int64(): number {
    const value = this.varint();
    return value >= 2 ** 63 ? value - 2 ** 64 : value;
  }

  tag(): { field: number; type: number } {
    const tag = this.varint();
    return { field: Math.floor(tag / 8), type: tag % 8 };
  }

  #advance(count: number): number {
    const start = this.#at;
    if (start + count > this.#end) throw new WireError("message is cut short");
    this.#at = start + count;
    return start;
  }

  message(): Reader {
    const length = this.varint();
    const start = this.#advance(length);
    return new Reader(this.#bytes, start, start + length);
  }

  text(): string {
    const length = this.varint();
    const start = this.#advance(length);
    return this.#bytes.toString("utf8", start, start + length);
  }

  value(): number | null {
    const start = this.#advance(8);
    const value = this.#bytes.readDoubleLE(start);
    return Number.isNaN(value) && this.#bytes.readBigUInt64LE(start) === STALE_BITS ? null : value;
  }

  skip(type: number): void {
    if (type === VARINT) this.varint();
    else if (type === FIXED64) this.#advance(8);
    else if (type === FIXED32) this.#advance(4);
    else if (type === LENGTH) this.#advance(this.varint());
    else throw new WireError(`unknown wire type ${type}`);
  }
}

function readSample(reader: Reader): Sample {
  let value: number | null = 0;
  let timestamp = 0;
  while (reader.more) {
    const { field, type } = reader.tag();
    if (field === 1 && type === FIXED64) value = reader.value();
    else if (field === 2 && type === VARINT) timestamp = reader.int64();
    else reader.skip(type);
  }
  return { timestamp, value };
}

function readLabel(reader: Reader): [string, string] {
  let [name, value] = ["", ""];
  while (reader.more) {
    const { field, type } = reader.tag();
    if (field === 1 && type === LENGTH) name = reader.text();
    else if (field === 2 && type === LENGTH) value = reader.text();
    else reader.skip(type);
  }
  return [name, value];
}

/** A series has some 10 labels; more than this is an attack or a mistake that would bloat the index. */
const MAX_LABELS = 64;

function readSeries(reader: Reader): TimeSeries {
  const labels: [string, string][] = [];
  const samples: Sample[] = [];
  while (reader.more) {
    const { field, type } = reader.tag();
    if (field === 1 && type === LENGTH) labels.push(readLabel(reader.message()));
    else if (field === 2 && type === LENGTH) samples.push(readSample(reader.message()));
    else reader.skip(type);
    if (labels.length > MAX_LABELS) throw new WireError(`a series has more than ${MAX_LABELS} labels`);
  }
  const record: Record<string, string> = Object.fromEntries(labels.filter(([, value]) => value !== ""));
  if (new Set(labels.map(([name]) => name)).size !== labels.length)
    throw new WireError("a label appears twice");
  return { labels: record, samples };
}

/**
 * Reads a write request; exemplars, native histograms and metadata are skipped.
 *
 * @throws WireError for broken bytes
 */
export function decodeWriteRequest(bytes: Buffer): TimeSeries[] {
  const reader = new Reader(bytes, 0, bytes.length);
  const series: TimeSeries[] = [];
  while (reader.more) {
    const { field, type } = reader.tag();
    if (field === 1 && type === LENGTH) series.push(readSeries(reader.message()));
    else reader.skip(type);
  }
  return series;
}
