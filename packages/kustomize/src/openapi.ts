import { builtInSchema } from "@ai-edge/apimachinery";
import type { FieldSchema } from "@ai-edge/apimachinery";
import type { Value, ValueMap } from "./value.ts";
import { getIn, isMap, scalarText } from "./value.ts";

/** References may form cycles (JSONSchemaProps does); no manifest is deeper than this. */
const MAX_SCHEMA_DEPTH = 40;

/** Merge keys of the kinds of an OpenAPI v2 document, by `apiVersion|kind`. @throws Error when it has no definitions */
export function parseOpenApi(document: Value): ReadonlyMap<string, FieldSchema> {
  const definitions = getIn(document, "definitions");
  if (!isMap(definitions)) throw new Error("invalid schema file: no 'definitions'");
  const kinds = new Map<string, FieldSchema>();
  for (const name of Object.keys(definitions)) {
    const definition = definitions[name];
    const identities = getIn(definition, "x-kubernetes-group-version-kind");
    if (!isMap(definition) || !Array.isArray(identities)) continue;
    for (const identity of identities) {
      const group = scalarText(getIn(identity, "group"));
      const version = scalarText(getIn(identity, "version"));
      const apiVersion = group === "" ? version : `${group}/${version}`;
      kinds.set(
        `${apiVersion}|${scalarText(getIn(identity, "kind"))}`,
        lazySchema(definition, definitions, 0),
      );
    }
  }
  return kinds;
}

/** Converts on first use: a full Kubernetes document has thousands of fields, a build needs a handful. */
function lazySchema(definition: ValueMap, definitions: ValueMap, depth: number): FieldSchema {
  let converted: FieldSchema | undefined;
  const convert = (): FieldSchema => (converted ??= convertSchema(definition, definitions, depth));
  return {
    get fields() {
      return convert().fields;
    },
    get values() {
      return convert().values;
    },
    get items() {
      return convert().items;
    },
    get merge() {
      return convert().merge;
    },
    get keys() {
      return convert().keys;
    },
    get mergeKey() {
      return convert().mergeKey;
    },
  } as FieldSchema;
}

function resolveReference(definition: ValueMap, definitions: ValueMap): ValueMap {
  const reference = scalarText(definition.$ref);
  if (!reference.startsWith("#/definitions/")) return definition;
  const target = definitions[reference.slice("#/definitions/".length)];
  return isMap(target) ? target : definition;
}

/** Documents of custom kinds refer to types of Kubernetes without repeating them. */
function knownDefinition(reference: string): FieldSchema | undefined {
  const pod = builtInSchema("", "Pod");
  const podSpec = pod?.fields?.spec;
  switch (/^#\/definitions\/(io\.k8s\..*)$/.exec(reference)?.[1]) {
    case "io.k8s.api.core.v1.PodTemplateSpec":
      return builtInSchema("", "PodTemplate")?.fields?.template;
    case "io.k8s.api.core.v1.PodSpec":
      return podSpec;
    case "io.k8s.api.core.v1.Container":
      return podSpec?.fields?.containers?.items;
    case "io.k8s.api.core.v1.Volume":
      return podSpec?.fields?.volumes?.items;
    case "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta":
      return pod?.fields?.metadata;
    default:
      return undefined;
  }
}

function convertSchema(definition: ValueMap, definitions: ValueMap, depth: number): FieldSchema {
  if (depth > MAX_SCHEMA_DEPTH) return {};
  const target = resolveReference(definition, definitions);
  const known = target === definition ? knownDefinition(scalarText(definition.$ref)) : undefined;
  if (known !== undefined) return known;
  const schema: { -readonly [K in keyof FieldSchema]: FieldSchema[K] } = {};
  const properties = target.properties;
  if (isMap(properties)) {
    const fields: Record<string, FieldSchema> = {};
    for (const name of Object.keys(properties)) {
      const property = properties[name];
      if (isMap(property)) fields[name] = lazySchema(property, definitions, depth + 1);
    }
    schema.fields = fields;
  }
  if (isMap(target.additionalProperties))
    schema.values = lazySchema(target.additionalProperties, definitions, depth + 1);
  if (isMap(target.items)) schema.items = lazySchema(target.items, definitions, depth + 1);
  const strategy = scalarText(
    definition["x-kubernetes-patch-strategy"] ?? target["x-kubernetes-patch-strategy"],
  );
  const keys = definition["x-kubernetes-list-map-keys"] ?? target["x-kubernetes-list-map-keys"];
  const key = definition["x-kubernetes-patch-merge-key"] ?? target["x-kubernetes-patch-merge-key"];
  if (strategy.split(",").includes("merge")) {
    schema.merge = true;
    if (Array.isArray(keys)) schema.keys = keys.map(scalarText);
    else if (typeof key === "string") schema.keys = [key];
  }
  return schema;
}
