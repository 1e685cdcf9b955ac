/** The Snappy block format (google/snappy, format_description.txt), which remote write uses for its bodies. */
import { WireError } from "./protobuf.ts";

const HASH_BITS = 14;
/** Copies with a 2-byte offset reach back this far. */
const WINDOW = 65_535;
const MIN_MATCH = 4;
const MAX_COPY = 64;

function writeVarint(out: Buffer, at: number, value: number): number {
  let rest = value;
  let next = at;
  while (rest > 0x7f) {
    out[next++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  out[next++] = rest;
  return next;
}

/** Worst case of the format: every 60 bytes of literal need a tag of up to 5. */
const maxCompressedLength = (length: number): number => 32 + length + Math.ceil(length / 6);

function writeLiteral(out: Buffer, at: number, input: Buffer, start: number, end: number): number {
  if (end === start) return at;
  const length = end - start - 1;
  let next = at;
  if (length < 60) out[next++] = length << 2;
  else {
    const bytes = length < 0x100 ? 1 : length < 0x1_0000 ? 2 : length < 0x100_0000 ? 3 : 4;
    out[next++] = (59 + bytes) << 2;
    for (let index = 0; index < bytes; index++) out[next++] = (length >>> (8 * index)) & 0xff;
  }
  input.copy(out, next, start, end);
  return next + end - start;
}

function writeCopy(out: Buffer, at: number, offset: number, length: number): number {
  let next = at;
  let rest = length;
  while (rest > 0) {
    const piece = Math.min(rest, MAX_COPY);
    out[next++] = ((piece - 1) << 2) | 2;
    out[next++] = offset & 0xff;
    out[next++] = offset >>> 8;
    rest -= piece;
  }
  return next;
}

/** Compresses greedily with a hash of 4-byte groups, as the reference implementation does. */
export function snappyCompress(input: Buffer): Buffer {
  const out = Buffer.allocUnsafe(maxCompressedLength(input.length));
  const table = new Int32Array(1 << HASH_BITS).fill(-1);
  let at = writeVarint(out, 0, input.length);
  let literal = 0;
  let position = 0;
  while (position + MIN_MATCH <= input.length) {
    const group = input.readUInt32LE(position);
    const slot = Math.imul(group, 0x1e35a7bd) >>> (32 - HASH_BITS);
    const candidate = table[slot] ?? -1;
    table[slot] = position;
    const near = candidate >= 0 && position - candidate <= WINDOW;
    if (!near || input.readUInt32LE(candidate) !== group) {
      position++;
      continue;
    }
    let length = MIN_MATCH;
    while (position + length < input.length && input[position + length] === input[candidate + length])
      length++;
    at = writeLiteral(out, at, input, literal, position);
    at = writeCopy(out, at, position - candidate, length);
    position += length;
    literal = position;
  }
  at = writeLiteral(out, at, input, literal, input.length);
  return Buffer.from(out.subarray(0, at));
}

interface Element {
  /** Offset after the tag. */
  next: number;
  length: number;
  /** How far back a copy reads; undefined for a literal. */
  offset?: number;
}

function readElement(input: Buffer, at: number): Element {
  const tag = input[at] ?? 0;
  const byte = (index: number): number => {
    const value = input[at + index];
    if (value === undefined) throw new WireError("snappy: cut short");
    return value;
  };
  const high = tag >>> 2;
  switch (tag & 3) {
    case 0: {
      if (high < 60) return { next: at + 1, length: high + 1 };
      const bytes = high - 59;
      let length = 0;
      for (let index = 0; index < bytes; index++) length += byte(index + 1) * 2 ** (8 * index);
      return { next: at + 1 + bytes, length: length + 1 };
    }
    case 1:
      return { next: at + 2, length: (high & 7) + 4, offset: ((tag >>> 5) << 8) | byte(1) };
    case 2:
      return { next: at + 3, length: high + 1, offset: byte(1) | (byte(2) << 8) };
    default: {
      const offset = byte(1) + byte(2) * 2 ** 8 + byte(3) * 2 ** 16 + byte(4) * 2 ** 24;
      return { next: at + 5, length: high + 1, offset };
    }
  }
}

/**
 * Decompresses a block.
 *
 * @param limit largest result in bytes; the claimed length is checked before anything is allocated
 * @throws WireError for broken input
 */
export function snappyDecompress(input: Buffer, limit: number): Buffer {
  let size = 0;
  let at = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = input[at++];
    if (byte === undefined || shift > 28) throw new WireError("snappy: no length");
    size += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) break;
  }
  if (size > limit) throw new WireError(`snappy: ${size} bytes are more than ${limit}`);
  const out = Buffer.allocUnsafe(size);
  let length = 0;
  while (at < input.length) {
    const element = readElement(input, at);
    at = element.next;
    if (length + element.length > size) throw new WireError("snappy: longer than it says");
    if (element.offset === undefined) {
      if (at + element.length > input.length) throw new WireError("snappy: cut short");
      input.copy(out, length, at, at + element.length);
      at += element.length;
    } else {
      if (element.offset === 0 || element.offset > length)
        throw new WireError("snappy: copies from outside what it wrote");
      // Byte by byte: a copy may overlap what it writes.
      for (let index = 0; index < element.length; index++) {
        out[length + index] = out[length + index - element.offset] ?? 0;
      }
    }
    length += element.length;
  }
  if (length !== size) throw new WireError("snappy: shorter than it says");
  return out;
}
