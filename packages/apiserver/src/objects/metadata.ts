import {
  type StatusCause,
  type UnstructuredObject,
  isJsonObject,
  validateDnsSubdomain,
  validateLabelValue,
  validateQualifiedName,
} from "@ai-edge/apimachinery";
import type { Resource } from "../resources/resource.ts";
import { invalidValue, required } from "../rest/errors.ts";

/** `TotalAnnotationSizeLimitB` of apimachinery. */
const MAX_ANNOTATIONS_BYTES = 256 * 1024;

/** What is wrong with an object's metadata. */
export function validateMetadata(resource: Resource, object: UnstructuredObject): StatusCause[] {
  const { name, labels = {}, annotations = {}, finalizers = [], ownerReferences = [] } = object.metadata;
  const causes: StatusCause[] = [];
  const problems = resource.strategy.validateName?.(name) ?? validateDnsSubdomain(name);
  for (const message of problems) causes.push(invalidValue("metadata.name", name, message));
  for (const [key, value] of Object.entries(labels)) {
    for (const message of validateQualifiedName(key))
      causes.push(invalidValue("metadata.labels", key, message));
    for (const message of validateLabelValue(value))
      causes.push(invalidValue("metadata.labels", value, message));
  }
  let size = 0;
  for (const [key, value] of Object.entries(annotations)) {
    size += key.length + Buffer.byteLength(value);
    for (const message of validateQualifiedName(key.toLowerCase())) {
      causes.push(invalidValue("metadata.annotations", key, message));
    }
  }
  if (size > MAX_ANNOTATIONS_BYTES) {
    causes.push({
      reason: "FieldValueTooLong",
      field: "metadata.annotations",
      message: `Too long: may not be more than ${MAX_ANNOTATIONS_BYTES} bytes`,
    });
  }
  for (const finalizer of finalizers) {
    for (const message of validateQualifiedName(finalizer)) {
      causes.push(invalidValue("metadata.finalizers", finalizer, message));
    }
  }
  ownerReferences.forEach((reference, index) => causes.push(...validateOwner(reference, index)));
  if (ownerReferences.filter((reference) => reference.controller === true).length > 1) {
    causes.push(
      invalidValue("metadata.ownerReferences", "", "Only one reference can have Controller set to true"),
    );
  }
  return causes;
}

function validateOwner(reference: unknown, index: number): StatusCause[] {
  const path = `metadata.ownerReferences[${index}]`;
  const fields = isJsonObject(reference) ? reference : {};
  return ["apiVersion", "kind", "name", "uid"]
    .filter((field) => typeof fields[field] !== "string" || fields[field] === "")
    .map((field) => required(`${path}.${field}`, `${field} must not be empty`));
}
