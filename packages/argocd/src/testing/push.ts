import { createHmac } from "node:crypto";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";

export const SECRET = "webhook-secret";

/** Sends what a forge sends for a push, signed; the answer. */
export async function push(
  webhook: Server,
  ref: string,
  changes: { signature?: string; url?: string } = {},
): Promise<{ status: number; text: string }> {
  const { port } = webhook.address() as AddressInfo;
  const body = JSON.stringify({
    ref,
    repository: {
      clone_url: changes.url ?? "http://127.0.0.1:3000/opendatahub-io/ai-edge.git",
      default_branch: "main",
    },
  });
  const signature = changes.signature ?? `sha256=${createHmac("sha256", SECRET).update(body).digest("hex")}`;
  const response = await fetch(`http://127.0.0.1:${port}/api/webhook`, {
    method: "POST",
    body,
    headers: { "x-github-event": "push", "x-hub-signature-256": signature },
  });
  return { status: response.status, text: (await response.text()).trim() };
}
