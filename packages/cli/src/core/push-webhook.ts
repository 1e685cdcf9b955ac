import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { createWebhookHandler } from "@ai-edge/argocd";
import type { Webhook } from "@ai-edge/forge";
import type { Manager } from "@ai-edge/runtime";

const SECRET_BYTES = 32;

/** Where the core's forge reports pushes, so that sites hear of a merge at once instead of at their next poll. */
export interface PushWebhook {
  webhook: Webhook;
  close(): Promise<void>;
}

/** Listens on a free loopback port; the secret lives as long as both ends, which is this process. */
export async function startPushWebhook(options: {
  manager: Manager;
  host: string;
  env: NodeJS.ProcessEnv;
}): Promise<PushWebhook> {
  const secret = randomBytes(SECRET_BYTES).toString("hex");
  const server = createServer(createWebhookHandler({ manager: options.manager, env: options.env, secret }));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: options.host, port: 0 }, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    webhook: { url: `http://${options.host}:${port}/api/webhook`, secret },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
