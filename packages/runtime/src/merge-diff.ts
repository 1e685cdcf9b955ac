import { createMergePatch, deepEqual, isJsonObject } from "@ai-edge/apimachinery";

/**
 * The JSON merge patch that turns one value into another, or undefined when they are equal: apimachinery's
 * `createMergePatch` for values of any type.
 */
export function mergeDiff(before: unknown, after: unknown): unknown {
  if (isJsonObject(before) && isJsonObject(after)) return createMergePatch(before, after);
  return deepEqual(before, after) ? undefined : after;
}
