import { join, resolve } from "node:path";

import { findCondition } from "@ai-edge/apimachinery";
import { ManagedCluster } from "@ai-edge/api";
import { clientFromKubeconfig, loadKubeconfig } from "@ai-edge/client";

import type { ProgramIO } from "../program-io.ts";
import { runningProcess } from "../topology/data-directory.ts";
import { readEndpoints, type RouteEndpoint } from "../topology/endpoints.ts";
import { residentBytes } from "../topology/resident-memory.ts";

interface ProcessStatus {
  name: string;
  pid: number | null;
  rssBytes: number | null;
  api: string;
  /** ManagedClusterConditionAvailable at the hub, with the time of its last change; null for the core or without word. */
  available: { status: string; since: string } | null;
  routes: RouteEndpoint[];
}

/** `ai-edge status`: processes, sites and routes, as of now. */
export async function status(
  options: { dataDir: string; output: "text" | "json" },
  io: ProgramIO,
): Promise<void> {
  const dataDir = resolve(io.cwd, options.dataDir);
  const endpoints = await readEndpoints(dataDir);
  const availability = await availabilityOfClusters(dataDir);
  const core = { name: "core", api: endpoints.core.api, routes: [] as RouteEndpoint[] };
  const processes = await Promise.all(
    [core, ...endpoints.edges].map(async ({ name, api, routes }): Promise<ProcessStatus> => {
      const pid = await runningProcess(join(dataDir, name));
      const rssBytes = pid === undefined ? undefined : await residentBytes(pid);
      return {
        name,
        pid: pid ?? null,
        rssBytes: rssBytes ?? null,
        api,
        available: availability.get(name) ?? null,
        routes,
      };
    }),
  );
  if (options.output === "json") {
    io.stdout.write(`${JSON.stringify({ dataDir, core: endpoints.core, processes }, null, 2)}\n`);
    return;
  }
  for (const line of describe(processes)) io.stdout.write(`${line}\n`);
}

function describe(processes: ProcessStatus[]): string[] {
  return processes.flatMap(({ name, pid, rssBytes, api, available, routes }) => {
    const running =
      pid === null ? "stopped" : `running (process ${pid}, ${((rssBytes ?? 0) / 2 ** 20).toFixed(0)} MiB)`;
    const site = available === null ? "" : `, available: ${available.status} since ${available.since}`;
    return [
      `${name}: ${running}${site}, api ${api}`,
      ...routes.map((route) => `  ${route.namespace}/${route.name}: ${route.url}`),
    ];
  });
}

/** Empty when the core does not answer: then there is no word of the sites. */
async function availabilityOfClusters(
  dataDir: string,
): Promise<Map<string, { status: string; since: string }>> {
  const client = clientFromKubeconfig(await loadKubeconfig(join(dataDir, "core", "kubeconfig")));
  try {
    const clusters = await client.list(ManagedCluster);
    return new Map(
      clusters.items.map((cluster) => {
        const condition = findCondition(cluster.status?.conditions, "ManagedClusterConditionAvailable");
        return [
          cluster.metadata.name,
          { status: condition?.status ?? "Unknown", since: condition?.lastTransitionTime ?? "never" },
        ];
      }),
    );
  } catch {
    return new Map();
  } finally {
    client.close();
  }
}
