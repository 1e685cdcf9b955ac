import { compilePattern } from "./go-regexp.ts";
import type { Value, ValueMap } from "./value.ts";
import { describeShape, isMap, newMap, scalarText } from "./value.ts";

/*
 * Paths of `replacements`: fields separated by dots (`\.` within a name), `[key=value]` for a list element, an index,
 * `*` for all, `-` for a new element.
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
}

/** What a missing field is created as; undefined: not at all. */
export type CreateAs = "map" | "list" | "scalar" | undefined;

/** Every place that the path names. An empty list means that it names none. */
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
    places = places.flatMap((place) => step(place, segment, createdAs));
  }
  return places;
}

/** The value at a path, for sources: the first place. */
export function lookUp(object: ValueMap, path: readonly string[]): Value | undefined {
  return findPlaces(object, path, undefined)[0]?.value;
}

function containerFor(next: string): CreateAs {
  return isElementSegment(next) || next === "-" || /^\d+$/.test(next) ? "list" : "map";
}

function isElementSegment(segment: string): boolean {
  return segment.startsWith("[") && segment.endsWith("]");
}

function step(place: FieldPlace, segment: string, create: CreateAs): FieldPlace[] {
  const { value } = place;
  if (segment === "*") return children(value);
  if (isElementSegment(segment)) return elements(value, segment, create);
  if (Array.isArray(value)) return listItem(value, segment, create);
  if (value === null) return [];
  if (!isMap(value))
    throw new Error(`wrong node kind: expected a map at '${segment}', found ${describeShape(value)}`);
  const present = value[segment];
  if (present === undefined || present === null) {
    if (create === undefined) return present === null ? [mapPlace(value, segment, false)] : [];
    value[segment] = emptyValue(create);
    return [mapPlace(value, segment, true)];
  }
  return [mapPlace(value, segment, false)];
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

function children(value: Value): FieldPlace[] {
  if (Array.isArray(value)) return value.map((_, index) => listPlace(value, index, false));
  return isMap(value) ? Object.keys(value).map((key) => mapPlace(value, key, false)) : [];
}

function listItem(list: Value[], segment: string, create: CreateAs): FieldPlace[] {
  if (segment === "-") {
    if (create === undefined) return [];
    list.push(emptyValue(create));
    return [listPlace(list, list.length - 1, true)];
  }
  if (!/^\d+$/.test(segment))
    throw new Error(`wrong node kind: expected a map at '${segment}', found a list`);
  const index = Number(segment);
  if (index < list.length) return [listPlace(list, index, false)];
  if (create === undefined)
    throw new Error(`index ${index} specified but only ${list.length} elements found`);
  if (index > list.length)
    throw new Error(`index ${index} is beyond the end of a list of ${list.length} elements`);
  list.push(emptyValue(create));
  return [listPlace(list, index, true)];
}

/** `[name=web]`: elements whose field matches the expression; `[=web]` compares scalars themselves. */
function elements(value: Value, segment: string, create: CreateAs): FieldPlace[] {
  const equals = segment.indexOf("=");
  if (equals < 0) throw new Error(`invalid list element '${segment}': expected [key=value]`);
  const key = segment.slice(1, equals);
  const wanted = segment.slice(equals + 1, -1);
  if (value === null) return [];
  if (!Array.isArray(value))
    throw new Error(`wrong node kind: expected a list at '${segment}', found ${describeShape(value)}`);
  const pattern = compilePattern(wanted);
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
