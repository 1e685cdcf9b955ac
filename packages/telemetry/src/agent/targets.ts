/** Which endpoints of a cluster have model metrics; found from Services, so that a new model needs no configuration. */
import { LABEL_SERVICE_NAME, type EndpointSlice, type Service } from "@ai-edge/api";

export interface Target {
  namespace: string;
  service: string;
  /** Name of the pod behind the address, or the address itself. */
  pod: string;
  host: string;
  port: number;
  /** URL path of the metrics. */
  path: string;
}

/** The annotations that Prometheus' well-known Kubernetes configuration reads. */
const ANNOTATION_SCRAPE = "prometheus.io/scrape";
const ANNOTATION_PORT = "prometheus.io/port";
const ANNOTATION_PATH = "prometheus.io/path";
/** Marks model Services whose only port is `http`; OpenVINO Model Server has its metrics there. */
const LABEL_MODEL_NAME = "model-name";

type SlicePort = NonNullable<EndpointSlice["ports"]>[number];

/** The port to scrape, or undefined when the Service is none of ours. */
function metricsPort(service: Service, ports: readonly SlicePort[]): number | undefined {
  const annotations = service.metadata.annotations ?? {};
  const { [ANNOTATION_SCRAPE]: scrape, [ANNOTATION_PORT]: given } = annotations;
  if (scrape === "false") return undefined;
  if (scrape === "true") {
    const number = Number(given);
    return Number.isInteger(number) && number > 0 && number <= 65_535 ? number : ports[0]?.port;
  }
  const named = (name: string): number | undefined => ports.find((port) => port.name === name)?.port;
  const isModel =
    LABEL_MODEL_NAME in (service.metadata.labels ?? {}) || LABEL_MODEL_NAME in (service.spec.selector ?? {});
  return named("metrics") ?? (isModel ? named("http") : undefined);
}

function sliceTargets(service: Service, slice: EndpointSlice): Target[] {
  const port = metricsPort(service, slice.ports ?? []);
  if (port === undefined || slice.addressType === "FQDN") return [];
  const path = service.metadata.annotations?.[ANNOTATION_PATH] ?? "/metrics";
  return (slice.endpoints ?? []).flatMap(({ addresses, conditions, targetRef }) => {
    const [host] = addresses;
    // A terminating pod still serves its last requests; one that was never ready has nothing to say.
    const gone = conditions?.ready === false && conditions.serving !== true;
    if (host === undefined || gone) return [];
    return [
      {
        namespace: service.metadata.namespace ?? "",
        service: service.metadata.name,
        pod: targetRef?.name ?? host,
        host,
        port,
        path: path.startsWith("/") ? path : `/${path}`,
      },
    ];
  });
}

/** Names of one endpoint, equal for equal endpoints. */
export function targetKey({ host, port, path }: Target): string {
  return `${host}:${port}${path}`;
}

/**
 * All targets of a cluster: Services with a port named `metrics`, model Services (label `model-name`) with a port
 * named `http`, and Services annotated `prometheus.io/scrape: "true"`. An endpoint behind two Services counts once.
 */
export function discoverTargets(services: readonly Service[], slices: readonly EndpointSlice[]): Target[] {
  const targets = new Map<string, Target>();
  const ordered = services.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  for (const service of ordered) {
    for (const slice of slices) {
      const { namespace, labels } = slice.metadata;
      if (namespace !== service.metadata.namespace || labels?.[LABEL_SERVICE_NAME] !== service.metadata.name)
        continue;
      for (const target of sliceTargets(service, slice)) {
        const key = targetKey(target);
        if (!targets.has(key)) targets.set(key, target);
      }
    }
  }
  return [...targets.values()];
}
