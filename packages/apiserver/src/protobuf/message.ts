import { formatMicroTime, formatTime, setField } from "@ai-edge/apimachinery";
import type { Field, FieldType, MessageType, TypeTable } from "../schema/type-table.ts";
import { ProtobufReader } from "./reader.ts";

/** Deeper than any kind (the deepest, JSON schemas aside, is 14). */
const MAX_DEPTH = 64;
const UTF8 = new TextDecoder("utf-8", { fatal: true });

/** Decodes a message to its JSON form. @throws RangeError, TypeError for bytes that are not such a message */
export function decodeMessage(
  bytes: Uint8Array,
  type: MessageType,
  table: TypeTable,
  depth = 0,
): Record<string, unknown> {
  if (depth > MAX_DEPTH) throw new RangeError(`messages are nested deeper than ${MAX_DEPTH}`);
  const reader = new ProtobufReader(bytes);
  const result: Record<string, unknown> = {};
  while (!reader.done) {
    const { number, wire } = reader.tag();
    const field = type.byNumber.get(number);
    if (field === undefined) reader.skip(wire);
    else decodeField(reader, wire, field, table, depth, result);
  }
  return result;
}

function decodeField(
  reader: ProtobufReader,
  wire: number,
  field: Field,
  table: TypeTable,
  depth: number,
  result: Record<string, unknown>,
): void {
  const { name, type } = field;
  if (name === "") {
    Object.assign(result, decodeValue(reader, wire, type, table, depth));
  } else if (type.container === "list") {
    const list = result[name];
    const value = decodeValue(reader, wire, type, table, depth);
    if (Array.isArray(list)) list.push(value);
    else result[name] = [value];
  } else if (type.container === "map") {
    const map = typeof result[name] === "object" && result[name] !== null ? result[name] : {};
    const entry = decodeEntry(reader.bytes(), type, table, depth);
    setField(map as Record<string, unknown>, entry.key, entry.value);
    result[name] = map;
  } else {
    const value = decodeValue(reader, wire, type, table, depth);
    if (value !== undefined && !isUnset(value, field)) result[name] = value;
  }
}

/**
 * Go writes every field that is no pointer, so an optional one that holds its zero was not set; a JSON client, and
 * `omitempty`, leave it out.
 */
function isUnset(value: unknown, { type, isRequired, isPointer }: Field): boolean {
  if (isRequired || isPointer || type.message !== undefined) return false;
  return value === "" || value === 0 || value === false;
}

/** A map entry: key 1, value 2; either may be missing when it is empty. */
function decodeEntry(
  bytes: Uint8Array,
  type: FieldType,
  table: TypeTable,
  depth: number,
): { key: string; value: unknown } {
  const reader = new ProtobufReader(bytes);
  let key = "";
  let value: unknown = type.scalar === "s" || type.scalar === "y" ? "" : {};
  while (!reader.done) {
    const { number, wire } = reader.tag();
    if (number === 1) key = UTF8.decode(reader.bytes());
    else if (number === 2) value = decodeValue(reader, wire, { ...type, container: undefined }, table, depth);
    else reader.skip(wire);
  }
  return { key, value };
}

function decodeValue(
  reader: ProtobufReader,
  wire: number,
  type: FieldType,
  table: TypeTable,
  depth: number,
): unknown {
  if (type.message !== undefined) {
    const message = table.find(type.message);
    if (message === undefined) throw new TypeError(`type ${type.message} is not known`);
    return decodeMessage(reader.bytes(), message, table, depth + 1);
  }
  switch (type.scalar) {
    case "i":
      return Number(reader.varint());
    case "b":
      return reader.varint() !== 0n;
    case "d":
      return reader.double();
    case "s":
      return UTF8.decode(reader.bytes());
    case "y":
      return Buffer.from(reader.bytes()).toString("base64");
    default:
      if (wire !== 2) throw new TypeError(`wire type ${wire} for a message`);
      return decodeSpecial(reader.bytes(), type);
  }
}

/** The types whose JSON form is not their fields. */
function decodeSpecial(bytes: Uint8Array, type: FieldType): unknown {
  const fields = rawFields(bytes);
  switch (type.scalar) {
    case "q":
      return text(fields.get(1)) ?? "0";
    case "t":
    case "T":
      return timeOf(fields, type.scalar);
    case "D":
      return `${number(fields.get(1)) / 1e9}s`;
    case "x":
      return number(fields.get(1)) === 1 ? (text(fields.get(3)) ?? "") : number(fields.get(2));
    case "f":
    case "r":
      return JSON.parse(text(fields.get(1)) ?? "null");
    case "L":
      return rawList(bytes);
    default:
      throw new TypeError("a scalar of an unknown type");
  }
}

function timeOf(fields: ReadonlyMap<number, bigint | Uint8Array>, scalar: "t" | "T"): string | undefined {
  if (fields.size === 0) return undefined;
  const milliseconds = number(fields.get(1)) * 1000;
  const micros = Math.floor(number(fields.get(2)) / 1000);
  const time = new Date(milliseconds);
  if (scalar === "t") return formatTime(time);
  return formatMicroTime(time).replace(/\.\d+Z$/, `.${String(micros).padStart(6, "0")}Z`);
}

function rawFields(bytes: Uint8Array): Map<number, bigint | Uint8Array> {
  const reader = new ProtobufReader(bytes);
  const fields = new Map<number, bigint | Uint8Array>();
  while (!reader.done) {
    const { number: index, wire } = reader.tag();
    if (wire === 0) fields.set(index, reader.varint());
    else if (wire === 2) fields.set(index, reader.bytes());
    else reader.skip(wire);
  }
  return fields;
}

function rawList(bytes: Uint8Array): string[] {
  const reader = new ProtobufReader(bytes);
  const list: string[] = [];
  while (!reader.done) {
    const { number: index, wire } = reader.tag();
    if (index === 1 && wire === 2) list.push(UTF8.decode(reader.bytes()));
    else reader.skip(wire);
  }
  return list;
}

function number(value: bigint | Uint8Array | undefined): number {
  return typeof value === "bigint" ? Number(value) : 0;
}

function text(value: bigint | Uint8Array | undefined): string | undefined {
  return value instanceof Uint8Array ? UTF8.decode(value) : undefined;
}
