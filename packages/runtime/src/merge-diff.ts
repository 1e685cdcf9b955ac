import { createMergePatch, isJsonObject } from "@ai-edge/apimachinery";

/**
 * The JSON merge patch that turns one object (or part of one) into another, or undefined when they are equal; the
 * typed face of apimachinery's `createMergePatch`.
 */
export function mergeDiff(before: object, after: object): Record<string, unknown> | undefined {
  return isJsonObject(before) && isJsonObject(after) ? createMergePatch(before, after) : undefined;
}
