/**
 * tekton.dev v1beta1 ↔ v1, as upstream's conversion webhook does it (tektoncd/pipeline docs/migrating-v1beta1-to-v1.md).
 * Only fields that moved are touched; everything else passes through. All functions are pure and total: what has not
 * the expected shape is left as it is, for validation to speak about.
 */
import type { KubernetesObject, UnstructuredObject } from "@ai-edge/apimachinery";

type Fields = Record<string, unknown>;
export type TektonVersion = "v1beta1" | "v1";

const V1: TektonVersion = "v1";
const V1BETA1: TektonVersion = "v1beta1";

/**
 * Converts an object of tekton.dev to a version; objects of other kinds or of that version already come back unchanged.
 */
export function convertTekton<T extends KubernetesObject>(object: T, version: TektonVersion): T {
  const target = `tekton.dev/${version}`;
  const convert = CONVERTERS[object.kind];
  if (object.apiVersion === target || convert === undefined) return object;
  return { ...object, ...convert(Object.fromEntries(Object.entries(object)), version), apiVersion: target };
}

/** {@link convertTekton} in the form of the API server's converters: `converters: { "tekton.dev": tektonConverter }`. */
export function tektonConverter(object: UnstructuredObject, apiVersion: string): UnstructuredObject {
  return convertTekton(object, apiVersion === "tekton.dev/v1beta1" ? V1BETA1 : V1);
}

/** A v1beta1 PipelineRun as v1: `serviceAccountName`, `podTemplate`, `timeout`, status results and bundles move. */
export function convertPipelineRunV1beta1ToV1<T extends KubernetesObject>(run: T): T {
  return convertTekton(run, V1);
}

/** A v1 PipelineRun as v1beta1. */
export function convertPipelineRunV1ToV1beta1<T extends KubernetesObject>(run: T): T {
  return convertTekton(run, V1BETA1);
}

/** A v1beta1 TaskRun as v1: `taskResults`, step overrides and resources move. */
export function convertTaskRunV1beta1ToV1<T extends KubernetesObject>(run: T): T {
  return convertTekton(run, V1);
}

/** A v1 TaskRun as v1beta1. */
export function convertTaskRunV1ToV1beta1<T extends KubernetesObject>(run: T): T {
  return convertTekton(run, V1BETA1);
}

const CONVERTERS: Record<string, (object: Fields, to: TektonVersion) => Fields> = {
  Task: (object, to) => within(object, "spec", (spec) => taskSpec(spec, to)),
  ClusterTask: (object, to) => within(object, "spec", (spec) => taskSpec(spec, to)),
  Pipeline: (object, to) => within(object, "spec", (spec) => pipelineSpec(spec, to)),
  TaskRun: (object, to) =>
    within(
      within(object, "spec", (spec) => taskRunSpec(spec, to)),
      "status",
      (status) => taskRunStatus(status, to),
    ),
  PipelineRun: (object, to) =>
    within(
      within(object, "spec", (spec) => pipelineRunSpec(spec, to)),
      "status",
      (status) => pipelineRunStatus(status, to),
    ),
};

function pipelineRunSpec(spec: Fields, to: TektonVersion): Fields {
  let next = within(
    within(spec, "pipelineSpec", (inner) => pipelineSpec(inner, to)),
    "pipelineRef",
    (ref) => reference(ref, to),
  );
  if (to === V1) {
    next = renameInto(next, "taskRunTemplate", ["serviceAccountName", "podTemplate"]);
    if (typeof next["timeout"] === "string")
      next = {
        ...without(next, "timeout"),
        timeouts: { pipeline: next["timeout"], ...record(next["timeouts"]) },
      };
    return eachNamed(next, "taskRunSpecs", (entry) =>
      rename(rename(entry, "taskServiceAccountName", "serviceAccountName"), "taskPodTemplate", "podTemplate"),
    );
  }
  next = renameOutOf(next, "taskRunTemplate", ["serviceAccountName", "podTemplate"]);
  return eachNamed(next, "taskRunSpecs", (entry) =>
    rename(rename(entry, "serviceAccountName", "taskServiceAccountName"), "podTemplate", "taskPodTemplate"),
  );
}

function pipelineRunStatus(status: Fields, to: TektonVersion): Fields {
  const next = within(status, "pipelineSpec", (spec) => pipelineSpec(spec, to));
  return to === V1 ? rename(next, "pipelineResults", "results") : rename(next, "results", "pipelineResults");
}

function pipelineSpec(spec: Fields, to: TektonVersion): Fields {
  const task = (entry: Fields): Fields =>
    within(
      within(whenOf(entry, to), "taskRef", (ref) => reference(ref, to)),
      "taskSpec",
      (inner) => taskSpec(inner, to),
    );
  return eachNamed(eachNamed(spec, "tasks", task), "finally", task);
}

/** Old v1beta1 manifests spell `when` as `whenExpressions`. */
function whenOf(task: Fields, to: TektonVersion): Fields {
  return to === V1 ? rename(task, "whenExpressions", "when") : task;
}

function taskRunSpec(spec: Fields, to: TektonVersion): Fields {
  const next = within(
    within(spec, "taskSpec", (inner) => taskSpec(inner, to)),
    "taskRef",
    (ref) => reference(ref, to),
  );
  return to === V1
    ? rename(
        rename(rename(next, "stepOverrides", "stepSpecs"), "sidecarOverrides", "sidecarSpecs"),
        "resources",
        "computeResources",
      )
    : rename(rename(next, "stepSpecs", "stepOverrides"), "sidecarSpecs", "sidecarOverrides");
}

function taskRunStatus(status: Fields, to: TektonVersion): Fields {
  const next = within(status, "taskSpec", (spec) => taskSpec(spec, to));
  const attempts = eachNamed(next, "retriesStatus", (attempt) => taskRunStatus(attempt, to));
  return to === V1 ? rename(attempts, "taskResults", "results") : rename(attempts, "results", "taskResults");
}

function taskSpec(spec: Fields, to: TektonVersion): Fields {
  const step = (entry: Fields): Fields =>
    to === V1
      ? rename(entry, "resources", "computeResources")
      : rename(entry, "computeResources", "resources");
  return within(eachNamed(eachNamed(spec, "steps", step), "sidecars", step), "stepTemplate", step);
}

/** v1beta1 named an OCI bundle in a field of its own; v1 has the `bundles` resolver for it. */
function reference(ref: Fields, to: TektonVersion): Fields {
  const { bundle } = ref;
  if (to !== V1 || typeof bundle !== "string" || bundle === "")
    return to === V1 ? without(ref, "bundle") : ref;
  const params = [
    { name: "bundle", value: bundle },
    { name: "name", value: ref["name"] },
    { name: "kind", value: ref["kind"] ?? "Task" },
  ];
  return { resolver: "bundles", params };
}

function record(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}

function within(object: Fields, field: string, change: (value: Fields) => Fields): Fields {
  const value = object[field];
  if (typeof value !== "object" || value === null || Array.isArray(value)) return object;
  return { ...object, [field]: change({ ...value }) };
}

function eachNamed(object: Fields, field: string, change: (entry: Fields) => Fields): Fields {
  const value = object[field];
  if (!Array.isArray(value)) return object;
  const entries: unknown[] = value;
  return {
    ...object,
    [field]: entries.map((entry) =>
      typeof entry === "object" && entry !== null ? change({ ...entry }) : entry,
    ),
  };
}

/** Moves a field to another name, unless that is taken. */
function rename(object: Fields, from: string, to: string): Fields {
  if (from === to || object[from] === undefined || object[to] !== undefined) return object;
  return { ...without(object, from), [to]: object[from] };
}

function without(object: Fields, field: string): Fields {
  return Object.fromEntries(Object.entries(object).filter(([name]) => name !== field));
}

function renameInto(object: Fields, group: string, fields: string[]): Fields {
  const moved = Object.fromEntries(
    fields.filter((field) => object[field] !== undefined).map((field) => [field, object[field]]),
  );
  if (Object.keys(moved).length === 0) return object;
  const rest = Object.fromEntries(Object.entries(object).filter(([name]) => !fields.includes(name)));
  return { ...rest, [group]: { ...moved, ...record(object[group]) } };
}

function renameOutOf(object: Fields, group: string, fields: string[]): Fields {
  const inner = record(object[group]);
  const moved = Object.fromEntries(
    fields.filter((field) => inner[field] !== undefined).map((field) => [field, inner[field]]),
  );
  const kept = Object.fromEntries(Object.entries(inner).filter(([name]) => !fields.includes(name)));
  const rest = without(object, group);
  return { ...rest, ...moved, ...(Object.keys(kept).length === 0 ? {} : { [group]: kept }) };
}
