import { ProtocolError } from "@ai-edge/inference";
import type { IncomingMessage } from "node:http";

/** 16 MiB of JSON is a batch of 1,000 images of 28×28; a server on a 2-core edge box should not parse more at once. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;

/**
 * Reads a request body.
 *
 * @throws ProtocolError 413 above 16 MiB, 400 for a body cut short
 */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const tooLarge = (): ProtocolError => new ProtocolError(`body is larger than ${MAX_BODY_BYTES} bytes`, 413);
  if (Number(request.headers["content-length"] ?? 0) > MAX_BODY_BYTES) throw tooLarge();
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request) {
      if (!Buffer.isBuffer(chunk)) continue;
      size += chunk.length;
      if (size > MAX_BODY_BYTES) throw tooLarge();
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof ProtocolError) throw error;
    throw new ProtocolError("body was cut short");
  }
  return Buffer.concat(chunks);
}
