/**
 * The CRDs of Argo CD (v3.5 `manifests/crds`) and of GitOpsCluster. Names, columns and subresources are upstream's; the
 * schemas check what users get wrong and leave the rest open.
 */
import type { CustomResourceDefinition, JSONSchemaProps, PrinterColumn } from "./apiextensions.ts";
import { AppProject, Application, ApplicationSet, GitOpsCluster } from "./argocd.ts";
import { customResourceDefinition } from "./custom-resource.ts";

const text: JSONSchemaProps = { type: "string" };
const integer: JSONSchemaProps = { type: "integer" };
const boolean: JSONSchemaProps = { type: "boolean" };
const texts: JSONSchemaProps = { type: "array", items: text };
const textMap: JSONSchemaProps = { type: "object", additionalProperties: text };

function object(properties: Record<string, JSONSchemaProps>, required?: string[]): JSONSchemaProps {
  return {
    type: "object",
    "x-kubernetes-preserve-unknown-fields": true,
    properties,
    ...(required === undefined ? {} : { required }),
  };
}

const open: JSONSchemaProps = { type: "object", "x-kubernetes-preserve-unknown-fields": true };

const source = object(
  {
    repoURL: text,
    targetRevision: text,
    path: text,
    chart: text,
    kustomize: object({
      namePrefix: text,
      nameSuffix: text,
      images: texts,
      commonLabels: textMap,
      commonAnnotations: textMap,
      namespace: text,
    }),
    directory: object({ recurse: boolean, include: text, exclude: text }),
  },
  ["repoURL"],
);

const destination = object({ server: text, name: text, namespace: text });

const syncPolicy = object({
  automated: object({ prune: boolean, selfHeal: boolean, allowEmpty: boolean, enabled: boolean }),
  syncOptions: texts,
  retry: object({ limit: integer, backoff: object({ duration: text, factor: integer, maxDuration: text }) }),
});

const applicationSpec = object(
  {
    project: text,
    source,
    sources: { type: "array", items: source },
    destination,
    syncPolicy,
    ignoreDifferences: {
      type: "array",
      items: object(
        {
          group: text,
          kind: text,
          name: text,
          namespace: text,
          jsonPointers: texts,
          jqPathExpressions: texts,
          managedFieldsManagers: texts,
        },
        ["kind"],
      ),
    },
    revisionHistoryLimit: integer,
  },
  ["destination", "project"],
);

const applicationSetSpec = object(
  {
    generators: {
      type: "array",
      items: object({
        clusterDecisionResource: object(
          {
            configMapRef: text,
            name: text,
            labelSelector: open,
            requeueAfterSeconds: integer,
            values: textMap,
          },
          ["configMapRef"],
        ),
        list: object({ elements: { type: "array", items: open } }),
      }),
    },
    goTemplate: boolean,
    syncPolicy: object({
      preserveResourcesOnDeletion: boolean,
      applicationsSync: { type: "string", enum: ["create-only", "create-update", "create-delete", "sync"] },
    }),
    template: object({ metadata: open, spec: applicationSpec }, ["metadata", "spec"]),
  },
  ["generators", "template"],
);

const gitOpsClusterSpec = object(
  {
    argoServer: object({ cluster: text, argoNamespace: text }),
    placementRef: object({ apiVersion: text, kind: text, name: text }),
  },
  ["argoServer", "placementRef"],
);

const APPLICATION_COLUMNS: PrinterColumn[] = [
  { name: "Sync Status", type: "string", jsonPath: ".status.sync.status" },
  { name: "Health Status", type: "string", jsonPath: ".status.health.status" },
  { name: "Revision", type: "string", priority: 10, jsonPath: ".status.sync.revision" },
  { name: "Project", type: "string", priority: 10, jsonPath: ".spec.project" },
];

export const argocdCustomResourceDefinitions: CustomResourceDefinition[] = [
  customResourceDefinition(Application, {
    shortNames: ["app", "apps"],
    columns: APPLICATION_COLUMNS,
    properties: { spec: applicationSpec, operation: open, status: open },
    required: ["metadata", "spec"],
    statusSubresource: false,
  }),
  customResourceDefinition(ApplicationSet, {
    shortNames: ["appset", "appsets"],
    properties: { spec: applicationSetSpec, status: open },
    required: ["metadata", "spec"],
  }),
  customResourceDefinition(AppProject, {
    shortNames: ["appproj", "appprojs"],
    properties: { spec: open, status: open },
    required: ["metadata", "spec"],
    statusSubresource: false,
  }),
  customResourceDefinition(GitOpsCluster, {
    properties: { spec: gitOpsClusterSpec, status: open },
    required: ["spec"],
  }),
];
