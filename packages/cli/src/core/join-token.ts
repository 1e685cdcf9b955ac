import { existsSync } from "node:fs";
import { join } from "node:path";

import { clientFromKubeconfig, loadKubeconfig, resolveContext } from "@ai-edge/client";
import { createJoinToken } from "@ai-edge/ocm";

import { UserError } from "../user-error.ts";

/**
 * Makes a single-use join token for a cluster, with the administrator's rights of the core on this machine.
 * @param options.coreDataDir the core's data directory
 * @param options.ttlSeconds how long it is valid; default 24 h
 * @throws UserError if there is no core in that directory
 */
export async function mintJoinToken(options: {
  cluster: string;
  coreDataDir: string;
  ttlSeconds?: number;
}): Promise<string> {
  const file = join(options.coreDataDir, "kubeconfig");
  if (!existsSync(file)) {
    throw new UserError(
      `there is no core in ${options.coreDataDir}: name its data directory (or that of \`up\`) with --data-dir`,
    );
  }
  const kubeconfig = await loadKubeconfig(file);
  const { cluster } = resolveContext(kubeconfig);
  const client = clientFromKubeconfig(kubeconfig);
  try {
    return await createJoinToken(client, {
      cluster: options.cluster,
      server: cluster.server,
      caCertificate: Buffer.from(cluster["certificate-authority-data"] ?? "", "base64").toString("utf8"),
      ...(options.ttlSeconds === undefined ? {} : { ttl: options.ttlSeconds }),
      now: () => new Date(),
    });
  } finally {
    client.close();
  }
}
