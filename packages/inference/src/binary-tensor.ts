/**
 * The binary tensor extension of the Open Inference Protocol: raw little-endian elements after the JSON of a request or
 * an answer (KServe and Triton documentation, "Binary Tensor Data Extension").
 */
import { allocate, type Datatype, type TensorData } from "./datatype.ts";
import { ProtocolError } from "./protocol-error.ts";
import { elementCount, type Tensor } from "./tensor.ts";

/** Names the length of the JSON part, in requests and answers that have a binary part. */
export const BINARY_HEADER = "inference-header-content-length";

/** Bytes of the length before every BYTES element. */
const LENGTH_BYTES = 4;

/** Typed arrays have the machine's byte order; Node's platforms (x64, arm64) are all little-endian, as the protocol is. */
function readNumbers(bytes: Uint8Array, datatype: Datatype, count: number, where: string): TensorData {
  const data = allocate(datatype, 0);
  const width = Array.isArray(data) ? 1 : data.BYTES_PER_ELEMENT;
  if (bytes.length !== count * width) {
    throw new ProtocolError(
      `${where}: ${bytes.length} bytes of ${datatype} are not ${count} elements of ${width}`,
    );
  }
  const numbers = allocate(datatype, count);
  if (Array.isArray(numbers)) return numbers;
  new Uint8Array(numbers.buffer).set(bytes);
  // One byte per element, and whatever is not 0 is true.
  return datatype === "BOOL" ? Uint8Array.from(bytes, (byte) => Number(byte !== 0)) : numbers;
}

function readTexts(bytes: Uint8Array, count: number, where: string): string[] {
  if (count * LENGTH_BYTES > bytes.length) {
    throw new ProtocolError(`${where}: ${bytes.length} bytes are too few for ${count} elements of BYTES`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const texts: string[] = [];
  let at = 0;
  for (let index = 0; index < count; index++) {
    if (at + LENGTH_BYTES > bytes.length) throw new ProtocolError(`${where}: element ${index} is cut short`);
    const length = view.getUint32(at, true);
    at += LENGTH_BYTES;
    if (length > bytes.length - at) throw new ProtocolError(`${where}: element ${index} is cut short`);
    try {
      texts.push(decoder.decode(bytes.subarray(at, at + length)));
    } catch {
      throw new ProtocolError(`${where}: element ${index} is not UTF-8 text`);
    }
    at += length;
  }
  if (at !== bytes.length)
    throw new ProtocolError(`${where}: ${bytes.length - at} bytes after the last element`);
  return texts;
}

/** Hands out the binary part of a request, tensor by tensor. */
export class BinaryPart {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /**
   * The elements of the next tensor.
   *
   * @param size `binary_data_size`; undefined takes what the shape says (OVMS allows it), of BYTES all that is left
   * @throws ProtocolError (400) naming `where`
   */
  next(datatype: Datatype, shape: readonly number[], size: number | undefined, where: string): TensorData {
    const count = elementCount(shape);
    const left = this.#bytes.length - this.#at;
    const element = allocate(datatype, 0);
    const wanted = size ?? (Array.isArray(element) ? left : count * element.BYTES_PER_ELEMENT);
    if (wanted > left) {
      throw new ProtocolError(`${where}: ${wanted} bytes of binary data announced, ${left} left in the body`);
    }
    const bytes = this.#bytes.subarray(this.#at, this.#at + wanted);
    this.#at += wanted;
    return datatype === "BYTES" ? readTexts(bytes, count, where) : readNumbers(bytes, datatype, count, where);
  }

  /** @throws ProtocolError when bytes are left that belong to no tensor */
  end(): void {
    const left = this.#bytes.length - this.#at;
    if (left > 0) throw new ProtocolError(`body: ${left} bytes of binary data belong to no input`);
  }
}

/** A tensor's elements as the extension sends them. */
export function tensorBytes({ data }: Tensor): Uint8Array {
  if (!Array.isArray(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const parts: Buffer[] = [];
  for (const text of data) {
    const bytes = Buffer.from(text);
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt32LE(bytes.length);
    parts.push(length, bytes);
  }
  return Buffer.concat(parts);
}

/**
 * Splits a body at the length that the header names.
 *
 * @param header value of {@link BINARY_HEADER}
 * @throws ProtocolError (400) when it is no length or longer than the body
 */
export function splitBody(body: Uint8Array, header: string): { json: Uint8Array; binary: Uint8Array } {
  const length = /^\d{1,15}$/.test(header) ? Number(header) : Number.NaN;
  if (!(length <= body.length)) {
    const shown = JSON.stringify(header.slice(0, 40));
    throw new ProtocolError(
      `Inference-Header-Content-Length: ${shown} is not a length within the body (${body.length})`,
    );
  }
  return { json: body.subarray(0, length), binary: body.subarray(length) };
}
