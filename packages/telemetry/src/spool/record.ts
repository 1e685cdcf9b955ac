/** One record of the spool: a request body that the receiver has not acknowledged yet, and what it holds. */
import { crc32 } from "node:zlib";

export interface SpoolRecord {
  /** Milliseconds: when the newest sample in it was taken. */
  time: number;
  /** Number of samples, for the honest count of what a full spool had to drop. */
  samples: number;
  body: Buffer;
}

/** Length (4), CRC-32 of the rest (4), time (8), samples (4). */
const HEADER_BYTES = 20;

export function encodeRecord(record: SpoolRecord): Buffer {
  const out = Buffer.allocUnsafe(HEADER_BYTES + record.body.length);
  out.writeUInt32LE(record.body.length, 0);
  out.writeDoubleLE(record.time, 8);
  out.writeUInt32LE(record.samples, 16);
  record.body.copy(out, HEADER_BYTES);
  out.writeUInt32LE(crc32(out.subarray(8)), 4);
  return out;
}

/**
 * Reads the record at `offset`.
 *
 * @returns undefined at the end, and where a crash left a torn or damaged record
 */
export function decodeRecord(
  bytes: Buffer,
  offset: number,
): { record: SpoolRecord; next: number } | undefined {
  if (offset + HEADER_BYTES > bytes.length) return undefined;
  const next = offset + HEADER_BYTES + bytes.readUInt32LE(offset);
  if (next > bytes.length || crc32(bytes.subarray(offset + 8, next)) !== bytes.readUInt32LE(offset + 4)) {
    return undefined;
  }
  return {
    record: {
      time: bytes.readDoubleLE(offset + 8),
      samples: bytes.readUInt32LE(offset + 16),
      body: bytes.subarray(offset + HEADER_BYTES, next),
    },
    next,
  };
}
