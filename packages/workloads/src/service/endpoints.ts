import { createHash } from "node:crypto";
import { controllerReference } from "@ai-edge/apimachinery";
import {
  type Endpoint,
  type Endpoints,
  type EndpointSlice,
  LABEL_ENDPOINT_SLICE_MANAGED_BY,
  LABEL_SERVICE_NAME,
  type Pod,
  type Service,
  type ServicePort,
} from "@ai-edge/api";
import type { Writable } from "@ai-edge/client";
import { isFinished, isReady } from "../pod.ts";

/** Upstream's name, so that nobody else touches our slices. */
export const MANAGED_BY = "endpointslice-controller.k8s.io";
/** Upstream splits at 100 to keep single updates small; one slice with all pods of an edge Service stays below it. */
const MAX_ENDPOINTS_PER_SLICE = 100;
/** Headless Services need no proxy (`service.kubernetes.io/headless`). */
const LABEL_HEADLESS = "service.kubernetes.io/headless";

type SlicePort = NonNullable<EndpointSlice["ports"]>[number];

/**
 * The slices that a Service should have: its pods with an address, grouped by the port numbers that the Service's
 * target ports mean in them, in a stable order.
 */
export function endpointSlices(service: Service, pods: readonly Pod[]): Writable<EndpointSlice>[] {
  const groups = new Map<string, { ports: SlicePort[]; pods: Pod[] }>();
  for (const pod of addressable(pods)) {
    const ports = slicePorts(service, pod);
    const id = JSON.stringify(ports);
    const group = groups.get(id) ?? { ports, pods: [] };
    group.pods.push(pod);
    groups.set(id, group);
  }
  if (groups.size === 0) groups.set("", { ports: [], pods: [] });
  return [...groups].flatMap(([id, group]) =>
    chunks(group.pods).map((chunk, index) => slice(service, `${id}#${index}`, group.ports, chunk)),
  );
}

/** The older form of the same, which `kubectl get endpoints` and some discovery still read. */
export function endpointsOf(service: Service, pods: readonly Pod[]): Writable<Endpoints> {
  const subsets = endpointSlices(service, pods)
    .filter(({ endpoints }) => (endpoints ?? []).length > 0)
    .map(({ endpoints = [], ports = [] }) => {
      const addresses = (ready: boolean) =>
        endpoints
          .filter(({ conditions }) => conditions?.terminating !== true && conditions?.ready === ready)
          .map(({ addresses: [ip = ""], nodeName, targetRef }) => ({
            ip,
            ...(nodeName === undefined ? {} : { nodeName }),
            ...(targetRef === undefined ? {} : { targetRef }),
          }));
      const [ready, notReady] = [addresses(true), addresses(false)];
      return {
        ...(ready.length === 0 ? {} : { addresses: ready }),
        ...(notReady.length === 0 ? {} : { notReadyAddresses: notReady }),
        ports: ports.map((port) => ({ ...port, port: port.port ?? 0 })),
      };
    })
    .filter(({ addresses, notReadyAddresses }) => addresses !== undefined || notReadyAddresses !== undefined);
  const { name, namespace, labels } = service.metadata;
  return {
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      labels: { ...labels, "endpoints.kubernetes.io/managed-by": "endpoint-controller" },
      ownerReferences: [controllerReference(service)],
    },
    ...(subsets.length === 0 ? {} : { subsets }),
  };
}

function slice(
  service: Service,
  id: string,
  ports: SlicePort[],
  pods: readonly Pod[],
): Writable<EndpointSlice> {
  const { name, namespace, labels } = service.metadata;
  // Upstream generates names; a hash makes a second creation of the same slice fail instead of doubling it.
  const suffix = createHash("sha256").update(`${service.metadata.uid} ${id}`).digest("hex").slice(0, 5);
  return {
    metadata: {
      name: `${name}-${suffix}`,
      ...(namespace === undefined ? {} : { namespace }),
      labels: {
        ...labels,
        [LABEL_SERVICE_NAME]: name,
        [LABEL_ENDPOINT_SLICE_MANAGED_BY]: MANAGED_BY,
        ...(service.spec.clusterIP === "None" ? { [LABEL_HEADLESS]: "" } : {}),
      },
      ownerReferences: [controllerReference(service)],
    },
    addressType: "IPv4",
    endpoints: pods.map((pod) => endpoint(service, pod)),
    ports,
  };
}

function endpoint(service: Service, pod: Pod): Endpoint {
  const { name, namespace, uid, deletionTimestamp } = pod.metadata;
  const serving = isReady(pod);
  const terminating = deletionTimestamp !== undefined;
  const publish = service.spec.publishNotReadyAddresses === true;
  const hostname = pod.spec.subdomain === service.metadata.name ? pod.spec.hostname : undefined;
  return {
    addresses: [pod.status?.podIP ?? ""],
    // A pod on its way out may still serve, but gets no new requests (KEP-1672).
    conditions: { ready: publish || (serving && !terminating), serving, terminating },
    ...(hostname === undefined ? {} : { hostname }),
    ...(pod.spec.nodeName === undefined ? {} : { nodeName: pod.spec.nodeName }),
    targetRef: {
      kind: "Pod",
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
    },
  };
}

function addressable(pods: readonly Pod[]): Pod[] {
  return pods
    .filter((pod) => !isFinished(pod) && (pod.status?.podIP ?? "") !== "")
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

/** A named target port that the pod's containers do not have leaves the port out, as upstream. */
function slicePorts(service: Service, pod: Pod): SlicePort[] {
  return (service.spec.ports ?? []).flatMap((port) => {
    const number = targetPort(port, pod);
    if (number === undefined) return [];
    const { name = "", protocol = "TCP", appProtocol } = port;
    return [{ name, protocol, port: number, ...(appProtocol === undefined ? {} : { appProtocol }) }];
  });
}

function targetPort(port: ServicePort, pod: Pod): number | undefined {
  const target = port.targetPort ?? port.port;
  if (typeof target === "number") return target === 0 ? port.port : target;
  const protocol = port.protocol ?? "TCP";
  for (const container of pod.spec.containers) {
    for (const candidate of container.ports ?? []) {
      if (candidate.name === target && (candidate.protocol ?? "TCP") === protocol)
        return candidate.containerPort;
    }
  }
  return undefined;
}

function chunks<T>(items: readonly T[]): T[][] {
  const result: T[][] = [];
  for (let at = 0; at === 0 || at < items.length; at += MAX_ENDPOINTS_PER_SLICE) {
    result.push(items.slice(at, at + MAX_ENDPOINTS_PER_SLICE));
  }
  return result;
}
