import { BLOCK, padding, type TarEntry, type TarEntryType } from "./header.ts";

export class TarError extends Error {
  override readonly name = "TarError";
}

/** An entry and its content, which must be consumed (or is skipped) before the next entry. */
export interface TarReadEntry extends TarEntry {
  content: () => AsyncGenerator<Uint8Array, void, undefined>;
}

/** pax and GNU long-name bodies are names and numbers; larger ones only serve to exhaust memory. */
const MAX_EXTENSION = 1024 * 1024;

/** Reads a tar stream (ustar, pax, GNU long names) without holding more than one chunk of content. */
export async function* readTar(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<TarReadEntry, void, undefined> {
  const input = new ByteReader(source);
  let overrides: Record<string, string> = {};
  try {
    for (;;) {
      const block = await input.take(BLOCK, "header");
      if (block === undefined || block.every((byte) => byte === 0)) return await input.drain();
      const header = decodeHeader(block);
      if (header.flag === "x" || header.flag === "g" || header.flag === "L" || header.flag === "K") {
        const body = await readExtension(input, header.size);
        if (header.flag === "x") overrides = { ...overrides, ...parsePax(body) };
        else if (header.flag === "L") overrides["path"] = cString(body);
        else if (header.flag === "K") overrides["linkpath"] = cString(body);
        continue;
      }
      const entry = toEntry(header, overrides);
      overrides = {};
      let left = entry.size;
      const content = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
        while (left > 0) {
          const chunk = await input.some(left, entry.path);
          left -= chunk.length;
          yield chunk;
        }
      };
      yield { ...entry, content };
      while (left > 0) left -= (await input.some(left, entry.path)).length;
      await input.take(padding(entry.size), entry.path);
    }
  } finally {
    await input.close();
  }
}

interface Header extends Omit<TarEntry, "type"> {
  flag: string;
}

function decodeHeader(block: Uint8Array): Header {
  const view = Buffer.from(block.buffer, block.byteOffset, block.length);
  let sum = 0;
  for (let i = 0; i < BLOCK; i += 1) sum += i >= 148 && i < 156 ? 0x20 : (view[i] ?? 0);
  if (readNumber(view, 148, 8) !== sum)
    throw new TarError("tar: a header has a wrong checksum: not a tar archive, or a damaged one");
  const prefix =
    view.toString("latin1", 257, 262) === "ustar" && view[263] !== 0x20
      ? cString(view.subarray(345, 500))
      : "";
  const name = cString(view.subarray(0, 100));
  return {
    path: prefix === "" ? name : `${prefix}/${name}`,
    mode: readNumber(view, 100, 8) & 0o7777,
    uid: readNumber(view, 108, 8),
    gid: readNumber(view, 116, 8),
    size: readNumber(view, 124, 12),
    mtime: readNumber(view, 136, 12),
    flag: String.fromCharCode(view[156] ?? 0),
    linkPath: cString(view.subarray(157, 257)),
  };
}

function readNumber(block: Buffer, offset: number, length: number): number {
  const first = block[offset] ?? 0;
  if ((first & 0x80) !== 0) {
    // GNU base-256, for sizes above 8 GiB.
    let value = BigInt(first & 0x7f);
    for (let i = 1; i < length; i += 1) value = value * 256n + BigInt(block[offset + i] ?? 0);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new TarError("tar: a number in a header is too large");
    return Number(value);
  }
  const text = block
    .toString("latin1", offset, offset + length)
    .replace(/[\0 ]+$/, "")
    .trim();
  if (text === "") return 0;
  if (!/^[0-7]+$/.test(text)) throw new TarError("tar: a header has a field that is not octal");
  return Number.parseInt(text, 8);
}

function cString(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString("utf8");
}

async function readExtension(input: ByteReader, size: number): Promise<Uint8Array> {
  if (size > MAX_EXTENSION)
    throw new TarError(`tar: an extended header of ${size} bytes: more than ${MAX_EXTENSION}`);
  const body = (await input.take(size, "extended header")) ?? new Uint8Array();
  await input.take(padding(size), "extended header");
  return body;
}

function parsePax(body: Uint8Array): Record<string, string> {
  const bytes = Buffer.from(body);
  const records: Record<string, string> = {};
  for (let offset = 0; offset < bytes.length;) {
    const space = bytes.indexOf(0x20, offset);
    const length = space < 0 ? Number.NaN : Number(bytes.toString("latin1", offset, space));
    if (!Number.isSafeInteger(length) || length <= space - offset + 1 || offset + length > bytes.length) {
      throw new TarError("tar: a pax header is malformed");
    }
    const record = bytes.toString("utf8", space + 1, offset + length - 1);
    const equals = record.indexOf("=");
    if (equals > 0) records[record.slice(0, equals)] = record.slice(equals + 1);
    offset += length;
  }
  return records;
}

const TYPES: Record<string, TarEntryType> = {
  "0": "file",
  "\0": "file",
  "7": "file",
  "1": "link",
  "2": "symlink",
  "5": "directory",
  "3": "device",
  "4": "device",
  "6": "device",
};

function toEntry(header: Header, overrides: Record<string, string>): TarEntry {
  const path = overrides["path"] ?? header.path;
  const type = TYPES[header.flag];
  if (type === undefined) throw new TarError(`tar: ${path}: entry type "${header.flag}" is not supported`);
  const number = (key: string, fallback: number): number => {
    const text = overrides[key];
    if (text === undefined) return fallback;
    const value = Math.floor(Number(text));
    if (!Number.isSafeInteger(value) || value < 0) throw new TarError(`tar: ${path}: bad ${key}`);
    return value;
  };
  const link = overrides["linkpath"] ?? header.linkPath ?? "";
  const size = number("size", header.size);
  return {
    path,
    // Old archives mark directories only by the slash.
    type: type === "file" && path.endsWith("/") ? "directory" : type,
    mode: header.mode,
    uid: number("uid", header.uid),
    gid: number("gid", header.gid),
    size: type === "file" ? size : 0,
    mtime: header.mtime,
    ...(type === "symlink" || type === "link" ? { linkPath: link } : {}),
  };
}

/** Takes exact numbers of bytes out of a stream of chunks. */
class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array();

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Exactly `count` bytes; undefined if the stream is at its end. */
  async take(count: number, what: string): Promise<Uint8Array | undefined> {
    if (count === 0) return new Uint8Array();
    if (!(await this.#fill())) return undefined;
    if (this.#chunk.length >= count) return this.#cut(count);
    const parts: Uint8Array[] = [];
    for (let left = count; left > 0;) {
      const part = await this.some(left, what);
      parts.push(part);
      left -= part.length;
    }
    return Buffer.concat(parts);
  }

  /** At least one and at most `limit` bytes. */
  async some(limit: number, what: string): Promise<Uint8Array> {
    if (!(await this.#fill())) throw new TarError(`tar: the archive ends in the middle of ${what}`);
    return this.#cut(Math.min(limit, this.#chunk.length));
  }

  /** Reads on to the end of the source, so that a verifying source checks all of it. */
  async drain(): Promise<void> {
    while (await this.#fill()) this.#chunk = new Uint8Array();
  }

  /** Lets the source go. */
  async close(): Promise<void> {
    await this.#source.return?.();
  }

  #cut(count: number): Uint8Array {
    const part = this.#chunk.subarray(0, count);
    this.#chunk = this.#chunk.subarray(count);
    return part;
  }

  async #fill(): Promise<boolean> {
    while (this.#chunk.length === 0) {
      const next = await this.#source.next();
      if (next.done === true) return false;
      this.#chunk = next.value;
    }
    return true;
  }
}
