/**
 * Universal Binary JSON, draft 12, as XGBoost writes it (`save_model("model.ubj")`, its default since 2.1): big-endian,
 * counted and typed lists. Every length is checked against the bytes that are left before anything is allocated.
 */
import { fail, type JsonObject } from "./json.ts";

/** XGBoost nests 8 levels; more is an attack on the stack. */
const MAX_DEPTH = 32;

type Marker = "i" | "U" | "I" | "l" | "L" | "d" | "D";

/** Bytes of each number. */
const SIZES: Readonly<Record<Marker, number>> = { i: 1, U: 1, I: 2, l: 4, L: 8, d: 4, D: 8 };

function isNumeric(marker: string): marker is Marker {
  return Object.hasOwn(SIZES, marker);
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  document(): JsonObject {
    if (this.#marker() !== "{") this.#fail("does not start with an object");
    return this.#object(0);
  }

  #fail(problem: string): never {
    fail("UBJSON", `${problem} (byte ${this.#at})`);
  }

  /** Claims the next `size` bytes and returns where they start. */
  #take(size: number): number {
    const start = this.#at;
    if (size > this.#bytes.length - start) this.#fail(`is cut short: ${size} more bytes expected`);
    this.#at = start + size;
    return start;
  }

  /** The next marker; `N` is a no-op that may stand anywhere. */
  #marker(): string {
    for (;;) {
      const marker = String.fromCharCode(this.#bytes[this.#take(1)] ?? 0);
      if (marker !== "N") return marker;
    }
  }

  #peek(marker: string): boolean {
    if (this.#bytes[this.#at] !== marker.charCodeAt(0)) return false;
    this.#at++;
    return true;
  }

  #number(marker: Marker): number {
    const at = this.#take(SIZES[marker]);
    switch (marker) {
      case "i":
        return this.#view.getInt8(at);
      case "U":
        return this.#view.getUint8(at);
      case "I":
        return this.#view.getInt16(at);
      case "l":
        return this.#view.getInt32(at);
      case "L":
        return Number(this.#view.getBigInt64(at));
      case "d":
        return this.#view.getFloat32(at);
      case "D":
        return this.#view.getFloat64(at);
    }
  }

  /** The length of a string or list. */
  #count(): number {
    const marker = this.#marker();
    const count = isNumeric(marker) ? this.#number(marker) : Number.NaN;
    if (!Number.isSafeInteger(count) || count < 0) this.#fail("has a length that is not a count");
    return count;
  }

  #text(): string {
    const length = this.#count();
    const start = this.#take(length);
    return Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + start, length).toString("utf8");
  }

  #object(depth: number): JsonObject {
    if (depth > MAX_DEPTH) this.#fail(`is nested deeper than ${MAX_DEPTH} levels`);
    const object: JsonObject = Object.create(null);
    while (!this.#peek("}")) {
      const key = this.#text();
      object[key] = this.#value(depth);
    }
    return object;
  }

  #list(depth: number): unknown[] {
    if (depth > MAX_DEPTH) this.#fail(`is nested deeper than ${MAX_DEPTH} levels`);
    const type = this.#peek("$") ? this.#marker() : undefined;
    if (!this.#peek("#")) {
      if (type !== undefined) this.#fail("has a typed list without a length");
      const list: unknown[] = [];
      while (!this.#peek("]")) list.push(this.#value(depth));
      return list;
    }
    const count = this.#count();
    if (type !== undefined && !isNumeric(type)) this.#fail(`has a list of the type ${JSON.stringify(type)}`);
    // An element is at least one byte, so that a huge count is seen before it is believed.
    const least = count * (type === undefined ? 1 : SIZES[type]);
    if (least > this.#bytes.length - this.#at)
      this.#fail(`is cut short: a list of ${count} elements expected`);
    const list: unknown[] = [];
    for (let index = 0; index < count; index++) {
      list.push(type === undefined ? this.#value(depth) : this.#number(type));
    }
    return list;
  }

  #value(depth: number): unknown {
    const marker = this.#marker();
    if (isNumeric(marker)) return this.#number(marker);
    switch (marker) {
      case "{":
        return this.#object(depth + 1);
      case "[":
        return this.#list(depth + 1);
      case "S":
      case "H":
        return this.#text();
      case "C":
        return String.fromCharCode(this.#bytes[this.#take(1)] ?? 0);
      case "T":
        return true;
      case "F":
        return false;
      case "Z":
        return null;
      default:
        return this.#fail(`has the unknown marker ${JSON.stringify(marker)}`);
    }
  }
}

/**
 * Decodes a UBJSON object.
 *
 * @throws ModelLoadError naming the byte
 */
export function parseUbjson(bytes: Uint8Array): JsonObject {
  return new Reader(bytes).document();
}
