/** The little of DER (ITU-T X.690) that a PKCS #10 request needs: definite lengths, no indefinite forms. */

export const TAG = {
  integer: 0x02,
  bitString: 0x03,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  sequence: 0x30,
  set: 0x31,
  attributes: 0xa0,
} as const;

export interface DerNode {
  tag: number;
  /** The value without tag and length. */
  content: Buffer;
  /** Tag, length and value. */
  encoded: Buffer;
}

/** One DER element from its tag and the parts of its value. */
export function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag]), lengthOf(content.length), content]);
}

/** Object identifier of dotted text. */
export function derObjectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const septets = [arc & 0x7f];
    for (let left = arc >>> 7; left > 0; left >>>= 7) septets.unshift((left & 0x7f) | 0x80);
    bytes.push(...septets);
  }
  return der(TAG.objectIdentifier, Buffer.from(bytes));
}

/**
 * Reads one element at an offset.
 * @throws RangeError when the bytes are not DER or end too soon
 */
export function readDer(bytes: Buffer, offset = 0): DerNode {
  const tag = byteAt(bytes, offset);
  const first = byteAt(bytes, offset + 1);
  let start = offset + 2;
  let length = first;
  if (first >= 0x80) {
    const count = first & 0x7f;
    // Four length bytes address 4 GiB: more is never honest here.
    if (count === 0 || count > 4) throw new RangeError("length of a form that DER does not have");
    length = 0;
    for (let index = 0; index < count; index += 1) length = length * 256 + byteAt(bytes, start + index);
    start += count;
  }
  const end = start + length;
  if (end > bytes.length) throw new RangeError("an element is longer than the bytes there are");
  return { tag, content: bytes.subarray(start, end), encoded: bytes.subarray(offset, end) };
}

/** The elements inside a constructed one. */
export function readDerChildren(node: DerNode): DerNode[] {
  const children: DerNode[] = [];
  for (let offset = 0; offset < node.content.length;) {
    const child = readDer(node.content, offset);
    children.push(child);
    offset += child.encoded.length;
  }
  return children;
}

function byteAt(bytes: Buffer, offset: number): number {
  const byte = bytes[offset];
  if (byte === undefined) throw new RangeError("the bytes end too soon");
  return byte;
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const bytes: number[] = [];
  for (let left = length; left > 0; left = Math.floor(left / 256)) bytes.unshift(left & 0xff);
  return Buffer.from([0x80 | bytes.length, ...bytes]);
}
