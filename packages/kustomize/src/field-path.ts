import { compilePattern } from "./go-regexp.ts";
import { parseStructuredText } from "./structured-text.ts";
import type { Value, ValueMap } from "./value.ts";
import { describeShape, isMap, newMap, scalarText } from "./value.ts";

/*
 * Paths of `replacements`: fields separated by dots (`\.` within a name), `[key=value]` for a list element, an index,
 * `*` for all.
 */

/** Splits at dots outside of brackets. */
export function splitFieldPath(path: string): string[] {
  const parts: string[] = [];
  let part = "";
  let brackets = 0;
  for (let index = 0; index < path.length; index++) {
    const character = path.charAt(index);
    if (character === "\\" && path.charAt(index + 1) === ".") {
      part += ".";
      index++;
    } else if (character === "." && brackets === 0) {
      if (part !== "") parts.push(part);
      part = "";
    } else {
      if (character === "[") brackets++;
      if (character === "]") brackets--;
      part += character;
    }
  }
  if (part !== "") parts.push(part);
  return parts;
}

/** A place in an object that can be read and written. */
export interface FieldPlace {
  readonly value: Value;
  /** True if the field was created by the search. */
  readonly created: boolean;
  set(value: Value): void;
  /** Prints the structured text that the place lies in, after a change. */
  readonly flush?: () => void;
}

/** What a missing field is created as; undefined: not at all. */
export type CreateAs = "map" | "list" | "scalar" | undefined;

/**
 * Every place that the path of a target names. An empty list means that it names none.
 * @throws Error when a field on the way has another shape than the path says
 */
export function findPlaces(object: ValueMap, path: readonly string[], create: CreateAs): FieldPlace[] {
  const root: FieldPlace = {
    value: object,
    created: false,
    set: () => {
      throw new Error("a replacement cannot replace a whole resource");
    },
  };
  let places: FieldPlace[] = [root];
  for (const [index, segment] of path.entries()) {
    const next = path[index + 1];
    const createdAs = create === undefined ? undefined : next === undefined ? create : containerFor(next);
    places = places.flatMap((place) => {
      const { flush } = place;
      const inner = step(place, segment, createdAs);
      // What lies deeper in a structured text must print it as well.
      return flush === undefined ? inner : inner.map((child) => ({ flush, ...child }));
    });
  }
  return places.map((place) => ({
    ...place,
    set(value) {
      place.set(value);
      place.flush?.();
    },
  }));
}

/**
 * The value at the path of a source: indices, `-` for the last element, `[key=value]` for the first that is equal.
 * @throws Error for a wildcard or when a field on the way has another shape than the path says
 */
export function lookUp(object: ValueMap, path: readonly string[]): Value | undefined {
  let value: Value | undefined = object;
  for (const segment of path) {
    if (value === undefined || value === null) return undefined;
    if (segment === "*") throw new Error("wildcard is not supported in PathGetter");
    value = isListSegment(segment) ? lookUpElement(value, segment) : lookUpField(value, segment);
  }
  return value;
}

function lookUpField(value: Value, segment: string): Value | undefined {
  if (!isMap(value)) throw wrongKind(segment, "a map", value);
  return value[segment];
}

function lookUpElement(value: Value, segment: string): Value | undefined {
  if (!Array.isArray(value)) {
    // A map may have numbers for keys.
    if (isMap(value) && isIndex(segment)) return value[segment];
    throw wrongKind(segment, "a list", value);
  }
  if (segment === "-") return value.at(-1);
  if (isIndex(segment)) return value[Number(segment)];
  const { key, wanted } = parseElement(segment);
  return value.find((element) => {
    const compared = key === "" ? element : isMap(element) ? element[key] : undefined;
    return compared !== undefined && typeof compared !== "object" && scalarText(compared) === wanted;
  });
}

function isListSegment(segment: string): boolean {
  return isElementSegment(segment) || segment === "-" || isIndex(segment);
}

function isIndex(segment: string): boolean {
  return /^\d+$/.test(segment);
}

function isElementSegment(segment: string): boolean {
  return segment.startsWith("[") && segment.endsWith("]");
}

function parseElement(segment: string): { key: string; wanted: string } {
  const equals = segment.indexOf("=");
  if (equals < 0) throw new Error(`invalid list element '${segment}': expected [key=value]`);
  return { key: segment.slice(1, equals), wanted: segment.slice(equals + 1, -1) };
}

function wrongKind(segment: string, expected: string, found: Value): Error {
  const names = { "a map": "MappingNode", "a list": "SequenceNode" } as const;
  const wanted = expected === "a map" ? names["a map"] : names["a list"];
  const got = Array.isArray(found) ? "SequenceNode" : isMap(found) ? "MappingNode" : "ScalarNode";
  return new Error(
    `wrong node kind: expected ${wanted} but got ${got}: '${segment}' needs ${expected}, found ${describeShape(found)}`,
  );
}

function containerFor(next: string): CreateAs {
  return isListSegment(next) ? "list" : "map";
}

function step(place: FieldPlace, segment: string, create: CreateAs): FieldPlace[] {
  const { value } = place;
  if (typeof value === "string" && value !== "") return stepIntoText(place, value, segment, create);
  if (segment === "*") {
    if (Array.isArray(value)) return value.map((_, index) => listPlace(value, index, false));
    if (value === null) return [];
    throw wrongKind(segment, "a list", value);
  }
  if (isElementSegment(segment)) return elements(value, segment, create);
  if (Array.isArray(value)) return listItem(value, segment, create);
  if (value === null) return [];
  if (!isMap(value)) throw wrongKind(segment, "a map", value);
  const present = value[segment];
  if (present === undefined || (present === null && create !== undefined)) {
    if (create === undefined) return [];
    value[segment] = emptyValue(create);
    return [mapPlace(value, segment, true)];
  }
  return [mapPlace(value, segment, false)];
}

/** JSON or YAML within a text: a change is printed back into it. */
function stepIntoText(place: FieldPlace, text: string, segment: string, create: CreateAs): FieldPlace[] {
  const structured = parseStructuredText(text);
  if (structured === undefined) throw wrongKind(segment, "a map", text);
  const flush = (): void => {
    place.set(structured.print());
    place.flush?.();
  };
  return step({ ...place, value: structured.value }, segment, create).map((inner) => ({ ...inner, flush }));
}

function emptyValue(create: CreateAs): Value {
  return create === "map" ? newMap() : create === "list" ? [] : "";
}

function mapPlace(map: ValueMap, key: string, created: boolean): FieldPlace {
  return { value: map[key] ?? null, created, set: (value) => void (map[key] = value) };
}

function listPlace(list: Value[], index: number, created: boolean): FieldPlace {
  return { value: list[index] ?? null, created, set: (value) => void (list[index] = value) };
}

function listItem(list: Value[], segment: string, create: CreateAs): FieldPlace[] {
  if (!isIndex(segment)) throw wrongKind(segment, "a map", list);
  const index = Number(segment);
  if (index < list.length) return [listPlace(list, index, false)];
  if (create === undefined || index > list.length) {
    throw new Error(`index ${index} specified but only ${list.length} elements found`);
  }
  list.push(emptyValue(create));
  return [listPlace(list, index, true)];
}

/** `[name=web]`: elements whose field matches the expression; `[=web]` compares scalars themselves. */
function elements(value: Value, segment: string, create: CreateAs): FieldPlace[] {
  const { key, wanted } = parseElement(segment);
  if (value === null) return [];
  if (!Array.isArray(value)) throw wrongKind(segment, "a list", value);
  const pattern = compilePattern("", wanted, "");
  const places: FieldPlace[] = [];
  for (const [index, element] of value.entries()) {
    const compared = key === "" ? element : isMap(element) ? element[key] : undefined;
    if (compared === undefined || compared === null || typeof compared === "object") continue;
    if (pattern.test(scalarText(compared))) places.push(listPlace(value, index, false));
  }
  if (places.length > 0 || create === undefined) return places;
  value.push(key === "" ? wanted : newMap({ [key]: wanted }));
  return [listPlace(value, value.length - 1, true)];
}
