import { ANNOTATION_ROUTE_URL, type EndpointSlice, Route, type Service } from "@ai-edge/api";
import { formatKey, formatTime, type ObjectKey } from "@ai-edge/apimachinery";
import { type Informer, type Manager, patchStatus } from "@ai-edge/runtime";
import type { Logger } from "pino";

import { type Backend, backendsOf } from "./backends.ts";
import { type HttpRouter, startHttpRouter } from "./http-router.ts";
import { AddressAllocator } from "../addresses/address-allocator.ts";

/** Every Route has an address of its own, so all may use the port that people expect of a model server. */
const ROUTER_PORT = 8080;
const LISTEN_RETRY_MS = 1_000;
/** OpenShift's name of its router; a Route's status has one entry per router. */
const ROUTER_NAME = "default";

export interface RouteRouterOptions {
  routeCIDR: string;
  logger: Logger;
  routes: Informer<Route>;
  services: Informer<Service>;
  slices: Informer<EndpointSlice>;
}

/** Admits Routes, gives each an address, and routes its requests to the ready pods of its Service. */
export function addRouteRouter(manager: Manager, options: RouteRouterOptions): { close(): Promise<void> } {
  const addresses = new AddressAllocator(options.routeCIDR);
  const routers = new Map<string, HttpRouter>();
  const reconcile = async (key: ObjectKey) => {
    const id = formatKey(key);
    const route = options.routes.store.get(key);
    if (route === undefined || route.metadata.deletionTimestamp !== undefined) {
      await routers.get(id)?.close();
      routers.delete(id);
      addresses.release(id);
      return undefined;
    }
    const address = addresses.allocate(id, addressOf(route));
    if (!routers.has(id)) {
      try {
        routers.set(
          id,
          await startHttpRouter({ host: address, port: ROUTER_PORT }, () => backendsOfRoute(options, key)),
        );
      } catch (error) {
        options.logger.warn(
          { route: id, address, err: error },
          "the Route's address cannot be listened on; trying again",
        );
        return { requeueAfter: LISTEN_RETRY_MS };
      }
    }
    await admit(manager, route, `http://${address}:${ROUTER_PORT}`);
    return undefined;
  };
  // A restarted node remembers the addresses of its Routes before a new Route could take one of them.
  manager.addController({
    name: "route-router",
    for: Route,
    reconcile: async (key) => {
      await options.routes.synced;
      for (const route of options.routes.store.list())
        addresses.allocate(formatKey(keyOfRoute(route)), addressOf(route));
      return reconcile(key);
    },
  });
  return {
    close: async () => {
      await Promise.all([...routers.values()].map((router) => router.close()));
    },
  };
}

function keyOfRoute(route: Route): ObjectKey {
  return { namespace: route.metadata.namespace ?? "", name: route.metadata.name };
}

/** The address that an earlier run wrote into the Route. */
function addressOf(route: Route): string | undefined {
  const url = route.metadata.annotations?.[ANNOTATION_ROUTE_URL];
  return url !== undefined && URL.canParse(url) ? new URL(url).hostname : undefined;
}

/** `spec.port.targetPort` is the name of a Service port or a pod's port number; without it the first port is meant. */
function backendsOfRoute(options: RouteRouterOptions, key: ObjectKey): Backend[] {
  const route = options.routes.store.get(key);
  if (route === undefined) return [];
  const service = options.services.store.get({ namespace: key.namespace ?? "", name: route.spec.to.name });
  const target = route.spec.port?.targetPort;
  const ports = service?.spec.ports ?? [];
  const port =
    target === undefined
      ? ports[0]
      : ports.find(
          (candidate) =>
            candidate.name === target || String(candidate.targetPort ?? candidate.port) === String(target),
        );
  return service === undefined || port === undefined ? [] : backendsOf(options.slices.store, service, port);
}

/** Writes the plain URL and the admission into the Route, as OpenShift's router does. */
async function admit(manager: Manager, route: Route, url: string): Promise<void> {
  const key = keyOfRoute(route);
  if (route.metadata.annotations?.[ANNOTATION_ROUTE_URL] !== url) {
    await manager.client.patch(Route, key, {
      type: "merge",
      body: { metadata: { annotations: { [ANNOTATION_ROUTE_URL]: url } } },
    });
  }
  const previous = route.status?.ingress?.find(({ routerName }) => routerName === ROUTER_NAME);
  const admitted = previous?.conditions?.find(({ type, status }) => type === "Admitted" && status === "True");
  const ingress = {
    routerName: ROUTER_NAME,
    host: route.spec.host ?? new URL(url).host,
    wildcardPolicy: route.spec.wildcardPolicy ?? "None",
    conditions: [
      {
        type: "Admitted",
        status: "True" as const,
        lastTransitionTime: admitted?.lastTransitionTime ?? formatTime(manager.now()),
      },
    ],
  };
  await patchStatus(manager.client, Route, route, {
    ...route,
    status: { ...route.status, ingress: [ingress] },
  });
}
