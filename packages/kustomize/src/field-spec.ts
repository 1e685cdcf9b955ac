import type { Gvk } from "./gvk.ts";
import { formatId, isSelectedBy } from "./gvk.ts";
import type { Value, ValueMap } from "./value.ts";
import { describeShape, getIn, isMap, newMap, scalarText } from "./value.ts";

/** A field of some kinds: where a transformer writes. */
export interface FieldSpec extends Partial<Gvk> {
  /** Field names separated by `/` (`\/` within one); `[]` behind a name says that it is a list. */
  readonly path: string;
  /** Create the field where it is missing. */
  readonly create?: boolean;
}

/** What a missing field is created as. */
export type CreatedKind = "map" | "list" | "scalar";

/** Replaces a value: gets the present one (undefined: just created) and returns the new one. */
export type SetValue = (value: Value, parent: ValueMap, key: string) => Value;

/** Splits a path at `/`; `\/` is a slash within a name. */
export function splitPath(path: string): string[] {
  if (!path.includes("\\/")) return path.split("/").filter((part) => part !== "");
  return path
    .replaceAll("\\/", "\0")
    .split("/")
    .filter((part) => part !== "")
    .map((part) => part.replaceAll("\0", "/"));
}

/** Calls `set` for every place of a field spec in an object, through lists on the way. */
export function applyFieldSpec(
  object: ValueMap,
  gvk: Gvk,
  spec: FieldSpec,
  set: SetValue,
  created: CreatedKind | undefined,
): void {
  if (!isSelectedBy(gvk, spec)) return;
  visit(object, splitPath(spec.path), 0, {
    set,
    created: spec.create === true ? created : undefined,
    path: spec.path,
    get object() {
      const name = scalarText(getIn(object.metadata, "name"));
      return formatId({ ...gvk, name, namespace: scalarText(getIn(object.metadata, "namespace")) });
    },
  });
}

interface Visit {
  readonly set: SetValue;
  readonly created: CreatedKind | undefined;
  readonly path: string;
  /** For messages. */
  readonly object: string;
}

function visit(value: Value, path: readonly string[], at: number, options: Visit): void {
  if (Array.isArray(value)) {
    for (const element of value) visit(element, path, at, options);
    return;
  }
  if (value === null) return;
  if (!isMap(value)) {
    throw new Error(
      `considering field '${options.path}' of object ${options.object}: expected sequence or mapping node at '${path.slice(0, at).join("/")}', found ${describeShape(value)}`,
    );
  }
  visitMap(value, path, at, options);
}

function visitMap(map: ValueMap, path: readonly string[], at: number, options: Visit): void {
  const segment = path[at];
  if (segment === undefined) return;
  const isList = segment.endsWith("[]");
  const name = isList ? segment.slice(0, -2) : segment;
  if (name === "") return;
  const last = at === path.length - 1;
  const create = options.created !== undefined && !isList;
  const present = map[name];
  if (present === undefined || present === null) {
    if (present === undefined && !create) return;
    if (!create) {
      // A null stays as it is unless the spec may create the field; then it becomes what would be created.
      if (last) map[name] = options.set(present ?? null, map, name);
      return;
    }
    map[name] = last ? emptyOf(options.created) : newMap();
  }
  if (last) setAt(map, name, options);
  else visit(map[name] ?? null, path, at + 1, options);
}

function setAt(map: ValueMap, name: string, options: Visit): void {
  map[name] = options.set(map[name] ?? null, map, name);
}

function emptyOf(kind: CreatedKind | undefined): Value {
  return kind === "map" ? newMap() : kind === "list" ? [] : "";
}
