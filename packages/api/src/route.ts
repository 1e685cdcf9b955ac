import { type KubernetesObject, resourceType } from "@ai-edge/apimachinery";
import type { CustomResourceDefinition, JSONSchemaProps } from "./apiextensions.ts";
import type { TypedCondition } from "./core.ts";

/** OpenShift's Route: a host name outside the cluster for a Service inside. */
export interface Route extends KubernetesObject {
  spec: RouteSpec;
  status?: { ingress?: RouteIngress[] };
}
export const Route = resourceType<Route>("route.openshift.io/v1", "Route", "routes", { namespaced: true });

export interface RouteSpec {
  host?: string;
  subdomain?: string;
  path?: string;
  to: RouteTarget;
  alternateBackends?: RouteTarget[];
  /** A port of the Service by name, or a target port by number; absent: all ports. */
  port?: { targetPort: number | string };
  tls?: {
    termination: "edge" | "passthrough" | "reencrypt";
    insecureEdgeTerminationPolicy?: "Allow" | "Redirect" | "None" | "";
    certificate?: string;
    key?: string;
    caCertificate?: string;
    destinationCACertificate?: string;
  };
  wildcardPolicy?: "None" | "Subdomain";
}

export interface RouteTarget {
  kind: "Service" | "";
  name: string;
  /** 0–256, relative to the other backends. */
  weight?: number;
}

/** What one router made of the Route. */
export interface RouteIngress {
  host?: string;
  routerName?: string;
  routerCanonicalHostname?: string;
  wildcardPolicy?: string;
  conditions?: TypedCondition[];
}

/** Condition of a RouteIngress: the router serves the host. */
export const ROUTE_ADMITTED = "Admitted";

const target: JSONSchemaProps = {
  type: "object",
  required: ["kind", "name"],
  properties: {
    kind: { type: "string", enum: ["Service", ""], default: "Service" },
    name: { type: "string", minLength: 1 },
    weight: { type: "integer", format: "int32", minimum: 0, maximum: 256, default: 100 },
  },
};

const spec: JSONSchemaProps = {
  type: "object",
  required: ["to"],
  properties: {
    host: { type: "string", maxLength: 253 },
    subdomain: { type: "string", maxLength: 253 },
    path: { type: "string", pattern: "^/" },
    to: target,
    alternateBackends: { type: "array", maxItems: 3, items: target },
    port: {
      type: "object",
      required: ["targetPort"],
      properties: { targetPort: { "x-kubernetes-int-or-string": true } },
    },
    tls: {
      type: "object",
      required: ["termination"],
      properties: {
        termination: { type: "string", enum: ["edge", "passthrough", "reencrypt"] },
        insecureEdgeTerminationPolicy: { type: "string", enum: ["Allow", "Redirect", "None", ""] },
        certificate: { type: "string" },
        key: { type: "string" },
        caCertificate: { type: "string" },
        destinationCACertificate: { type: "string" },
        externalCertificate: { type: "object", properties: { name: { type: "string" } } },
      },
    },
    wildcardPolicy: { type: "string", enum: ["None", "Subdomain", ""], default: "None" },
    httpHeaders: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
  },
};

/**
 * OpenShift serves routes from its own API server; elsewhere this CRD (openshift/api route/v1) stands in for it. The
 * columns are those that `oc get routes` prints.
 */
const routeCustomResourceDefinition: CustomResourceDefinition = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "routes.route.openshift.io" },
  spec: {
    group: "route.openshift.io",
    scope: "Namespaced",
    names: { kind: "Route", listKind: "RouteList", plural: "routes", singular: "route" },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        subresources: { status: {} },
        additionalPrinterColumns: [
          { name: "Host/Port", type: "string", jsonPath: ".status.ingress[0].host" },
          { name: "Path", type: "string", jsonPath: ".spec.path" },
          { name: "Services", type: "string", jsonPath: ".spec.to.name" },
          { name: "Port", type: "string", jsonPath: ".spec.port.targetPort" },
          { name: "Termination", type: "string", jsonPath: ".spec.tls.termination" },
          { name: "Wildcard", type: "string", jsonPath: ".spec.wildcardPolicy" },
        ],
        schema: {
          openAPIV3Schema: {
            type: "object",
            required: ["spec"],
            properties: {
              apiVersion: { type: "string" },
              kind: { type: "string" },
              metadata: { type: "object" },
              spec,
              status: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
            },
          },
        },
      },
    ],
  },
};

export const routeCustomResourceDefinitions: CustomResourceDefinition[] = [routeCustomResourceDefinition];
