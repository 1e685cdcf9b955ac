/**
 * The CRDs of Tekton Pipelines. Names, short names, categories, columns and subresources are upstream's
 * (tektoncd/pipeline config/300-crds); both versions are served and v1 is stored. Upstream converts by a webhook; here
 * the API server calls {@link convertTekton}, so the strategy says None and nothing is dialled.
 */
import type { CustomResourceDefinition, JSONSchemaProps, PrinterColumn } from "./apiextensions.ts";

const open: JSONSchemaProps = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
/** A parameter's value is a string, a list or a map. */
const anyValue: JSONSchemaProps = { "x-kubernetes-preserve-unknown-fields": true };

function openObject(properties: Record<string, JSONSchemaProps>, required: string[] = []): JSONSchemaProps {
  return {
    type: "object",
    properties,
    ...(required.length === 0 ? {} : { required }),
    "x-kubernetes-preserve-unknown-fields": true,
  };
}

/** Entries have a name: what people forget when they indent wrongly. */
function namedList(properties: Record<string, JSONSchemaProps> = {}): JSONSchemaProps {
  return { type: "array", items: openObject({ name: { type: "string" }, ...properties }, ["name"]) };
}

const paramSpecs = namedList({
  type: { type: "string", enum: ["string", "array", "object"] },
  default: anyValue,
});
const params = namedList({ value: anyValue });
const taskSpec = openObject({ params: paramSpecs, workspaces: namedList(), results: namedList() });
const pipelineTasks = namedList({
  params,
  runAfter: { type: "array", items: { type: "string" } },
  taskRef: open,
  taskSpec: open,
  workspaces: namedList(),
});
const pipelineSpec = openObject({
  params: paramSpecs,
  tasks: pipelineTasks,
  finally: pipelineTasks,
  workspaces: namedList(),
  results: namedList({ value: anyValue }),
});
const runStatusValues = ["Cancelled", "CancelledRunFinally", "StoppedRunFinally", "PipelineRunPending", ""];
const pipelineRunSpec = openObject({
  params,
  workspaces: namedList(),
  pipelineRef: open,
  pipelineSpec: open,
  status: { type: "string", enum: runStatusValues },
});
const taskRunSpec = openObject({ params, workspaces: namedList(), taskRef: open, taskSpec: open });

const runColumns: PrinterColumn[] = [
  { name: "Succeeded", type: "string", jsonPath: '.status.conditions[?(@.type=="Succeeded")].status' },
  { name: "Reason", type: "string", jsonPath: '.status.conditions[?(@.type=="Succeeded")].reason' },
  { name: "StartTime", type: "date", jsonPath: ".status.startTime" },
  { name: "CompletionTime", type: "date", jsonPath: ".status.completionTime" },
];

function definition(
  kind: string,
  spec: JSONSchemaProps,
  details: { shortNames?: string[]; columns?: PrinterColumn[] } = {},
): CustomResourceDefinition {
  const plural = `${kind.toLowerCase()}s`;
  const version = (name: string): CustomResourceDefinition["spec"]["versions"][number] => ({
    name,
    served: true,
    storage: name === "v1",
    ...(details.columns === undefined ? {} : { additionalPrinterColumns: details.columns }),
    subresources: { status: {} },
    schema: {
      openAPIV3Schema: {
        description: `${kind} (tekton.dev/${name})`,
        type: "object",
        properties: {
          apiVersion: { type: "string" },
          kind: { type: "string" },
          metadata: { type: "object" },
          spec,
          status: open,
        },
      },
    },
  });
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.tekton.dev`, labels: { "app.kubernetes.io/part-of": "tekton-pipelines" } },
    spec: {
      group: "tekton.dev",
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular: kind.toLowerCase(),
        categories: ["tekton", "tekton-pipelines"],
        ...(details.shortNames === undefined ? {} : { shortNames: details.shortNames }),
      },
      scope: "Namespaced",
      conversion: { strategy: "None" },
      versions: [version("v1beta1"), version("v1")],
    },
  };
}

/** Task, Pipeline, TaskRun and PipelineRun. */
export const tektonCustomResourceDefinitions: CustomResourceDefinition[] = [
  definition("Task", taskSpec),
  definition("Pipeline", pipelineSpec),
  definition("TaskRun", taskRunSpec, { shortNames: ["tr", "trs"], columns: runColumns }),
  definition("PipelineRun", pipelineRunSpec, { shortNames: ["pr", "prs"], columns: runColumns }),
];
