/** Status values of applied objects that travel back to the hub (upstream: pkg/work/spoke/statusfeedback). */
import type { FeedbackRule, FeedbackValue } from "@ai-edge/api";
import { parseApiVersion } from "@ai-edge/apimachinery";
import type { UnstructuredObject } from "@ai-edge/apimachinery";
import { valueAtPath } from "./json-path.ts";

/** A structured value may be this long: enough for the health of every resource of an application. */
export const MAX_RAW_VALUE_BYTES = 16 * 1024;

export interface Feedback {
  values: FeedbackValue[];
  /** What could not be read, for the condition StatusFeedbackSynced. */
  errors: string[];
}

const conditionStatus = (type: string): string => `.status.conditions[?(@.type=="${type}")].status`;

/** Upstream's well-known rules by `group/Kind`. */
const WELL_KNOWN: Record<string, { name: string; path: string }[]> = {
  "apps/Deployment": [
    { name: "ReadyReplicas", path: ".status.readyReplicas" },
    { name: "Replicas", path: ".status.replicas" },
    { name: "AvailableReplicas", path: ".status.availableReplicas" },
  ],
  "apps/DaemonSet": [
    { name: "NumberReady", path: ".status.numberReady" },
    { name: "DesiredNumberScheduled", path: ".status.desiredNumberScheduled" },
    { name: "NumberAvailable", path: ".status.numberAvailable" },
  ],
  "batch/Job": [
    { name: "JobComplete", path: conditionStatus("Complete") },
    { name: "JobSucceeded", path: ".status.succeeded" },
  ],
  "/Pod": [
    { name: "PodReady", path: conditionStatus("Ready") },
    { name: "PodPhase", path: ".status.phase" },
  ],
};

/** The values that rules ask of an object. A path that leads nowhere gives no value and is no error. */
export function readFeedback(object: UnstructuredObject, rules: readonly FeedbackRule[]): Feedback {
  const feedback: Feedback = { values: [], errors: [] };
  for (const rule of rules) {
    for (const { name, path } of pathsOf(object, rule, feedback)) {
      try {
        const value = feedbackValue(valueAtPath(object, path));
        if (value !== undefined) feedback.values.push({ name, fieldValue: value });
      } catch (error) {
        feedback.errors.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }
  return feedback;
}

function pathsOf(
  object: UnstructuredObject,
  rule: FeedbackRule,
  feedback: Feedback,
): readonly { name: string; path: string }[] {
  if (rule.type === "JSONPaths") {
    const version = parseApiVersion(object.apiVersion).version;
    return (rule.jsonPaths ?? []).filter(
      (path) => path.version === undefined || path.version === "" || path.version === version,
    );
  }
  const kind = `${parseApiVersion(object.apiVersion).group}/${object.kind}`;
  const known = WELL_KNOWN[kind];
  if (known === undefined)
    feedback.errors.push(`there are no well-known status rules for ${object.kind}; use JSONPaths`);
  return known ?? [];
}

function feedbackValue(value: unknown): FeedbackValue["fieldValue"] | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string") return { type: "String", string: value };
  if (typeof value === "boolean") return { type: "Boolean", boolean: value };
  if (typeof value === "number") {
    return Number.isInteger(value)
      ? { type: "Integer", integer: value }
      : { type: "String", string: String(value) };
  }
  const raw = JSON.stringify(value);
  if (Buffer.byteLength(raw) > MAX_RAW_VALUE_BYTES) {
    throw new RangeError(`the value is longer than ${MAX_RAW_VALUE_BYTES} bytes`);
  }
  return { type: "JsonRaw", jsonRaw: raw };
}
