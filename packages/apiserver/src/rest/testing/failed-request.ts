import { type Status, StatusError } from "@ai-edge/apimachinery";
import type { Client } from "@ai-edge/client";

/** The Status of a request that must fail. */
export async function failedRequest(
  client: Client,
  method: string,
  path: string,
  body?: string | Uint8Array,
  contentType = "application/json",
): Promise<Status> {
  try {
    await client.request(method, path, {
      ...(body === undefined ? {} : { body }),
      headers: { "content-type": contentType },
    });
  } catch (error) {
    if (error instanceof StatusError) return error.status;
    throw error;
  }
  throw new Error(`${method} ${path} did not fail`);
}
