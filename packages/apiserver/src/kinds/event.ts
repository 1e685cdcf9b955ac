import type { UnstructuredObject } from "@ai-edge/apimachinery";
import type { Resource } from "../resources/resource.ts";

/** Field names in core/v1 and in events.k8s.io/v1 (`pkg/apis/core` conversion of Event); all others are the same. */
const RENAMED: readonly (readonly [string, string])[] = [
  ["involvedObject", "regarding"],
  ["message", "note"],
  ["source", "deprecatedSource"],
  ["firstTimestamp", "deprecatedFirstTimestamp"],
  ["lastTimestamp", "deprecatedLastTimestamp"],
  ["count", "deprecatedCount"],
  ["reportingComponent", "reportingController"],
];

/** `events.k8s.io/v1` serves the stored core/v1 Events. */
export const eventConversion: NonNullable<Resource["convert"]> = {
  fromStorage: (object) => rename({ ...object, apiVersion: "events.k8s.io/v1" }, RENAMED),
  toStorage: (object) =>
    rename(
      { ...object, apiVersion: "v1" },
      RENAMED.map(([core, own]) => [own, core] as const),
    ),
};

function rename(
  object: UnstructuredObject,
  names: readonly (readonly [string, string])[],
): UnstructuredObject {
  const result = { ...object };
  for (const [from, to] of names) {
    if (result[from] === undefined) continue;
    result[to] = result[from];
    delete result[from];
  }
  return result;
}
