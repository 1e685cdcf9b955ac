import {
  type KubernetesObject,
  type ObjectKey,
  type ResourceType,
  deepEqual,
  isStatus,
  keyOf,
} from "@ai-edge/apimachinery";
import {
  Endpoints,
  EndpointSlice,
  LABEL_ENDPOINT_SLICE_MANAGED_BY,
  LABEL_SERVICE_NAME,
  Pod,
  Service,
} from "@ai-edge/api";
import type { Writable } from "@ai-edge/client";
import { type Informer, type Manager, type Result, patchStatus } from "@ai-edge/runtime";
import { BY_CONTROLLER, type ControllerContext, controllerUid } from "../context.ts";
import { MANAGED_BY, endpointSlices, endpointsOf } from "./endpoints.ts";

/** Distinct Services worked on at once. */
const CONCURRENCY = 4;

/** Keeps EndpointSlices (and Endpoints) of Services in line with the pods that they select. */
export function addServiceController(manager: Manager, context: ControllerContext): void {
  const services = manager.informer(Service);
  const slices = manager.informer(EndpointSlice);
  const endpoints = manager.informer(Endpoints);
  const controller = new ServiceController(context, services, slices, endpoints);
  manager.addController({
    name: "service",
    for: Service,
    owns: [EndpointSlice, Endpoints],
    watches: [
      {
        type: Pod,
        options: { indexes: { [BY_CONTROLLER]: controllerUid } },
        map: (pod: Pod) => servicesOf(services, pod),
      },
    ],
    concurrency: CONCURRENCY,
    reconcile: (key) => controller.reconcile(key),
  });
}

class ServiceController {
  readonly #context: ControllerContext;
  readonly #services: Informer<Service>;
  readonly #slices: Informer<EndpointSlice>;
  readonly #endpoints: Informer<Endpoints>;

  constructor(
    context: ControllerContext,
    services: Informer<Service>,
    slices: Informer<EndpointSlice>,
    endpoints: Informer<Endpoints>,
  ) {
    this.#context = context;
    this.#services = services;
    this.#slices = slices;
    this.#endpoints = endpoints;
  }

  async reconcile(key: ObjectKey): Promise<Result | void> {
    const service = this.#services.store.get(key);
    if (service === undefined || service.metadata.deletionTimestamp !== undefined) return;
    await this.#setLoadBalancer(service);
    const existing = this.#slices.store.list({
      namespace: key.namespace,
      labels: { [LABEL_SERVICE_NAME]: key.name, [LABEL_ENDPOINT_SLICE_MANAGED_BY]: MANAGED_BY },
    });
    const { selector, type } = service.spec;
    // Without a selector its owner keeps the endpoints by hand.
    const managed = selector !== undefined && Object.keys(selector).length > 0 && type !== "ExternalName";
    if (!managed) return this.#removeSlices(existing);
    const pods = this.#context.pods.store.list({ namespace: key.namespace, labels: selector });
    const wanted = endpointSlices(service, pods);
    // New addresses first, so that a Service whose ports change is never without.
    for (const slice of wanted) await this.#write(EndpointSlice, this.#slices, slice);
    await this.#write(Endpoints, this.#endpoints, endpointsOf(service, pods));
    const names = new Set(wanted.map(({ metadata }) => metadata.name));
    await this.#removeSlices(existing.filter(({ metadata }) => !names.has(metadata.name)));
  }

  async #write<T extends KubernetesObject>(
    type: ResourceType<T>,
    informer: Informer<T>,
    wanted: Writable<T>,
  ): Promise<void> {
    const { client } = this.#context;
    const existing = informer.store.get(wanted.metadata);
    if (existing === undefined) {
      try {
        await client.create(type, wanted);
      } catch (error) {
        // Ours of a moment ago, which the informer has not shown; or the namespace is going away.
        if (isStatus(error, "Forbidden")) return;
        throw error;
      }
      return;
    }
    const { resourceVersion } = existing.metadata;
    const next = { ...wanted, metadata: { ...wanted.metadata, resourceVersion } };
    if (deepEqual(comparable(existing), comparable(next))) return;
    await client.update(type, next);
  }

  async #removeSlices(slices: readonly EndpointSlice[]): Promise<void> {
    for (const slice of slices) {
      try {
        await this.#context.client.delete(EndpointSlice, keyOf(slice));
      } catch (error) {
        if (!isStatus(error, "NotFound")) throw error;
      }
    }
  }

  /** An embedded cluster has no load balancer before it: the cluster IP is reachable, and health checks see an address. */
  async #setLoadBalancer(service: Service): Promise<void> {
    const ip = service.spec.clusterIP;
    if (service.spec.type !== "LoadBalancer" || ip === undefined || ip === "" || ip === "None") return;
    const status = { ...service.status, loadBalancer: { ingress: [{ ip }] } };
    await patchStatus(this.#context.client, Service, service, { ...service, status });
  }
}

/** What we write; the rest of the metadata is the server's. */
function comparable(object: object & { metadata: KubernetesObject["metadata"] }): unknown {
  const { labels, ownerReferences } = object.metadata;
  const { apiVersion: _, kind: __, ...fields } = { apiVersion: "", kind: "", ...object };
  return { ...fields, metadata: { labels, ownerReferences } };
}

function servicesOf(services: Informer<Service>, pod: Pod): ObjectKey[] {
  const labels = pod.metadata.labels ?? {};
  return services.store
    .list({ namespace: pod.metadata.namespace })
    .filter(({ spec }) => {
      const selector = Object.entries(spec.selector ?? {});
      return selector.length > 0 && selector.every(([name, value]) => labels[name] === value);
    })
    .map(keyOf);
}
