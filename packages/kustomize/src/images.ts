import type { FieldSpec } from "./field-spec.ts";
import { applyFieldSpec } from "./field-spec.ts";
import { compilePattern } from "./go-regexp.ts";
import type { ImageArgs } from "./kustomization.ts";
import type { Matcher } from "./regular-expression.ts";
import type { ResourceMap } from "./resource-map.ts";
import type { Value, ValueMap } from "./value.ts";
import { isMap } from "./value.ts";

const CONTAINER_LISTS = ["containers", "initContainers"];

/** Splits `name[:tag][@digest]`; a colon before the last slash belongs to the registry's port. */
export function splitImage(image: string): { name: string; tag: string; digest: string } {
  const at = image.indexOf("@");
  const digest = at < 0 ? "" : image.slice(at + 1);
  const tagged = at < 0 ? image : image.slice(0, at);
  const colon = tagged.indexOf(":", tagged.lastIndexOf("/") + 1);
  if (colon < 0) return { name: tagged, tag: "", digest };
  return { name: tagged.slice(0, colon), tag: tagged.slice(colon + 1), digest };
}

/** One entry of `images`, for every resource. The name is a regular expression, as in kustomize. */
export function setImages(map: ResourceMap, image: ImageArgs, specs: readonly FieldSpec[]): void {
  const pattern = namePattern(image.name ?? "");
  if (pattern === undefined) return;
  const update = (value: Value): Value => {
    if (typeof value !== "string" || !pattern.test(value)) return value;
    return replaceImage(value, image);
  };
  for (const resource of map.resources) {
    if (resource.kind === "CustomResourceDefinition") continue;
    updateContainers(resource.value, update);
    for (const spec of specs) applyFieldSpec(resource.value, resource.gvk, spec, update, undefined);
  }
}

/** A name that is no expression matches nothing, silently, as in kustomize. */
function namePattern(name: string): Matcher | undefined {
  try {
    return compilePattern("^", name, "(:[a-zA-Z0-9_.{}\\-]*)?(@sha256:[a-zA-Z0-9_.{}\\-]*)?$");
  } catch {
    return undefined;
  }
}

function replaceImage(value: string, image: ImageArgs): string {
  let { name, tag, digest } = splitImage(value);
  if (image.newName) name = image.newName;
  if (image.newTag || image.digest) {
    tag = image.newTag ?? "";
    digest = image.digest ?? "";
  } else if (image.tagSuffix) {
    tag += image.tagSuffix;
    digest = "";
  }
  return `${name}${tag === "" ? "" : `:${tag}`}${digest === "" ? "" : `@${digest}`}`;
}

/** Any list named like one of containers counts, wherever it is: that covers custom resources. */
function updateContainers(value: Value, update: (value: Value) => Value): void {
  if (Array.isArray(value)) {
    for (const element of value) updateContainers(element, update);
    return;
  }
  if (!isMap(value)) return;
  for (const key in value) {
    const child = value[key] ?? null;
    if (CONTAINER_LISTS.includes(key) && Array.isArray(child))
      for (const container of child) updateImage(container, update);
    updateContainers(child, update);
  }
}

function updateImage(container: Value, update: (value: Value) => Value): void {
  if (!isMap(container)) return;
  const map: ValueMap = container;
  if (map.image !== undefined) map.image = update(map.image);
}
