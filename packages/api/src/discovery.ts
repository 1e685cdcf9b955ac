import { type KubernetesObject, resourceType } from "@ai-edge/apimachinery";
import type { ObjectReference } from "./core.ts";

export interface EndpointSlice extends KubernetesObject {
  addressType: "IPv4" | "IPv6" | "FQDN";
  endpoints?: Endpoint[];
  ports?: { name?: string; protocol?: string; port?: number; appProtocol?: string }[];
}
export const EndpointSlice = resourceType<EndpointSlice>(
  "discovery.k8s.io/v1",
  "EndpointSlice",
  "endpointslices",
  {
    namespaced: true,
  },
);

export interface Endpoint {
  addresses: string[];
  conditions?: { ready?: boolean; serving?: boolean; terminating?: boolean };
  hostname?: string;
  nodeName?: string;
  targetRef?: ObjectReference;
}

/** The Service whose endpoints a slice holds. */
export const LABEL_SERVICE_NAME = "kubernetes.io/service-name";
/** Who manages a slice. */
export const LABEL_ENDPOINT_SLICE_MANAGED_BY = "endpointslice.kubernetes.io/managed-by";
