import type { UnstructuredObject } from "@ai-edge/apimachinery";
import type { ValueMap } from "./value.ts";

/**
 * The manifests of a build as ordinary objects of JSON, for clients of the Kubernetes API. Integers beyond 2^53 lose
 * digits, as in any JSON parser of JavaScript.
 */
export function toObjects(resources: readonly ValueMap[]): UnstructuredObject[] {
  const json = JSON.stringify(resources, (_, value: unknown) =>
    typeof value === "bigint" ? Number(value) : value,
  );
  return (JSON.parse(json) as unknown[]).filter(isObject);
}

function isObject(value: unknown): value is UnstructuredObject {
  return typeof value === "object" && value !== null && "kind" in value && "metadata" in value;
}
