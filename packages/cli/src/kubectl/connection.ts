import { homedir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import {
  type Client,
  type Kubeconfig,
  clientFromKubeconfig,
  loadKubeconfig,
  mergeKubeconfigs,
  resolveContext,
} from "@ai-edge/client";
import { UserError } from "../user-error.ts";
import type { KubectlIO } from "./command.ts";

export interface Connection {
  client: Client;
  /** Where namespaced resources are meant when nothing else says so. */
  namespace: string;
}

/** Connects as `--kubeconfig`, else KUBECONFIG (a list, merged), else ~/.kube/config say. */
export async function connect(
  flags: { kubeconfig?: string | undefined; context?: string | undefined; namespace?: string | undefined },
  io: KubectlIO,
): Promise<Connection> {
  const kubeconfig = await readKubeconfig(flags.kubeconfig, io);
  const { namespace } = resolveContext(kubeconfig, flags.context);
  const client = clientFromKubeconfig(kubeconfig, { context: flags.context, userAgent: "ai-edge-cli" });
  return { client, namespace: flags.namespace ?? namespace ?? "default" };
}

async function readKubeconfig(file: string | undefined, io: KubectlIO): Promise<Kubeconfig> {
  if (file !== undefined) return loadKubeconfig(resolve(io.cwd, file));
  const listed = (io.env["KUBECONFIG"] ?? "").split(delimiter).filter((path) => path !== "");
  const files = listed.length > 0 ? listed.map((path) => resolve(io.cwd, path)) : [defaultFile(io)];
  const configs = await Promise.allSettled(files.map((path) => loadKubeconfig(path)));
  const found = configs.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const failed = configs.find((result) => result.status === "rejected");
  // As kubectl: files of the list may be missing, but not all of them.
  if (found.length > 0) return mergeKubeconfigs(...found);
  if (listed.length > 0 && failed !== undefined) throw failed.reason;
  throw new UserError(
    `no cluster is configured: give --kubeconfig FILE or set KUBECONFIG (ai-edge up writes DATA-DIR/core/kubeconfig)`,
  );
}

function defaultFile(io: KubectlIO): string {
  return join(io.env["HOME"] ?? homedir(), ".kube", "config");
}
