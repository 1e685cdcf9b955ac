import { matchesRequirements, parseLabelSelector } from "@ai-edge/apimachinery";
import { effectiveNamespace } from "./gvk.ts";
import { compileAnchored } from "./go-regexp.ts";
import type { SelectorArgs } from "./kustomization.ts";
import type { Resource } from "./resource.ts";

/** Tells whether a resource is meant. */
export type ResourceMatcher = (resource: Resource) => boolean;

/**
 * A selector of patches: regular expressions that must match wholly, on the present or on the original identity;
 * label and annotation selectors. @throws Error for an expression or selector that does not parse
 */
export function compileSelector(selector: SelectorArgs): ResourceMatcher {
  const match = (pattern: string | undefined): ((text: string) => boolean) => {
    if (!pattern) return () => true;
    const expression = compileAnchored(pattern);
    return (text) => expression.test(text);
  };
  const group = match(selector.group);
  const version = match(selector.version);
  const kind = match(selector.kind);
  const name = match(selector.name);
  const namespace = match(selector.namespace);
  const labels = parseLabelSelector(selector.labelSelector ?? "");
  const annotations = parseLabelSelector(selector.annotationSelector ?? "");
  return (resource) => {
    const original = resource.originalId;
    const current = resource.id;
    if (!namespace(effectiveNamespace(original)) && !namespace(effectiveNamespace(current))) return false;
    if (!name(original.name) && !name(current.name)) return false;
    const { gvk } = resource;
    if (!group(gvk.group) || !version(gvk.version) || !kind(gvk.kind)) return false;
    return (
      (labels.length === 0 || matchesRequirements(labels, resource.labels)) &&
      (annotations.length === 0 || matchesRequirements(annotations, resource.annotations))
    );
  };
}
