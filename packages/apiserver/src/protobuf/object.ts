import { statusError } from "@ai-edge/apimachinery";

/** Decodes a Kubernetes protobuf body (`k8s\0` envelope) to the JSON form. @throws StatusError UnsupportedMediaType */
export function decodeProtobufObject(_body: Uint8Array): unknown {
  throw statusError(
    "UnsupportedMediaType",
    "protobuf bodies of this kind are not supported; send application/json",
  );
}
