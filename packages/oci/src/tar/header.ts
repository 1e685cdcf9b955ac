/** A tar block; headers and contents are padded to it (POSIX.1-2001, pax interchange format). */
export const BLOCK = 512;

export type TarEntryType = "file" | "directory" | "symlink" | "link" | "device";

/** One entry of a layer. Paths are relative, with `/`, without a leading `./`. */
export interface TarEntry {
  path: string;
  type: TarEntryType;
  /** Permission bits. */
  mode: number;
  uid: number;
  gid: number;
  /** Bytes of content; 0 unless a file. */
  size: number;
  /** Seconds since 1970. */
  mtime: number;
  /** Target of a symlink or hard link. */
  linkPath?: string;
}

const TYPE_FLAGS: Record<Exclude<TarEntryType, "device">, string> = {
  file: "0",
  link: "1",
  symlink: "2",
  directory: "5",
};
const MAX_NAME = 100;
/** Largest number in 11 octal digits. */
const MAX_OCTAL_11 = 0o77777777777;
const MAX_OCTAL_7 = 0o7777777;

/**
 * The header blocks of an entry: ustar, preceded by a pax record only when a name or number does not fit. The same
 * entry always gives the same bytes.
 */
export function encodeTarHeader(entry: TarEntry): Uint8Array {
  if (entry.type === "device") throw new TypeError(`${entry.path}: device files are not written to layers`);
  const name = entry.type === "directory" && !entry.path.endsWith("/") ? `${entry.path}/` : entry.path;
  const records: string[] = [];
  if (Buffer.byteLength(name) > MAX_NAME || !isAscii(name)) records.push(paxRecord("path", name));
  const link = entry.linkPath ?? "";
  if (Buffer.byteLength(link) > MAX_NAME || !isAscii(link)) records.push(paxRecord("linkpath", link));
  if (entry.size > MAX_OCTAL_11) records.push(paxRecord("size", String(entry.size)));
  if (entry.uid > MAX_OCTAL_7) records.push(paxRecord("uid", String(entry.uid)));
  if (entry.gid > MAX_OCTAL_7) records.push(paxRecord("gid", String(entry.gid)));
  const main = ustar({ ...entry, path: name, linkPath: link }, TYPE_FLAGS[entry.type]);
  if (records.length === 0) return main;
  const body = Buffer.from(records.join(""));
  const pax = ustar(
    { path: "PaxHeaders/entry", mode: 0o644, uid: 0, gid: 0, size: body.length, mtime: 0, linkPath: "" },
    "x",
  );
  return Buffer.concat([pax, body, Buffer.alloc(padding(body.length)), main]);
}

/** Bytes that fill the last block of content. */
export function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

function isAscii(text: string): boolean {
  return /^[\x20-\x7e]*$/.test(text);
}

/** `"%d %s=%s\n"`, where the number counts the whole record, itself included. */
function paxRecord(key: string, value: string): string {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + String(rest).length;
  if (rest + String(length).length !== length) length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
}

function ustar(entry: Omit<TarEntry, "type">, flag: string): Buffer {
  const block = Buffer.alloc(BLOCK);
  block.write(truncate(entry.path), 0, MAX_NAME, "latin1");
  writeOctal(block, 100, 8, entry.mode & 0o7777);
  writeOctal(block, 108, 8, Math.min(entry.uid, MAX_OCTAL_7));
  writeOctal(block, 116, 8, Math.min(entry.gid, MAX_OCTAL_7));
  writeOctal(block, 124, 12, entry.size > MAX_OCTAL_11 ? 0 : entry.size);
  writeOctal(block, 136, 12, Math.max(0, Math.floor(entry.mtime)));
  block.write("        ", 148, "latin1");
  block.write(flag, 156, "latin1");
  block.write(truncate(entry.linkPath ?? ""), 157, MAX_NAME, "latin1");
  block.write("ustar\u000000", 257, "latin1");
  writeOctal(block, 329, 8, 0);
  writeOctal(block, 337, 8, 0);
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

/** What of a long or non-ASCII name goes into the old field; readers use the pax record. */
function truncate(name: string): string {
  return name.replace(/[^\x20-\x7e]/g, "_").slice(0, MAX_NAME);
}

function writeOctal(block: Buffer, offset: number, length: number, value: number): void {
  block.write(`${value.toString(8).padStart(length - 1, "0")}\0`, offset, "latin1");
}
