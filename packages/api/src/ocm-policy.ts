/** The policy framework's kinds (`policy.open-cluster-management.io/v1`). */
import { resourceType } from "@ai-edge/apimachinery";
import type { Condition, KubernetesObject, UnstructuredObject } from "@ai-edge/apimachinery";
import type { CustomResourceDefinition, JSONSchemaProps } from "./apiextensions.ts";
import type { LabelSelectorRequirement } from "./core.ts";

export type ComplianceState = "Compliant" | "Pending" | "NonCompliant";

/** In a user's namespace the root policy; in a cluster's namespace, as `<namespace>.<name>`, its replica. */
export interface Policy extends KubernetesObject {
  spec: PolicySpec;
  status?: PolicyStatus;
}

export interface PolicySpec {
  disabled: boolean;
  /** Overrides that of the templates. */
  remediationAction?: "Inform" | "inform" | "Enforce" | "enforce";
  "policy-templates": { objectDefinition: UnstructuredObject; [field: string]: unknown }[];
  dependencies?: unknown[];
}

export interface PolicyStatus {
  compliant?: ComplianceState;
  /** Of a root policy: each cluster's state. */
  status?: { clustername: string; clusternamespace: string; compliant?: ComplianceState }[];
  /** Of a root policy: what binds it and where it goes. */
  placement?: {
    placement: string;
    placementBinding: string;
    decisions?: { clusterName: string; clusterNamespace: string }[];
  }[];
  /** Of a replica: each template's state, newest message first. */
  details?: {
    templateMeta: { name: string };
    compliant?: ComplianceState;
    history?: { eventName: string; lastTimestamp: string; message: string }[];
  }[];
}

export const Policy = resourceType<Policy>("policy.open-cluster-management.io/v1", "Policy", "policies", {
  namespaced: true,
});

/** Binds policies of its namespace to a Placement of it. */
export interface PlacementBinding extends KubernetesObject {
  placementRef: { apiGroup: string; kind: "Placement" | "PlacementRule"; name: string };
  subjects: { apiGroup: string; kind: "Policy" | "PolicySet"; name: string }[];
  bindingOverrides?: { remediationAction?: "Enforce" | "enforce" };
}

export const PlacementBinding = resourceType<PlacementBinding>(
  "policy.open-cluster-management.io/v1",
  "PlacementBinding",
  "placementbindings",
  { namespaced: true },
);

/** At a managed cluster: objects that must or must not be there. */
export interface ConfigurationPolicy extends KubernetesObject {
  spec: ConfigurationPolicySpec;
  status?: ConfigurationPolicyStatus;
}

export interface ConfigurationPolicySpec {
  remediationAction: "Inform" | "inform" | "Enforce" | "enforce";
  severity?: string;
  namespaceSelector?: {
    include?: string[];
    exclude?: string[];
    matchLabels?: Record<string, string>;
    matchExpressions?: LabelSelectorRequirement[];
  };
  "object-templates"?: ConfigurationPolicyTemplate[];
  "object-templates-raw"?: string;
  pruneObjectBehavior?: "None" | "DeleteIfCreated" | "DeleteAll";
}

export interface ConfigurationPolicyTemplate {
  /** `musthave`, `mustnothave` or `mustonlyhave`; upper case is allowed in three spellings. */
  complianceType: string;
  metadataComplianceType?: string;
  objectDefinition: UnstructuredObject;
  objectSelector?: unknown;
}

export interface ConfigurationPolicyStatus {
  compliant?: ComplianceState | "Terminating";
  compliancyDetails?: { Compliant?: ComplianceState; conditions?: Condition[] }[];
  relatedObjects?: {
    object: { apiVersion: string; kind: string; metadata: { name: string; namespace?: string } };
    compliant: ComplianceState;
    reason?: string;
  }[];
  lastEvaluated?: string;
  lastEvaluatedGeneration?: number;
  history?: { lastTimestamp: string; message: string }[];
}

export const ConfigurationPolicy = resourceType<ConfigurationPolicy>(
  "policy.open-cluster-management.io/v1",
  "ConfigurationPolicy",
  "configurationpolicies",
  { namespaced: true },
);

const text: JSONSchemaProps = { type: "string" };
const open: JSONSchemaProps = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
const embedded: JSONSchemaProps = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
const remediationAction: JSONSchemaProps = {
  type: "string",
  enum: ["Inform", "inform", "Enforce", "enforce"],
};
const metadata: JSONSchemaProps = { type: "object" };

const policySchema: JSONSchemaProps = {
  type: "object",
  required: ["metadata", "spec"],
  properties: {
    apiVersion: text,
    kind: text,
    metadata,
    spec: {
      type: "object",
      required: ["disabled", "policy-templates"],
      properties: {
        copyPolicyMetadata: { type: "boolean" },
        dependencies: { type: "array", items: open },
        disabled: { type: "boolean" },
        hubTemplateOptions: open,
        remediationAction,
        "policy-templates": {
          type: "array",
          items: {
            type: "object",
            required: ["objectDefinition"],
            properties: {
              extraDependencies: { type: "array", items: open },
              ignorePending: { type: "boolean" },
              objectDefinition: embedded,
            },
          },
        },
      },
    },
    status: open,
  },
};

const placementBindingSchema: JSONSchemaProps = {
  type: "object",
  required: ["placementRef", "subjects"],
  properties: {
    apiVersion: text,
    kind: text,
    metadata,
    bindingOverrides: {
      type: "object",
      properties: { remediationAction: { type: "string", enum: ["Enforce", "enforce"] } },
    },
    placementRef: {
      type: "object",
      required: ["apiGroup", "kind", "name"],
      properties: {
        apiGroup: {
          type: "string",
          enum: ["apps.open-cluster-management.io", "cluster.open-cluster-management.io"],
        },
        kind: { type: "string", enum: ["PlacementRule", "Placement"] },
        name: { type: "string", minLength: 1 },
      },
    },
    subFilter: { type: "string", enum: ["restricted"] },
    subjects: {
      type: "array",
      minItems: 1,
      items: {
        type: "object",
        required: ["apiGroup", "kind", "name"],
        properties: {
          apiGroup: { type: "string", enum: ["policy.open-cluster-management.io"] },
          kind: { type: "string", enum: ["Policy", "PolicySet"] },
          name: { type: "string", minLength: 1 },
        },
      },
    },
    status: open,
  },
};

/** Upstream allows each of three spellings. */
const spellings = (...names: string[]): string[] =>
  names.flatMap((name) => [`Must${name}`, `Must${name.toLowerCase()}`, `must${name.toLowerCase()}`]);

const configurationPolicySchema: JSONSchemaProps = {
  type: "object",
  required: ["spec"],
  properties: {
    apiVersion: text,
    kind: text,
    metadata,
    spec: {
      type: "object",
      required: ["remediationAction"],
      properties: {
        customMessage: open,
        evaluationInterval: open,
        namespaceSelector: open,
        "object-templates": {
          type: "array",
          items: {
            type: "object",
            required: ["complianceType", "objectDefinition"],
            properties: {
              complianceType: { type: "string", enum: spellings("Have", "OnlyHave", "NotHave") },
              metadataComplianceType: { type: "string", enum: spellings("Have", "OnlyHave") },
              objectDefinition: embedded,
              objectSelector: open,
              recordDiff: { type: "string", enum: ["Log", "InStatus", "None"] },
              recreateOption: { type: "string", enum: ["None", "IfRequired", "Always"], default: "None" },
            },
          },
        },
        "object-templates-raw": text,
        pruneObjectBehavior: {
          type: "string",
          enum: ["DeleteAll", "DeleteIfCreated", "None"],
          default: "None",
        },
        remediationAction: { ...remediationAction, default: "inform" },
        severity: {
          type: "string",
          enum: ["low", "Low", "medium", "Medium", "high", "High", "critical", "Critical"],
        },
      },
    },
    status: open,
  },
};

function definition(
  kind: string,
  plural: string,
  schema: JSONSchemaProps,
  more: { shortNames?: string[]; columns?: { name: string; type: "string" | "date"; jsonPath: string }[] },
): CustomResourceDefinition {
  const { shortNames, columns } = more;
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.policy.open-cluster-management.io` },
    spec: {
      group: "policy.open-cluster-management.io",
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular: kind.toLowerCase(),
        ...(shortNames === undefined ? {} : { shortNames }),
      },
      scope: "Namespaced",
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          ...(columns === undefined ? {} : { additionalPrinterColumns: columns }),
          subresources: { status: {} },
          schema: { openAPIV3Schema: schema },
        },
      ],
    },
  };
}

const compliance = { name: "Compliance state", type: "string" as const, jsonPath: ".status.compliant" };
const policyDefinition = definition("Policy", "policies", policySchema, {
  shortNames: ["plc"],
  columns: [
    { name: "Remediation action", type: "string", jsonPath: ".spec.remediationAction" },
    compliance,
    { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
  ],
});

/** The policy kinds of the hub. */
export const policyCustomResourceDefinitions: CustomResourceDefinition[] = [
  policyDefinition,
  definition("PlacementBinding", "placementbindings", placementBindingSchema, { shortNames: ["pb"] }),
];

/** The policy kinds of a managed cluster. */
export const klusterletPolicyCustomResourceDefinitions: CustomResourceDefinition[] = [
  policyDefinition,
  definition("ConfigurationPolicy", "configurationpolicies", configurationPolicySchema, {
    columns: [compliance],
  }),
];
