import { apiVersionOf, type ResourceType } from "@ai-edge/apimachinery";
import type { CustomResourceDefinition, JSONSchemaProps, PrinterColumn } from "./apiextensions.ts";

const text: JSONSchemaProps = { type: "string" };

/** What a CRD says beyond the names of its resource type. */
export interface CustomResourceDetails {
  readonly shortNames?: string[];
  readonly columns?: PrinterColumn[];
  /** The object's fields without apiVersion, kind and metadata. */
  readonly properties: Record<string, JSONSchemaProps>;
  readonly required?: string[];
  /** False for the kinds whose status, if any, is written with the object. True if absent. */
  readonly statusSubresource?: boolean;
}

/** A CRD of one served and stored version. */
export function customResourceDefinition(
  type: ResourceType,
  details: CustomResourceDetails,
): CustomResourceDefinition {
  const { shortNames, columns, properties, required, statusSubresource = true } = details;
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${type.plural}.${type.group}` },
    spec: {
      group: type.group,
      names: {
        kind: type.kind,
        listKind: `${type.kind}List`,
        plural: type.plural,
        singular: type.kind.toLowerCase(),
        ...(shortNames === undefined ? {} : { shortNames }),
      },
      scope: type.namespaced ? "Namespaced" : "Cluster",
      versions: [
        {
          name: type.version,
          served: true,
          storage: true,
          ...(columns === undefined ? {} : { additionalPrinterColumns: columns }),
          ...(statusSubresource ? { subresources: { status: {} } } : {}),
          schema: {
            openAPIV3Schema: {
              description: `${type.kind} (${apiVersionOf(type)})`,
              type: "object",
              properties: { apiVersion: text, kind: text, metadata: { type: "object" }, ...properties },
              ...(required === undefined ? {} : { required }),
            },
          },
        },
      ],
    },
  };
}
