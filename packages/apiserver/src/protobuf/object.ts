import { statusError } from "@ai-edge/apimachinery";
import { TypeTable } from "../schema/type-table.ts";
import { MESSAGE_TYPES } from "./message-types.ts";
import { decodeMessage } from "./message.ts";
import { ProtobufReader } from "./reader.ts";

/** `k8s\0` before every body (`apimachinery/pkg/runtime/serializer/protobuf`). */
const MAGIC = [0x6b, 0x38, 0x73, 0x00];

const SHARED = new TypeTable(MESSAGE_TYPES);

/** What a body is of that does not say so itself. */
export interface ExpectedKind {
  readonly apiVersion: string;
  readonly kind: string;
}

/**
 * Decodes a Kubernetes protobuf body to its JSON form. kubectl ≥ 1.32 sends them for built-in kinds, and takes a 415
 * for the end.
 * @param expected for bodies without a kind, as the URL says it
 * @throws StatusError BadRequest, UnsupportedMediaType for a kind that we do not know
 */
export function decodeProtobufObject(body: Uint8Array, expected?: ExpectedKind): Record<string, unknown> {
  try {
    const { raw, ...identity } = unwrap(body);
    const isNamed = identity.kind !== "";
    const { apiVersion, kind } = isNamed || expected === undefined ? identity : expected;
    // Options, Status and the like are in every group version.
    const type = SHARED.find(`${apiVersion}.${kind}`) ?? SHARED.find(`meta.${kind}`);
    if (type === undefined) {
      throw statusError(
        "UnsupportedMediaType",
        `protobuf bodies of ${kind} in ${apiVersion} are not supported; send application/json`,
      );
    }
    return { ...(isNamed ? identity : {}), ...decodeMessage(raw, type, SHARED) };
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError || error instanceof SyntaxError) {
      throw statusError("BadRequest", `error decoding the protobuf body of the request: ${error.message}`);
    }
    throw error;
  }
}

/** The Unknown message: TypeMeta (1) and the object's bytes (2). */
function unwrap(body: Uint8Array): { apiVersion: string; kind: string; raw: Uint8Array } {
  if (!MAGIC.every((byte, index) => body[index] === byte)) {
    throw statusError(
      "BadRequest",
      "the body of the request is not Kubernetes protobuf: it does not start with k8s and a zero byte",
    );
  }
  const reader = new ProtobufReader(body.subarray(MAGIC.length));
  let apiVersion = "";
  let kind = "";
  let raw: Uint8Array = new Uint8Array();
  while (!reader.done) {
    const { number, wire } = reader.tag();
    if (number === 1) {
      const meta = new ProtobufReader(reader.bytes());
      while (!meta.done) {
        const field = meta.tag();
        if (field.wire !== 2) meta.skip(field.wire);
        else if (field.number === 1) apiVersion = Buffer.from(meta.bytes()).toString();
        else if (field.number === 2) kind = Buffer.from(meta.bytes()).toString();
        else meta.skip(2);
      }
    } else if (number === 2) raw = reader.bytes();
    else reader.skip(wire);
  }
  return { apiVersion, kind, raw };
}
