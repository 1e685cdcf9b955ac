import { isJsonObject, type UnstructuredObject } from "@ai-edge/apimachinery";
import { SourceError } from "./source-error.ts";

/** The objects of one document: itself, or the items of a `List`. @throws SourceError for what is no object of an API */
export function asManifests(value: unknown, file: string): UnstructuredObject[] {
  if (
    isJsonObject(value) &&
    typeof value["kind"] === "string" &&
    value["kind"].endsWith("List") &&
    Array.isArray(value["items"])
  ) {
    return value["items"].flatMap((item) => asManifests(item, file));
  }
  if (!isManifest(value))
    throw new SourceError(
      `${file}: a document is no Kubernetes object: it needs apiVersion, kind and metadata.name`,
    );
  return [value];
}

function isManifest(value: unknown): value is UnstructuredObject {
  if (!isJsonObject(value) || !isJsonObject(value["metadata"])) return false;
  const { name } = value["metadata"];
  return isText(value["apiVersion"]) && isText(value["kind"]) && isText(name);
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}
