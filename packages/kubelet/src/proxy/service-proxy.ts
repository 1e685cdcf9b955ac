import { EndpointSlice, Route, Service } from "@ai-edge/api";
import { formatKey, type ObjectKey } from "@ai-edge/apimachinery";
import type { Manager } from "@ai-edge/runtime";
import type { Logger } from "pino";

import { backendsOf, serviceOfSlice } from "./backends.ts";
import { addRouteRouter } from "./route-router.ts";
import { startTcpForwarder, type TcpForwarder } from "./tcp-forwarder.ts";

/** An address that was just given up may need a moment to be free again; then the next try follows. */
const LISTEN_RETRY_MS = 1_000;

export interface ServiceProxyOptions {
  /** `127.N.192.0/18`: where Routes get their addresses. */
  routeCIDR: string;
  logger: Logger;
}

/** Gives the Services and Routes of this node reachable addresses: what kube-proxy and the router do on a cluster. */
export function addServiceProxy(manager: Manager, options: ServiceProxyOptions): { close(): Promise<void> } {
  const forwarders = new ServiceForwarders(options.logger);
  const slices = manager.informer(EndpointSlice, { indexes: { service: serviceOfSlice } });
  const services = manager.informer(Service);
  manager.addController({
    name: "service-proxy",
    for: Service,
    reconcile: async (key) => {
      const current = () => services.store.get(key);
      const retry = await forwarders.reconcile(key, current(), (portName) => {
        const service = current();
        const port = service?.spec.ports?.find(({ name }) => (name ?? "") === portName);
        return service === undefined || port === undefined ? [] : backendsOf(slices.store, service, port);
      });
      return retry ? { requeueAfter: LISTEN_RETRY_MS } : undefined;
    },
  });
  const router = addRouteRouter(manager, { ...options, routes: manager.informer(Route), services, slices });
  return {
    close: async () => {
      await Promise.all([forwarders.close(), router.close()]);
    },
  };
}

interface Listening {
  address: string;
  forwarder: TcpForwarder;
}

/** The listeners of all Services, by Service and port name. */
class ServiceForwarders {
  readonly #listening = new Map<string, Map<string, Listening>>();
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Opens and closes listeners so that they are the Service's ports. @returns true if an address was not free */
  async reconcile(
    key: ObjectKey,
    service: Service | undefined,
    backends: (portName: string) => ReturnType<typeof backendsOf>,
  ): Promise<boolean> {
    const id = formatKey(key);
    const current = this.#listening.get(id) ?? new Map<string, Listening>();
    const wanted = wantedAddresses(service);
    for (const [name, { address, forwarder }] of current) {
      if (wanted.get(name) === address) continue;
      await forwarder.close();
      current.delete(name);
    }
    let retry = false;
    for (const [name, address] of wanted) {
      if (current.has(name)) continue;
      const [host = "", port = "0"] = address.split(":");
      try {
        current.set(name, {
          address,
          forwarder: await startTcpForwarder({ host, port: Number(port) }, () => backends(name)),
        });
      } catch (error) {
        this.#logger.warn(
          { service: id, address, err: error },
          "the Service's address cannot be listened on; trying again",
        );
        retry = true;
      }
    }
    if (current.size === 0) this.#listening.delete(id);
    else this.#listening.set(id, current);
    return retry;
  }

  async close(): Promise<void> {
    const all = [...this.#listening.values()].flatMap((ports) => [...ports.values()]);
    await Promise.all(all.map(({ forwarder }) => forwarder.close()));
    this.#listening.clear();
  }
}

/** `address:port` by port name, of a Service with a loopback cluster IP; empty for others (headless, deleted, not ours). */
function wantedAddresses(service: Service | undefined): Map<string, string> {
  const ip = service?.spec.clusterIP;
  if (service === undefined || ip?.startsWith("127.") !== true) return new Map();
  const ports = (service.spec.ports ?? []).filter(({ protocol }) => (protocol ?? "TCP") === "TCP");
  return new Map(ports.map(({ name, port }) => [name ?? "", `${ip}:${port}`]));
}
