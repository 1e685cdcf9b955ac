import type { FieldSpec } from "./field-spec.ts";
import type { NameReference } from "./name-reference-fields.ts";
import type { TransformerConfig } from "./transformer-config.ts";
import { parseTransformerConfig } from "./transformer-config.ts";
import type { ValueMap } from "./value.ts";
import { getIn, isMap, scalarText } from "./value.ts";
import { parseYamlDocuments } from "./yaml-parse.ts";

/*
 * `crds` names files with OpenAPI definitions (by package path, as kube-openapi generates them) whose properties say by
 * extensions that they hold a name, annotations or labels.
 */

const ANNOTATION = "x-kubernetes-annotation";
const LABEL_SELECTOR = "x-kubernetes-label-selector";
const IDENTITY = "x-kubernetes-identity";
const REFERENCE_VERSION = "x-kubernetes-object-ref-api-version";
const REFERENCE_KIND = "x-kubernetes-object-ref-kind";
const NAME_KEY = "x-kubernetes-object-ref-name-key";
const MAX_DEPTH = 40;

interface Found {
  readonly commonAnnotations: FieldSpec[];
  readonly commonLabels: FieldSpec[];
  readonly namePrefix: FieldSpec[];
  readonly nameReference: NameReference[];
}

/** Where the kinds of a file of `crds` have names, labels and annotations. */
export function crdConfig(text: string): TransformerConfig {
  const found: Found = { commonAnnotations: [], commonLabels: [], namePrefix: [], nameReference: [] };
  const [document] = parseYamlDocuments(text);
  if (isMap(document)) {
    for (const name of Object.keys(document)) {
      const properties = getIn(document[name], "Schema", "properties") ?? getIn(document[name], "properties");
      const isKind =
        isMap(properties) &&
        ["kind", "apiVersion", "metadata"].every((field) => properties[field] !== undefined);
      if (isKind) visit(document, name, name, [], found, 0);
    }
  }
  return { ...parseTransformerConfig(null), ...found };
}

function kindOf(typeName: string): string {
  return typeName.split(".").at(-1) ?? typeName;
}

function visit(
  types: ValueMap,
  typeName: string,
  root: string,
  path: readonly string[],
  found: Found,
  depth: number,
): void {
  const properties = getIn(types[typeName], "Schema", "properties") ?? getIn(types[typeName], "properties");
  if (!isMap(properties) || depth > MAX_DEPTH) return;
  for (const name of Object.keys(properties)) {
    const property = properties[name] ?? null;
    if (!isMap(property)) continue;
    note(property, kindOf(root), [...path, name], found);
    const reference = referenceOf(property);
    if (reference !== "") visit(types, reference, root, [...path, name], found, depth + 1);
  }
}

function referenceOf(property: ValueMap): string {
  const reference = scalarText(property.$ref) || scalarText(getIn(property.items, "$ref"));
  return reference.replace(/^#\/definitions\//, "");
}

function note(property: ValueMap, kind: string, path: readonly string[], found: Found): void {
  const spec = (segments: readonly string[], create: boolean): FieldSpec => ({
    kind,
    group: "",
    version: "",
    path: segments.join("/"),
    create,
  });
  if (has(property, ANNOTATION)) found.commonAnnotations.push(spec(path, false));
  if (has(property, LABEL_SELECTOR)) found.commonLabels.push(spec(path, false));
  if (has(property, IDENTITY)) found.namePrefix.push(spec(path, false));
  const version = property[REFERENCE_VERSION];
  const target = property[REFERENCE_KIND];
  if (version === undefined || target === undefined) return;
  const key = scalarText(property[NAME_KEY]) || "name";
  found.nameReference.push({
    kind: scalarText(target),
    version: scalarText(version),
    group: "",
    fieldSpecs: [spec([...path, key], false)],
  });
}

function has(property: ValueMap, extension: string): boolean {
  return property[extension] !== undefined;
}
