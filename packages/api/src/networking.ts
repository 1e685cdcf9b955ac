import { type KubernetesObject, resourceType } from "@ai-edge/apimachinery";
import type { LabelSelector } from "./core.ts";

export interface Ingress extends KubernetesObject {
  spec?: {
    ingressClassName?: string;
    rules?: { host?: string; http?: { paths: IngressPath[] } }[];
    tls?: { hosts?: string[]; secretName?: string }[];
    defaultBackend?: IngressBackend;
  };
  status?: { loadBalancer?: { ingress?: { ip?: string; hostname?: string }[] } };
}
export const Ingress = resourceType<Ingress>("networking.k8s.io/v1", "Ingress", "ingresses", {
  namespaced: true,
});

export interface IngressPath {
  path?: string;
  pathType: "Exact" | "Prefix" | "ImplementationSpecific";
  backend: IngressBackend;
}

export interface IngressBackend {
  service?: { name: string; port?: { name?: string; number?: number } };
}

export interface NetworkPolicy extends KubernetesObject {
  spec?: {
    podSelector?: LabelSelector;
    policyTypes?: string[];
    ingress?: Record<string, unknown>[];
    egress?: Record<string, unknown>[];
  };
}
export const NetworkPolicy = resourceType<NetworkPolicy>(
  "networking.k8s.io/v1",
  "NetworkPolicy",
  "networkpolicies",
  {
    namespaced: true,
  },
);

export interface IngressClass extends KubernetesObject {
  spec?: { controller?: string; parameters?: Record<string, unknown> };
}
export const IngressClass = resourceType<IngressClass>(
  "networking.k8s.io/v1",
  "IngressClass",
  "ingressclasses",
  {
    namespaced: false,
  },
);
