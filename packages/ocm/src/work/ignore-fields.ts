/** `updateStrategy.serverSideApply.ignoreFields`: fields of a manifest that are left to the cluster. */
import { type UnstructuredObject, deepEqual, parseJsonPointer } from "@ai-edge/apimachinery";
import type { ManifestConfig, WorkIgnoreFields } from "@ai-edge/api";
import { plainPath } from "./json-path.ts";

/**
 * The manifest without the fields that are to be ignored now. OnSpokePresent leaves out what the object has;
 * OnSpokeChange leaves out what the cluster has changed or removed since the manifest last changed.
 * @param live the object as it is, undefined if it is not there
 * @param changed the manifest is not the one applied last
 * @throws SyntaxError for a path that cannot be read or is not supported
 */
export function withoutIgnoredFields(
  manifest: UnstructuredObject,
  config: ManifestConfig | undefined,
  live: UnstructuredObject | undefined,
  changed: boolean,
): UnstructuredObject {
  const rules = config?.updateStrategy?.serverSideApply?.ignoreFields ?? [];
  if (rules.length === 0 || live === undefined) return manifest;
  const copy = structuredClone(manifest);
  for (const rule of rules) {
    for (const path of pathsOf(rule)) {
      const there = valueAt(live, path);
      const ignored =
        rule.condition === "OnSpokePresent"
          ? there !== undefined
          : !changed && !deepEqual(there, valueAt(manifest, path));
      if (ignored) removeAt(copy, path);
    }
  }
  return copy;
}

function pathsOf({
  jsonPaths = [],
  jsonPointers = [],
  jqPathExpressions = [],
}: WorkIgnoreFields): (string | number)[][] {
  // The simple form of a jq path is a JSONPath too.
  const paths = [...jsonPaths, ...jqPathExpressions].map((path) => {
    const plain = plainPath(path);
    if (plain === undefined)
      throw new SyntaxError(`ignoreFields: "${path}": filters are not supported here; name the field`);
    return plain;
  });
  return [...paths, ...jsonPointers.map((pointer): (string | number)[] => parseJsonPointer(pointer))];
}

function valueAt(object: unknown, path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (value, name) =>
      typeof value === "object" && value !== null && Object.hasOwn(value, name)
        ? Reflect.get(value, name)
        : undefined,
    object,
  );
}

function removeAt(object: unknown, path: readonly (string | number)[]): void {
  const parent = valueAt(object, path.slice(0, -1));
  const name = path.at(-1);
  if (name === undefined || typeof parent !== "object" || parent === null) return;
  if (Array.isArray(parent)) parent.splice(Number(name), 1);
  else Reflect.deleteProperty(parent, name);
}
