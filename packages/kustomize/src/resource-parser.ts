import { Resource } from "./resource.ts";
import type { Value, ValueMap } from "./value.ts";
import { getIn, isMap, scalarText } from "./value.ts";
import { parseYamlDocuments } from "./yaml-parse.ts";

/** The resources of a file; the items of `List` kinds count one by one. @throws Error for what is not a resource */
export function parseResources(text: string): Resource[] {
  return parseYamlDocuments(text).flatMap((document) => resourcesOf(document));
}

function resourcesOf(document: Value): Resource[] {
  if (!isMap(document)) throw new Error("missing Resource metadata");
  if (Object.keys(document).length === 0) return [];
  const { items } = document;
  if (isListKind(document) && Array.isArray(items)) return items.flatMap((item) => resourcesOf(item));
  validate(document);
  return [new Resource(document)];
}

function isListKind(document: ValueMap): boolean {
  return scalarText(document.kind).endsWith("List");
}

function validate(document: ValueMap): void {
  const kind = scalarText(document.kind);
  const name = scalarText(getIn(document.metadata, "name"));
  const namespace = scalarText(getIn(document.metadata, "namespace"));
  const shown = `{{${scalarText(document.apiVersion)} ${kind}} {{${name} ${namespace}} map[] map[]}}`;
  if (kind === "" && name === "" && document.metadata === undefined)
    throw new Error("missing Resource metadata");
  if (kind === "") throw new Error(`missing kind in object ${shown}`);
  // A List may lack a name.
  if (name === "" && !kind.endsWith("List")) throw new Error(`missing metadata.name in object ${shown}`);
}
