import type { Pod, Service } from "@ai-edge/api";
import type { Store } from "@ai-edge/runtime";

/**
 * The variables by which a pod finds the Services of its namespace: `{SVCNAME}_SERVICE_HOST`, `…_SERVICE_PORT` and one
 * per named port (kubernetes.io/docs/concepts/services-networking/service/#environment-variables). Those that exist
 * when the container starts, as on any cluster.
 */
export function serviceVariables(pod: Pod, services: Store<Service>): Record<string, string> {
  if (pod.spec.enableServiceLinks === false) return {};
  const variables: Record<string, string> = {};
  for (const { metadata, spec } of services.list({ namespace: pod.metadata.namespace })) {
    const host = spec.clusterIP;
    if (host === undefined || host === "" || host === "None") continue;
    const prefix = `${variableName(metadata.name)}_SERVICE`;
    variables[`${prefix}_HOST`] = host;
    for (const [index, { name, port }] of (spec.ports ?? []).entries()) {
      if (index === 0) variables[`${prefix}_PORT`] = String(port);
      if (name !== undefined && name !== "") variables[`${prefix}_PORT_${variableName(name)}`] = String(port);
    }
  }
  return variables;
}

function variableName(name: string): string {
  return name.toUpperCase().replaceAll("-", "_");
}
