import type { FieldPlace } from "./field-path.ts";
import { findPlaces, lookUp, splitFieldPath } from "./field-path.ts";
import type { ResourceId } from "./gvk.ts";
import { effectiveNamespace, formatId, isSelectedBy } from "./gvk.ts";
import { compileAnchored } from "./go-regexp.ts";
import { matchesRequirements, parseLabelSelector } from "@ai-edge/apimachinery";
import type { Replacement, ReplacementEntry, ReplacementOptions, SelectorArgs } from "./kustomization.ts";
import { replacementShape } from "./kustomization.ts";
import type { Loader } from "./loader.ts";
import { resolvePlain } from "./plain-scalar.ts";
import type { ResourceMap } from "./resource-map.ts";
import type { Resource } from "./resource.ts";
import type { Value } from "./value.ts";
import { cloneValue, isMap, isScalar, scalarText } from "./value.ts";
import { parseYamlDocuments } from "./yaml-parse.ts";

const DEFAULT_FIELD = "metadata.name";
const INCOMPLETE = "replacements must specify a source and at least one target";

/** The replacements of the field, with those of the files that it names (one or a list each). */
export function loadReplacements(entries: readonly ReplacementEntry[], loader: Loader): Replacement[] {
  return entries.flatMap((entry) => {
    if (!entry.path) return [entry];
    if (entry.source !== undefined || entry.targets !== undefined) {
      throw new Error("cannot specify both path and inline replacement");
    }
    const [document] = parseYamlDocuments(loader.readText(entry.path));
    const list = Array.isArray(document) ? document : [document ?? null];
    return list.map((value) => replacementShape.decode(value, entry.path ?? ""));
  });
}

/** Copies one value to other fields. @throws Error naming source or target field when one is missing */
export function applyReplacement(map: ResourceMap, replacement: Replacement): void {
  if (replacement.targets === undefined || replacement.targets.length === 0) throw new Error(INCOMPLETE);
  const value = sourceValue(map, replacement);
  for (const target of replacement.targets) {
    const { select } = target;
    if (select === undefined) throw new Error("target must specify resources to select");
    const matches = targetMatcher(select, target.reject ?? []);
    const paths =
      target.fieldPaths === undefined || target.fieldPaths.length === 0 ? [DEFAULT_FIELD] : target.fieldPaths;
    for (const resource of map.resources) {
      if (!matches(resource)) continue;
      for (const path of paths) replaceField(resource, path, value, target.options);
      resource.changed();
    }
  }
}

function sourceValue(map: ResourceMap, replacement: Replacement): Value {
  const { source } = replacement;
  if (source === undefined) {
    if (replacement.sourceValue !== undefined) return replacement.sourceValue;
    throw new Error(INCOMPLETE);
  }
  if (replacement.sourceValue !== undefined) throw new Error("cannot specify both source and sourceValue");
  const matches = map.resources.filter((resource) => resource.allIds.some((id) => isSelectedId(id, source)));
  const [match] = matches;
  if (match === undefined)
    throw new Error(`nothing selected by ${describeSelector(source)}:${source.fieldPath ?? ""}`);
  if (matches.length > 1)
    throw new Error(`multiple matches for selector ${describeSelector(source)}:${source.fieldPath ?? ""}`);
  const path = source.fieldPath || DEFAULT_FIELD;
  let value: Value | undefined;
  try {
    value = lookUp(match.value, splitFieldPath(path));
  } catch (error) {
    throw new Error(`error looking up replacement source: ${error instanceof Error ? error.message : ""}`, {
      cause: error,
    });
  }
  if (value === undefined || isNothing(value)) {
    throw new Error(
      `fieldPath \`${path}\` is missing for replacement source ${describeSelector(source)}:${path}`,
    );
  }
  return refine(value, source.options);
}

function isNothing(value: Value): boolean {
  return value === null || value === "" || (typeof value === "object" && Object.keys(value).length === 0);
}

/** Part of a value, by delimiter and index. */
function refine(value: Value, options: ReplacementOptions | undefined): Value {
  if (!options?.delimiter) return value;
  if (!isScalar(value)) throw new Error("delimiter option can only be used with scalar nodes");
  const parts = scalarText(value).split(options.delimiter);
  const part = parts[options.index ?? 0];
  if (part === undefined) {
    throw new Error(`options.index ${options.index ?? 0} is out of bounds for value ${scalarText(value)}`);
  }
  return part;
}

function isSelectedId(id: ResourceId, selector: SelectorArgs): boolean {
  return (
    isSelectedBy(id, selector) &&
    (!selector.name || selector.name === id.name) &&
    (!selector.namespace ||
      effectiveNamespace({ ...id, namespace: selector.namespace }) === effectiveNamespace(id))
  );
}

function describeSelector(selector: SelectorArgs): string {
  return formatId({
    group: selector.group ?? "",
    version: selector.version ?? "",
    kind: selector.kind ?? "",
    name: selector.name ?? "",
    namespace: selector.namespace ?? "",
  });
}

type IdMatcher = (id: ResourceId) => boolean;

function idMatcher(selector: SelectorArgs): IdMatcher {
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
  return (id) =>
    group(id.group) &&
    version(id.version) &&
    kind(id.kind) &&
    name(id.name) &&
    namespace(effectiveNamespace(id));
}

function metadataMatcher(selector: SelectorArgs): (resource: Resource) => boolean {
  const labels = parseLabelSelector(selector.labelSelector ?? "");
  const annotations = parseLabelSelector(selector.annotationSelector ?? "");
  return (resource) =>
    (labels.length === 0 || matchesRequirements(labels, resource.labels)) &&
    (annotations.length === 0 || matchesRequirements(annotations, resource.annotations));
}

function targetMatcher(
  select: SelectorArgs,
  reject: readonly SelectorArgs[],
): (resource: Resource) => boolean {
  const selected = idMatcher(select);
  const selectedMetadata = metadataMatcher(select);
  const rejections = reject.map((selector) => ({
    byMetadata: Boolean(selector.labelSelector || selector.annotationSelector),
    metadata: metadataMatcher(selector),
    byId: Boolean(selector.group || selector.version || selector.kind || selector.name || selector.namespace),
    id: idMatcher(selector),
  }));
  return (resource) => {
    const ids = resource.allIds;
    if (!selectedMetadata(resource) || !ids.some(selected)) return false;
    return !rejections.some(
      (rejection) =>
        (rejection.byMetadata && rejection.metadata(resource)) || (rejection.byId && ids.some(rejection.id)),
    );
  };
}

function replaceField(
  resource: Resource,
  path: string,
  value: Value,
  options: ReplacementOptions | undefined,
): void {
  const create =
    options?.create === true ? (Array.isArray(value) ? "list" : isMap(value) ? "map" : "scalar") : undefined;
  const problem = create === undefined ? "unable to find field" : "unable to find or create field";
  let places: FieldPlace[];
  try {
    places = findPlaces(resource.value, splitFieldPath(path), create);
  } catch (error) {
    throw new Error(
      `${problem} ${JSON.stringify(path)} in replacement target: ${error instanceof Error ? error.message : ""}`,
      { cause: error },
    );
  }
  if (places.length === 0) throw new Error(`${problem} ${JSON.stringify(path)} in replacement target`);
  for (const place of places) place.set(newValue(place, path, value, options));
}

function newValue(
  place: FieldPlace,
  path: string,
  value: Value,
  options: ReplacementOptions | undefined,
): Value {
  const present = place.value;
  const text = scalarText(value);
  let result = cloneValue(value);
  if (options?.delimiter) {
    if (!isScalar(present)) throw new Error("delimiter option can only be used with scalar nodes");
    const parts = scalarText(present).split(options.delimiter);
    const index = options.index ?? 0;
    if (index < 0) parts.unshift(text);
    else if (index >= parts.length) parts.push(text);
    else parts[index] = text;
    result = parts.join(options.delimiter);
  }
  if (place.created) return typeof result === "string" && !isTextOnly(path) ? resolvePlain(result) : result;
  return isScalar(present) ? withTypeOf(present, scalarText(result), path) : result;
}

/** Labels and annotations are text, whatever it looks like. */
function isTextOnly(path: string): boolean {
  return /^metadata\.(?:annotations|labels)\./.test(path);
}

/** The target keeps its type: text stays text, anything else must read as what it was. */
function withTypeOf(present: Value, text: string, path: string): Value {
  if (typeof present === "string") return text;
  const value = resolvePlain(text);
  const wanted = tagOf(present);
  const found = tagOf(value);
  if (wanted === found || (wanted === "!!float" && found === "!!int")) return value;
  throw new Error(
    `cannot decode ${found} \`${text}\` as a ${wanted}: field ${JSON.stringify(path)} in replacement target`,
  );
}

function tagOf(value: Value): string {
  if (value === null) return "!!null";
  if (typeof value === "boolean") return "!!bool";
  if (typeof value === "bigint") return "!!int";
  if (typeof value === "number") return Number.isInteger(value) ? "!!int" : "!!float";
  return "!!str";
}
