import type { FieldSchema } from "@ai-edge/apimachinery";
import { fieldSchema } from "@ai-edge/apimachinery";
import type { Value, ValueMap } from "./value.ts";
import { describeShape, isMap, newMap, scalarText, valuesEqual } from "./value.ts";

/*
 * Strategic merge as kustomize does it (kyaml `merge2`), which differs from the API server's: patched list elements
 * come first, lists of unknown kinds are replaced, several merge keys count together, `$retainKeys` and the
 * `$setElementOrder` directives do not exist.
 */

const DIRECTIVE = "$patch";
type Directive = "delete" | "replace" | "merge" | undefined;

/** Told of what a merge drops without an error. */
type Warn = (message: string) => void;

/** The field that is merged. */
interface Place {
  readonly path: string;
  readonly warn: Warn;
}

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
  warn: Warn,
): ValueMap | undefined {
  const merged = merge(target, patch, schema, { path: "", warn });
  if (merged === undefined) return undefined;
  if (!isMap(merged)) throw new Error("a patch must be a map");
  return merged;
}

/** The value of a field after the merge; undefined: the field goes. */
function merge(
  target: Value | undefined,
  patch: Value | undefined,
  schema: FieldSchema | undefined,
  place: Place,
): Value | undefined {
  if (patch === undefined) return target;
  const shape = target ?? patch;
  if (shape === null) return undefined;
  if (patch === null) return undefined;
  if (target !== undefined && target !== null && shapeOf(target) !== shapeOf(patch)) {
    throw new Error(
      `wrong node kind: field '${place.path}' is ${describeShape(target)}, but the patch has ${describeShape(patch)}`,
    );
  }
  if (isMap(patch)) return mergeMap(isMap(target) ? target : undefined, patch, schema, place);
  if (Array.isArray(patch)) {
    const list = Array.isArray(target) ? target : undefined;
    if (schema?.merge === true) return mergeList(list, patch, schema, place);
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
  place: Place,
): ValueMap | undefined {
  const directive = takeDirective(patch, place);
  if (directive === "delete") return undefined;
  // A new map is the patch's, walked through itself: its nulls and directives are carried out as well.
  const result = target === undefined || directive === "replace" ? newMap() : target;
  for (const key of Object.keys(patch)) {
    const merged = merge(result[key], patch[key], fieldSchema(schema, key), {
      ...place,
      path: place.path === "" ? key : `${place.path}.${key}`,
    });
    if (merged === undefined) delete result[key];
    else result[key] = merged;
  }
  return result;
}

/** Removes and returns the map's `$patch`. @throws Error for an unknown one */
function takeDirective(patch: ValueMap, place: Place): Directive {
  const directive = patch[DIRECTIVE];
  if (directive === undefined) return undefined;
  delete patch[DIRECTIVE];
  if (directive === "delete" || directive === "replace" || directive === "merge") return directive;
  throw new Error(`unknown patch strategy '${scalarText(directive)}' in '${place.path || "the patch"}'`);
}

function mergeList(
  target: readonly Value[] | undefined,
  patch: readonly Value[],
  schema: FieldSchema,
  place: Place,
): Value[] | undefined {
  const { directive, elements } = splitListDirective(patch, place);
  if (directive === "delete") return undefined;
  const present = directive === "replace" || target === undefined ? [] : [...target];
  const keys = schema.keys ?? (schema.mergeKey === undefined ? [] : [schema.mergeKey]);
  const merged =
    keys.length === 0 ? mergeSets(present, elements) : mergeKeyed(present, elements, keys, schema, place);
  return merged;
}

/** A list element that is nothing but a directive is about the whole list. */
function splitListDirective(
  patch: readonly Value[],
  place: Place,
): { directive: Directive; elements: Value[] } {
  let directive: Directive;
  const elements: Value[] = [];
  for (const element of patch) {
    if (isMap(element) && element[DIRECTIVE] !== undefined && Object.keys(element).length === 1) {
      directive = takeDirective(element, place);
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

/**
 * Merges elements by key. Patched and new elements come first; what the target has takes its place among them, so that
 * a directive `replace` on an element changes nothing but the order (as in kustomize).
 * @throws Error for an element of the patch without any key
 */
function mergeKeyed(
  target: readonly Value[],
  patch: readonly Value[],
  keys: readonly string[],
  schema: FieldSchema,
  place: Place,
): Value[] {
  const present = [...target];
  let items: ValueMap[] = [];
  for (const element of patch) {
    if (element === null) continue;
    if (!isMap(element)) throw new Error(`wrong node kind: elements of '${place.path}' must be maps`);
    if (!keys.some((key) => hasKey(element, key))) {
      if (target.length === 0) {
        const added = mergeMap(undefined, element, schema.items, place);
        if (added !== undefined) items.push(added);
        continue;
      }
      throw new Error(
        `an element of '${place.path}' in the patch has no '${keys.join("' or '")}' to merge it by`,
      );
    }
    const index = present.findIndex((other) => isMap(other) && sameKeys(other, element, keys));
    const merged = mergeElement(present[index], element, schema.items, place);
    if (merged === undefined) {
      if (index >= 0) present.splice(index, 1);
      items = items.filter((item) => !sameKeys(item, element, keys));
      continue;
    }
    if (index >= 0 && merged.inPlace) present[index] = merged.value;
    const again = items.findIndex((item) => sameKeys(item, merged.value, keys));
    if (again >= 0) items[again] = merged.value;
    else items.push(merged.value);
  }
  return placeElements(items, present, keys, place);
}

function mergeElement(
  target: Value | undefined,
  patch: ValueMap,
  schema: FieldSchema | undefined,
  place: Place,
): { readonly value: ValueMap; readonly inPlace: boolean } | undefined {
  const replaces = patch[DIRECTIVE] === "replace";
  const value = mergeMap(isMap(target) ? target : undefined, patch, schema, {
    ...place,
    path: `${place.path}[]`,
  });
  if (value === undefined || Object.keys(value).length === 0) return undefined;
  return { value, inPlace: !replaces };
}

function placeElements(
  items: readonly ValueMap[],
  present: readonly Value[],
  keys: readonly string[],
  place: Place,
): Value[] {
  let result: Value[] = [...items];
  for (const element of present) {
    if (!isMap(element)) {
      result.push(element);
    } else if (keys.length > 1) {
      // With several keys a missing one agrees with any, and the target's element goes to the end.
      result = result.filter((item) => {
        if (!isMap(item) || !compatibleKeys(item, element, keys)) return true;
        if (!sameKeys(item, element, keys)) place.warn(droppedElement(item, element, keys, place.path));
        return false;
      });
      result.push(element);
    } else {
      const index = result.findIndex((item) => isMap(item) && sameKeys(item, element, keys));
      if (index >= 0) result[index] = element;
      else result.push(element);
    }
  }
  return result;
}

/** kustomize drops such an element of the patch silently, which nobody expects. */
function droppedElement(item: ValueMap, present: ValueMap, keys: readonly string[], path: string): string {
  const shown = (element: ValueMap): string =>
    keys.map((key) => `${key} ${hasKey(element, key) ? scalarText(element[key]) : "unset"}`).join(", ");
  return (
    `Warning: an element of '${path}' in a patch is dropped, as in kustomize: its keys (${shown(item)}) are not those of ` +
    `the present element (${shown(present)}). Give the same keys in both.`
  );
}

function hasKey(element: ValueMap, key: string): boolean {
  return element[key] !== undefined && element[key] !== null && element[key] !== "";
}

function sameKeys(left: ValueMap, right: ValueMap, keys: readonly string[]): boolean {
  return keys.every((key) => scalarText(left[key]) === scalarText(right[key]));
}

function compatibleKeys(left: ValueMap, right: ValueMap, keys: readonly string[]): boolean {
  return keys.every(
    (key) => !hasKey(left, key) || !hasKey(right, key) || scalarText(left[key]) === scalarText(right[key]),
  );
}
