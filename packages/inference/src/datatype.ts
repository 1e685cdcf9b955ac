import { kindOf, ProtocolError } from "./protocol-error.ts";

/** Tensor element types of the Open Inference Protocol v2 ("Tensor Data Types"). */
export const DATATYPES = [
  "BOOL",
  "UINT8",
  "UINT16",
  "UINT32",
  "UINT64",
  "INT8",
  "INT16",
  "INT32",
  "INT64",
  "FP16",
  "FP32",
  "FP64",
  "BYTES",
] as const;

export type Datatype = (typeof DATATYPES)[number];

/**
 * Row-major elements: a typed array of the matching width, or strings for BYTES. BOOL is one byte per element
 * (0 or 1); FP16 keeps its raw 16 bits, because JSON has no form for it.
 */
export type TensorData =
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Float32Array
  | Float64Array
  | string[];

export function isDatatype(value: unknown): value is Datatype {
  return typeof value === "string" && (DATATYPES as readonly string[]).includes(value);
}

/** An all-zero (empty strings for BYTES) array of `count` elements. */
export function allocate(datatype: Datatype, count: number): TensorData {
  switch (datatype) {
    case "BOOL":
    case "UINT8":
      return new Uint8Array(count);
    case "UINT16":
    case "FP16":
      return new Uint16Array(count);
    case "UINT32":
      return new Uint32Array(count);
    case "UINT64":
      return new BigUint64Array(count);
    case "INT8":
      return new Int8Array(count);
    case "INT16":
      return new Int16Array(count);
    case "INT32":
      return new Int32Array(count);
    case "INT64":
      return new BigInt64Array(count);
    case "FP32":
      return new Float32Array(count);
    case "FP64":
      return new Float64Array(count);
    case "BYTES":
      return Array.from({ length: count }, () => "");
  }
}

/** The value of an IEEE 754 half-precision number's 16 bits. */
export function halfToNumber(bits: number): number {
  const sign = bits >= 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** Inclusive range of each integer type that fits a JSON number exactly. */
const INTEGER_RANGE: Partial<Record<Datatype, readonly [number, number]>> = {
  UINT8: [0, 0xff],
  UINT16: [0, 0xffff],
  UINT32: [0, 0xffff_ffff],
  INT8: [-0x80, 0x7f],
  INT16: [-0x8000, 0x7fff],
  INT32: [-0x8000_0000, 0x7fff_ffff],
  // Beyond 2^53 JSON.parse has already rounded: refusing is better than answering for another number.
  UINT64: [0, Number.MAX_SAFE_INTEGER],
  INT64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
};

/** Largest magnitude that rounds to a finite float32 (half an ulp above the largest one). */
const FLOAT32_LIMIT = 3.4028235677973366e38;

function floatElement(value: unknown, datatype: Datatype, where: string): number {
  // MLServer reads JSON null as NaN, because JSON has no NaN and models with missing values need one.
  if (value === null) return Number.NaN;
  if (typeof value !== "number") throw new ProtocolError(`${where}: ${kindOf(value)} is not ${datatype}`);
  if (!Number.isFinite(value) || (datatype === "FP32" && Math.abs(value) >= FLOAT32_LIMIT)) {
    throw new ProtocolError(`${where}: ${value} does not fit ${datatype}`);
  }
  return value;
}

function integerElement(value: unknown, datatype: Datatype, where: string): number {
  const range = INTEGER_RANGE[datatype];
  if (typeof value !== "number") throw new ProtocolError(`${where}: ${kindOf(value)} is not ${datatype}`);
  if (!Number.isInteger(value))
    throw new ProtocolError(`${where}: ${value} is not a whole number (${datatype})`);
  if (range !== undefined && (value < range[0] || value > range[1])) {
    throw new ProtocolError(`${where}: ${value} does not fit ${datatype}`);
  }
  return value;
}

/**
 * Writes one JSON value into `target[index]`, checked against `datatype`.
 *
 * @throws ProtocolError naming `where` when kind or range do not fit
 */
export function storeElement(
  target: TensorData,
  index: number,
  value: unknown,
  datatype: Datatype,
  where: string,
): void {
  if (Array.isArray(target)) {
    if (typeof value !== "string")
      throw new ProtocolError(`${where}: ${kindOf(value)} is not BYTES (a string)`);
    target[index] = value;
  } else if (target instanceof BigInt64Array || target instanceof BigUint64Array) {
    target[index] = BigInt(integerElement(value, datatype, where));
  } else if (datatype === "FP32" || datatype === "FP64") {
    target[index] = floatElement(value, datatype, where);
  } else if (datatype === "BOOL") {
    if (value !== true && value !== false && value !== 0 && value !== 1) {
      throw new ProtocolError(`${where}: ${kindOf(value)} is not BOOL`);
    }
    target[index] = Number(value);
  } else if (datatype === "FP16") {
    throw new ProtocolError(`${where}: FP16 has no JSON form; send FP32`);
  } else {
    target[index] = integerElement(value, datatype, where);
  }
}
