import type { FieldSchema } from "@ai-edge/apimachinery";
import { fieldSchema } from "@ai-edge/apimachinery";
import type { Value, ValueMap } from "./value.ts";
import { cloneValue, describeShape, isMap, isScalar, newMap, scalarText, valuesEqual } from "./value.ts";

/*
 * Strategic merge as kustomize does it (kyaml `merge2`), which differs from the API server's: patched list elements
 * come first, lists of unknown kinds are replaced, several merge keys count together, `$retainKeys` and the
 * `$setElementOrder` directives do not exist.
 */

const DIRECTIVE = "$patch";
type Directive = "delete" | "replace" | "merge" | undefined;

/**
 * Merges a strategic patch into an object. Neither input is used afterwards by anyone else: parts of the patch become
 * part of the result.
 * @returns undefined when the patch deletes the object
 * @throws Error naming the field when patch and object disagree in shape
 */
export function strategicMerge(
  target: ValueMap,
  patch: ValueMap,
  schema: FieldSchema | undefined,
): ValueMap | undefined {
  const merged = merge(target, patch, schema, "");
  if (merged === undefined) return undefined;
  if (!isMap(merged)) throw new Error("a patch must be a map");
  return merged;
}

/** The value of a field after the merge; undefined: the field goes. */
function merge(
  target: Value | undefined,
  patch: Value | undefined,
  schema: FieldSchema | undefined,
  path: string,
): Value | undefined {
  if (patch === undefined) return target;
  const shape = target ?? patch;
  if (shape === null) return undefined;
  if (patch === null) return undefined;
  if (target !== undefined && target !== null && shapeOf(target) !== shapeOf(patch)) {
    throw new Error(
      `wrong node kind: field '${path}' is ${describeShape(target)}, but the patch has ${describeShape(patch)}`,
    );
  }
  if (isMap(patch)) return mergeMap(isMap(target) ? target : undefined, patch, schema, path);
  if (Array.isArray(patch)) {
    const list = Array.isArray(target) ? target : undefined;
    if (schema?.merge === true) return mergeList(list, patch, schema, path);
    return patch;
  }
  return patch;
}

function shapeOf(value: Value): string {
  return Array.isArray(value) ? "list" : isMap(value) ? "map" : "scalar";
}

function mergeMap(
  target: ValueMap | undefined,
  patch: ValueMap,
  schema: FieldSchema | undefined,
  path: string,
): ValueMap | undefined {
  const directive = takeDirective(patch, path);
  if (directive === "delete") return undefined;
  // A new map is the patch's, walked through itself: its nulls and directives are carried out as well.
  const result = target === undefined || directive === "replace" ? newMap() : target;
  for (const key of Object.keys(patch)) {
    const merged = merge(
      result[key],
      patch[key],
      fieldSchema(schema, key),
      path === "" ? key : `${path}.${key}`,
    );
    if (merged === undefined) delete result[key];
    else result[key] = merged;
  }
  return result;
}

/** Removes and returns the map's `$patch`. @throws Error for an unknown one */
function takeDirective(patch: ValueMap, path: string): Directive {
  const directive = patch[DIRECTIVE];
  if (directive === undefined) return undefined;
  delete patch[DIRECTIVE];
  if (directive === "delete" || directive === "replace" || directive === "merge") return directive;
  throw new Error(`unknown patch strategy '${scalarText(directive)}' in '${path || "the patch"}'`);
}

function mergeList(
  target: readonly Value[] | undefined,
  patch: readonly Value[],
  schema: FieldSchema,
  path: string,
): Value[] | undefined {
  const { directive, elements } = splitListDirective(patch, path);
  if (directive === "delete") return undefined;
  const present = directive === "replace" || target === undefined ? [] : [...target];
  const keys = schema.keys ?? (schema.mergeKey === undefined ? [] : [schema.mergeKey]);
  const merged =
    keys.length === 0 ? mergeSets(present, elements) : mergeKeyed(present, elements, keys, schema, path);
  return merged;
}

/** A list element that is nothing but a directive is about the whole list. */
function splitListDirective(
  patch: readonly Value[],
  path: string,
): { directive: Directive; elements: Value[] } {
  let directive: Directive;
  const elements: Value[] = [];
  for (const element of patch) {
    if (isMap(element) && element[DIRECTIVE] !== undefined && Object.keys(element).length === 1) {
      directive = takeDirective(element, path);
    } else elements.push(element);
  }
  return { directive, elements };
}

function mergeSets(target: readonly Value[], patch: readonly Value[]): Value[] {
  const result: Value[] = [];
  for (const value of [...patch, ...target]) {
    if (!result.some((other) => valuesEqual(other, value))) result.push(value);
  }
  return result;
}

function mergeKeyed(
  target: Value[],
  patch: readonly Value[],
  keys: readonly string[],
  schema: FieldSchema,
  path: string,
): Value[] {
  let remaining = target;
  const first: Value[] = [];
  for (const element of patch) {
    if (!isMap(element)) {
      if (!isScalar(element) || element !== null)
        throw new Error(`wrong node kind: elements of '${path}' must be maps`);
      continue;
    }
    const given = keys.filter((key) => element[key] !== undefined && element[key] !== null);
    const matches = (other: Value): boolean =>
      isMap(other) && given.every((key) => scalarText(other[key]) === scalarText(element[key]));
    const index = given.length === 0 ? -1 : remaining.findIndex(matches);
    const present = index < 0 ? undefined : remaining[index];
    const merged = mergeMap(isMap(present) ? present : undefined, element, schema.items, `${path}[]`);
    if (index >= 0) remaining = remaining.filter((_, at) => at !== index);
    if (merged === undefined || Object.keys(merged).length === 0) continue;
    const again = given.length === 0 ? -1 : first.findIndex(matches);
    if (again >= 0) first[again] = cloneValue(merged);
    else first.push(merged);
  }
  return [...first, ...remaining];
}
