import { isJsonObject, type JsonObject } from "./json.ts";
import { statusError } from "./status.ts";

/**
 * A set of field paths in its wire form, `FieldsV1`: each key is a path element (`f:` a field, `k:` a list element by its
 * keys, `v:` a list element by its value), `{}` or a `.` inside marks the path as a member. At the root, `{}` is the
 * empty set. Kept in wire form so that an entry that a write does not touch is never parsed or rebuilt.
 */
export type FieldSet = JsonObject;

const SELF = ".";
/** Deeper than any real object; keeps hostile managedFields from exhausting the stack. */
const MAX_FIELD_SET_DEPTH = 200;

/** Whether the path that a node stands for is itself a member. */
export function isMember(node: FieldSet | undefined): boolean {
  if (node === undefined) return false;
  return Object.hasOwn(node, SELF) || Object.keys(node).length === 0;
}

/** The node below a path element. */
export function childNode(set: FieldSet | undefined, element: string): FieldSet | undefined {
  const child = set !== undefined && Object.hasOwn(set, element) ? set[element] : undefined;
  return isJsonObject(child) ? child : undefined;
}

export function isEmptySet(set: FieldSet): boolean {
  return Object.keys(set).length === 0;
}

/** Adds a path to a set that the caller owns. */
export function insertPath(set: FieldSet, path: readonly string[]): void {
  let node = set;
  for (const [index, element] of path.entries()) {
    const existing = childNode(node, element);
    const child = existing ?? {};
    if (existing === undefined) node[element] = child;
    // A leaf that gets children stays a member through the explicit mark.
    else if (index < path.length - 1 && Object.keys(child).length === 0) child[SELF] = {};
    if (index === path.length - 1 && Object.keys(child).length > 0) child[SELF] = {};
    node = child;
  }
}

/** Paths that are in either set. */
export function unionSets(a: FieldSet, b: FieldSet): FieldSet {
  const result: FieldSet = { ...a };
  for (const [element, right] of children(b)) {
    const left = childNode(a, element);
    result[element] =
      left === undefined
        ? right
        : node(isMember(left) || isMember(right), unionSets(below(left), below(right)));
  }
  return result;
}

/** Paths that are in the first set and not in the second. */
export function subtractSets(a: FieldSet, b: FieldSet): FieldSet {
  const result: FieldSet = {};
  for (const [element, left] of children(a)) {
    const right = childNode(b, element);
    const rest =
      right === undefined
        ? left
        : node(isMember(left) && !isMember(right), subtractSets(below(left), below(right)));
    if (rest !== undefined) result[element] = rest;
  }
  return result;
}

/** Paths that are in both sets. */
export function intersectSets(a: FieldSet, b: FieldSet): FieldSet {
  const result: FieldSet = {};
  for (const [element, left] of children(a)) {
    const right = childNode(b, element);
    if (right === undefined) continue;
    const both = node(isMember(left) && isMember(right), intersectSets(below(left), below(right)));
    if (both !== undefined) result[element] = both;
  }
  return result;
}

/** The set without a path and all below it. */
export function withoutPath(set: FieldSet, path: readonly string[]): FieldSet {
  const [element, ...rest] = path;
  const child = element === undefined ? undefined : childNode(set, element);
  if (element === undefined || child === undefined) return set;
  const { [element]: _, ...others } = set;
  if (rest.length === 0) return others;
  const remaining = node(isMember(child), withoutPath(below(child), rest));
  return remaining === undefined ? others : { ...others, [element]: remaining };
}

/** The set without one path, but with what is below it. */
export function withoutMember(set: FieldSet, path: readonly string[]): FieldSet {
  const [element, ...rest] = path;
  const child = element === undefined ? undefined : childNode(set, element);
  if (element === undefined || child === undefined) return set;
  const { [element]: _, ...others } = set;
  const remaining =
    rest.length === 0 ? node(false, below(child)) : node(isMember(child), withoutMember(below(child), rest));
  return remaining === undefined ? others : { ...others, [element]: remaining };
}

/** All member paths, in the set's order. */
export function pathsOf(set: FieldSet): string[][] {
  return children(set).flatMap(([element, child]) => [
    ...(isMember(child) ? [[element]] : []),
    ...pathsOf(below(child)).map((path) => [element, ...path]),
  ]);
}

/** Whether both sets have the same members, whatever the order and spelling. */
export function equalSets(a: FieldSet, b: FieldSet): boolean {
  return isEmptySet(subtractSets(a, b)) && isEmptySet(subtractSets(b, a));
}

/** How error messages spell a path: `.spec.containers[name="web"].image`. */
export function formatFieldPath(path: readonly string[]): string {
  return path
    .map((element) => {
      const text = element.slice(2);
      if (element.startsWith("f:")) return `.${text}`;
      if (element.startsWith("k:")) {
        const keys: unknown = JSON.parse(text);
        const parts = Object.entries(isJsonObject(keys) ? keys : {}).map(
          ([key, value]) => `${key}=${JSON.stringify(value)}`,
        );
        return `[${parts.join(",")}]`;
      }
      return element.startsWith("v:") ? `[=${text}]` : `[${text}]`;
    })
    .join("");
}

/**
 * Checks a set that came from outside.
 * @throws StatusError BadRequest when it is not FieldsV1
 */
export function checkFieldSet(set: unknown, depth = 0): FieldSet {
  if (!isJsonObject(set) || depth > MAX_FIELD_SET_DEPTH)
    throw statusError("BadRequest", "metadata.managedFields: fieldsV1 is not a set of fields");
  for (const [element, child] of Object.entries(set)) {
    if (element === SELF) continue;
    if (!isPathElement(element)) {
      throw statusError(
        "BadRequest",
        `metadata.managedFields: fieldsV1: ${JSON.stringify(element)} is not a path element (f:, k:, v: or i:)`,
      );
    }
    checkFieldSet(child, depth + 1);
  }
  return set;
}

function isPathElement(element: string): boolean {
  const text = element.slice(2);
  if (element.startsWith("f:")) return true;
  if (element.startsWith("i:")) return /^\d+$/.test(text);
  if (!element.startsWith("k:") && !element.startsWith("v:")) return false;
  try {
    const value: unknown = JSON.parse(text);
    return element.startsWith("v:") || isJsonObject(value);
  } catch {
    return false;
  }
}

function children(set: FieldSet): [string, FieldSet][] {
  const entries: [string, FieldSet][] = [];
  for (const element of Object.keys(set)) {
    const child = set[element];
    if (element !== SELF && isJsonObject(child)) entries.push([element, child]);
  }
  return entries;
}

/** The paths below a node, as a set of their own. */
function below(child: FieldSet): FieldSet {
  if (!Object.hasOwn(child, SELF)) return child;
  const { [SELF]: _, ...rest } = child;
  return rest;
}

/** A node from its parts, or undefined when there is nothing in it. */
function node(member: boolean, rest: FieldSet): FieldSet | undefined {
  if (isEmptySet(rest)) return member ? {} : undefined;
  return member ? { [SELF]: {}, ...rest } : rest;
}
