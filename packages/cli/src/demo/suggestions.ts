import { join } from "node:path";

import { contentCredentialsFile } from "../core/content-credentials.ts";
import type { Topology } from "../topology/topology.ts";
import { UPDATED_MODEL } from "./models.ts";
import { routeUrl } from "./prediction.ts";
import type { HopOutcome } from "./run-hops.ts";

/**
 * What a user may try next while the demo stays up; every line can be pasted.
 * @param options.keepsData whether the data directory outlives the demo
 */
export function suggestions(
  topology: Topology,
  outcome: HopOutcome,
  options: { keepsData: boolean },
): string {
  const endpoints = topology.endpoints();
  const edge = endpoints.edges[0]?.name ?? "near-edge-1";
  const core = join(topology.dataDir, "core", "kubeconfig");
  const site = join(topology.dataDir, edge, "kubeconfig");
  const url = routeUrl(endpoints, edge, UPDATED_MODEL);
  const request = outcome.predictions.get(edge)?.at(-1)?.request;
  return [
    "",
    "Everything is up. Try:",
    "",
    "  a prediction at a site:",
    `    curl -s ${url}/${UPDATED_MODEL.endpoint} -d '${JSON.stringify(request)}'`,
    `  the pull request that brought the model there (user and password: ${contentCredentialsFile(join(topology.dataDir, "core"))}):`,
    `    ${outcome.pullRequests.at(-1) ?? ""}`,
    "  the core and a site through Kubernetes (`npx ai-edge get …` does without kubectl):",
    `    kubectl --kubeconfig ${core} get managedclusters,placementdecisions,applications,pipelineruns -A`,
    `    kubectl --kubeconfig ${site} get applications,deploy,pods,svc,routes -A`,
    "  break a site and watch it heal (the pod comes back; the core says Degraded meanwhile):",
    `    kubectl --kubeconfig ${site} delete pod -n ${UPDATED_MODEL.name} --all`,
    `    npx ai-edge down --data-dir ${topology.dataDir} ${edge}     # rm ${join(topology.dataDir, edge, "stopped")} starts it again`,
    "  what the sites measure:",
    `    curl -s '${endpoints.core.metrics}/api/v1/query' --data-urlencode 'query=sum by (cluster) (rate(rest_server_requests_total[1m]))'`,
    "",
    options.keepsData
      ? `Ctrl-C stops everything; the data stays in ${topology.dataDir}.`
      : "Ctrl-C stops everything and removes its data.",
  ].join("\n");
}
