import { LABEL_SERVICE_NAME, type EndpointSlice, type Service, type ServicePort } from "@ai-edge/api";
import type { Store } from "@ai-edge/runtime";

/** Where one new connection may go. */
export interface Backend {
  address: string;
  port: number;
}

/** The key under which slices are indexed by their Service. */
function serviceIndexKey(namespace: string, service: string): string {
  return `${namespace}/${service}`;
}

/** Index function for an informer of EndpointSlices. */
export function serviceOfSlice(slice: EndpointSlice): string[] {
  const service = slice.metadata.labels?.[LABEL_SERVICE_NAME];
  return service === undefined ? [] : [serviceIndexKey(slice.metadata.namespace ?? "", service)];
}

/**
 * The backends of a Service's port that may get new connections: ready endpoints, or, if none is ready, those that
 * still serve while they terminate (KEP-1669: a last pod that drains is better than a refused connection).
 */
export function backendsOf(slices: Store<EndpointSlice>, service: Service, port: ServicePort): Backend[] {
  const key = serviceIndexKey(service.metadata.namespace ?? "", service.metadata.name);
  const found: Record<"ready" | "terminating", Backend[]> = { ready: [], terminating: [] };
  for (const slice of slices.byIndex("service", key)) {
    const target = slice.ports?.find(({ name }) => (name ?? "") === (port.name ?? ""))?.port;
    if (target === undefined) continue;
    for (const { addresses, conditions } of slice.endpoints ?? []) {
      const backends = addresses.map((address) => ({ address, port: target }));
      if (conditions?.ready !== false) found.ready.push(...backends);
      else if (conditions.serving === true && conditions.terminating === true)
        found.terminating.push(...backends);
    }
  }
  return found.ready.length > 0 ? found.ready : found.terminating;
}

/** Takes turns among backends; the list may change between two calls. */
export class RoundRobin {
  #next = 0;

  /** All backends, the one whose turn it is first: the order in which to try them. */
  order(backends: readonly Backend[]): Backend[] {
    if (backends.length === 0) return [];
    const start = this.#next % backends.length;
    this.#next = (start + 1) % backends.length;
    return [...backends.slice(start), ...backends.slice(0, start)];
  }
}
