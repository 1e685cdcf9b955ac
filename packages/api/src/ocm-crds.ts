/**
 * The CRDs of Open Cluster Management. Names, columns and subresources are upstream's exactly
 * (open-cluster-management-io/ocm manifests/cluster-manager/hub/crds and manifests/klusterlet/managed); the schemas
 * keep upstream's defaults, required fields and enums, and leave the rest open.
 */
import type { KubernetesObject, ResourceType } from "@ai-edge/apimachinery";
import type { CustomResourceDefinition, JSONSchemaProps, PrinterColumn } from "./apiextensions.ts";
import { customResourceDefinition, type CustomResourceDetails } from "./custom-resource.ts";
import {
  AddOnPlacementScore,
  ClusterClaim,
  ManagedCluster,
  ManagedClusterSet,
  ManagedClusterSetBinding,
  Placement,
  PlacementDecision,
} from "./ocm.ts";
import { AppliedManifestWork, ManifestWork } from "./ocm-work.ts";
import { klusterletPolicyCustomResourceDefinitions, policyCustomResourceDefinitions } from "./ocm-policy.ts";

type Schema = JSONSchemaProps;

/** A CRD whose object has nothing but spec and status, both open if they are not given. */
function definition(
  type: ResourceType<KubernetesObject>,
  details: Omit<CustomResourceDetails, "properties"> & { spec?: Schema; status?: Schema },
): CustomResourceDefinition {
  const { spec = open, status = open, ...rest } = details;
  return customResourceDefinition(type, { ...rest, properties: { spec, status } });
}

const text: Schema = { type: "string" };
const integer: Schema = { type: "integer" };
const open: Schema = { type: "object", "x-kubernetes-preserve-unknown-fields": true };

function object(properties: Record<string, Schema>, required?: string[]): Schema {
  return { type: "object", properties, ...(required === undefined ? {} : { required }) };
}

function list(items: Schema, more: Schema = {}): Schema {
  return { type: "array", items, ...more };
}

function choice(...values: string[]): Schema {
  return { type: "string", enum: values };
}

const age: PrinterColumn = { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" };

/** A column that shows a field of one condition. */
function conditionColumn(name: string, condition: string, field = "status"): PrinterColumn {
  return { name, type: "string", jsonPath: `.status.conditions[?(@.type=="${condition}")].${field}` };
}

/** Upstream's pattern of taint, toleration and topology keys: a qualified name. */
const taintKey: Schema = {
  type: "string",
  maxLength: 316,
  pattern:
    "^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$",
};
const taintValue: Schema = { type: "string", maxLength: 1024 };
const taintEffect = choice("NoSelect", "PreferNoSelect", "NoSelectIfNew");

const matchExpressions = list(object({ key: text, operator: text, values: list(text) }, ["key", "operator"]));
const labelSelector = object({
  matchLabels: { type: "object", additionalProperties: text },
  matchExpressions,
});
const clusterSelector = object({
  labelSelector,
  claimSelector: object({ matchExpressions }),
  celSelector: object({ celExpressions: list(text) }),
});

const managedClusterSpec = object({
  managedClusterClientConfigs: list(
    object({ url: text, caBundle: { type: "string", format: "byte" } }, ["url"]),
  ),
  hubAcceptsClient: { type: "boolean" },
  leaseDurationSeconds: { type: "integer", format: "int32", default: 60 },
  taints: list(
    object(
      {
        key: taintKey,
        value: taintValue,
        effect: taintEffect,
        timeAdded: { type: "string", format: "date-time", nullable: true },
      },
      ["effect", "key"],
    ),
  ),
});

const exclusiveSet = { selectorType: "ExclusiveClusterSetLabel" };
const managedClusterSetSpec: Schema = {
  ...object({
    clusterSelector: {
      ...object(
        {
          selectorType: {
            ...choice("ExclusiveClusterSetLabel", "LabelSelector"),
            default: "ExclusiveClusterSetLabel",
          },
          labelSelector,
        },
        ["selectorType"],
      ),
      default: exclusiveSet,
    },
    managedNamespaces: list(object({ name: text }, ["name"])),
  }),
  default: { clusterSelector: exclusiveSet },
};

const decisionStrategy = object({
  groupStrategy: object({
    clustersPerDecisionGroup: {
      "x-kubernetes-int-or-string": true,
      anyOf: [{ type: "integer" }, { type: "string" }],
      default: "100%",
      pattern: "^((100|[1-9][0-9]{0,1})%|[1-9][0-9]*)$",
    },
    decisionGroups: list(
      object(
        {
          groupName: { type: "string", pattern: "^[a-zA-Z0-9][-A-Za-z0-9_.]{0,61}[a-zA-Z0-9]$" },
          groupClusterSelector: clusterSelector,
        },
        ["groupClusterSelector", "groupName"],
      ),
    ),
  }),
});

const placementSpec = object({
  clusterSets: list(text),
  numberOfClusters: { type: "integer", format: "int32" },
  predicates: list(object({ requiredClusterSelector: clusterSelector })),
  prioritizerPolicy: object({
    mode: { type: "string", default: "Additive" },
    configurations: list(
      object(
        {
          scoreCoordinate: object(
            {
              type: { ...choice("BuiltIn", "AddOn"), default: "BuiltIn" },
              builtIn: text,
              addOn: object({ resourceName: text, scoreName: text }, ["resourceName", "scoreName"]),
            },
            ["type"],
          ),
          weight: { type: "integer", format: "int32", minimum: -10, maximum: 10, default: 1 },
        },
        ["scoreCoordinate"],
      ),
    ),
  }),
  tolerations: list(
    object({
      key: taintKey,
      operator: { type: "string", default: "Equal" },
      value: taintValue,
      effect: taintEffect,
      tolerationSeconds: { type: "integer", format: "int64" },
    }),
  ),
  decisionStrategy,
  spreadPolicy: open,
  sortBy: { ...choice("ClusterName", "Score"), default: "ClusterName" },
  scoreRateLimit: { type: "string", pattern: "^[0-9]+[hms]$", default: "1m" },
});

const decisions = list(
  object({ clusterName: text, reason: text, score: { type: "integer", format: "int64" } }, [
    "clusterName",
    "reason",
  ]),
);

const resourceIdentifier = object({ group: text, resource: text, namespace: text, name: text }, [
  "name",
  "resource",
]);
const updateStrategy = object(
  {
    type: { ...choice("Update", "CreateOnly", "ServerSideApply", "ReadOnly"), default: "Update" },
    serverSideApply: object({
      force: { type: "boolean" },
      fieldManager: { type: "string", default: "work-agent", pattern: "^work-agent" },
      ignoreFields: list(
        object(
          {
            condition: { ...choice("OnSpokePresent", "OnSpokeChange"), default: "OnSpokePresent" },
            jsonPaths: list(text),
            jsonPointers: list(text),
            jqPathExpressions: list(text),
          },
          ["condition"],
        ),
      ),
    }),
  },
  ["type"],
);
const feedbackRule = object(
  {
    type: choice("WellKnownStatus", "JSONPaths"),
    jsonPaths: list(object({ name: text, path: text, version: text }, ["name", "path"])),
  },
  ["type"],
);

const manifestWorkSpec = object({
  workload: object({
    manifests: list({
      type: "object",
      "x-kubernetes-embedded-resource": true,
      "x-kubernetes-preserve-unknown-fields": true,
    }),
  }),
  deleteOption: object({
    propagationPolicy: { ...choice("Foreground", "Orphan", "SelectivelyOrphan"), default: "Foreground" },
    selectivelyOrphans: object({ orphaningRules: list(resourceIdentifier) }),
    ttlSecondsAfterFinished: { type: "integer", format: "int64" },
  }),
  executor: object({
    subject: object(
      {
        type: choice("ServiceAccount"),
        serviceAccount: object({ namespace: text, name: text }, ["name", "namespace"]),
      },
      ["type"],
    ),
  }),
  manifestConfigs: list(
    object(
      {
        resourceIdentifier,
        feedbackRules: list(feedbackRule),
        feedbackScrapeType: { ...choice("Poll", "Watch"), default: "Poll" },
        updateStrategy,
        conditionRules: list(open),
      },
      ["resourceIdentifier"],
    ),
  ),
});

const appliedManifestWork = definition(AppliedManifestWork, {
  spec: object({ hubHash: text, manifestWorkName: text, agentID: text }, ["hubHash", "manifestWorkName"]),
});

/** The kinds of the hub. */
export const ocmCustomResourceDefinitions: CustomResourceDefinition[] = [
  definition(ManagedCluster, {
    shortNames: ["mcl", "mcls"],
    columns: [
      { name: "Hub Accepted", type: "boolean", jsonPath: ".spec.hubAcceptsClient" },
      { name: "Managed Cluster URLs", type: "string", jsonPath: ".spec.managedClusterClientConfigs[*].url" },
      conditionColumn("Joined", "ManagedClusterJoined"),
      conditionColumn("Available", "ManagedClusterConditionAvailable"),
      age,
    ],
    spec: managedClusterSpec,
  }),
  definition(ManagedClusterSet, {
    shortNames: ["mclset", "mclsets"],
    columns: [conditionColumn("Empty", "ClusterSetEmpty"), age],
    spec: managedClusterSetSpec,
  }),
  definition(ManagedClusterSetBinding, {
    shortNames: ["mclsetbinding", "mclsetbindings"],
    spec: object({ clusterSet: { type: "string", minLength: 1 } }),
  }),
  definition(Placement, {
    columns: [
      conditionColumn("Succeeded", "PlacementSatisfied"),
      conditionColumn("Reason", "PlacementSatisfied", "reason"),
      { name: "SelectedClusters", type: "integer", jsonPath: ".status.numberOfSelectedClusters" },
    ],
    spec: placementSpec,
    required: ["spec"],
  }),
  definition(PlacementDecision, { status: object({ decisions }, ["decisions"]) }),
  definition(AddOnPlacementScore, {
    status: object({
      conditions: list(open),
      scores: list(
        object({ name: text, value: { ...integer, format: "int32", minimum: -100, maximum: 100 } }, [
          "name",
          "value",
        ]),
      ),
      validUntil: { type: "string", format: "date-time" },
    }),
  }),
  definition(ManifestWork, { spec: manifestWorkSpec }),
  ...policyCustomResourceDefinitions,
];

/** The kinds of a managed cluster's agents. */
export const klusterletCustomResourceDefinitions: CustomResourceDefinition[] = [
  appliedManifestWork,
  definition(ClusterClaim, {
    spec: object({ value: { type: "string", minLength: 1, maxLength: 1024 } }),
    statusSubresource: false,
  }),
  ...klusterletPolicyCustomResourceDefinitions,
];
