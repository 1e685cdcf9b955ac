import { formatId } from "./gvk.ts";
import type { Resource } from "./resource.ts";
import type { ValueMap } from "./value.ts";
import { isMap, newMap } from "./value.ts";

const DATA_FIELDS = ["data", "binaryData", "stringData"];

/**
 * Lets a generated ConfigMap or Secret change the one of that name in an earlier layer, as its behavior says; name,
 * namespace and history stay those of the earlier one.
 */
export function mergeGenerated(target: Resource, generated: Resource): void {
  if (generated.behavior !== "merge" && generated.behavior !== "replace") {
    throw new Error(
      `id ${formatId(generated.id)} exists; can not use behavior: '${generated.behavior}', behavior must be merge or replace`,
    );
  }
  const { name, namespace } = target;
  const value =
    generated.behavior === "replace" ? generated.value : mergedContent(target.value, generated.value);
  const metadata = isMap(value.metadata) ? value.metadata : newMap();
  for (const field of ["labels", "annotations"]) {
    const merged = union(mapAt(target.value.metadata, field), mapAt(generated.value.metadata, field));
    if (merged !== undefined) metadata[field] = merged;
  }
  value.metadata = metadata;
  target.value = value;
  target.needsHash = target.needsHash && generated.needsHash;
  if (generated.behavior === "replace") target.origin = generated.origin;
  target.setName(name);
  target.setNamespace(namespace);
}

function mergedContent(target: ValueMap, generated: ValueMap): ValueMap {
  for (const field of DATA_FIELDS) {
    const merged = union(mapAt(target, field), mapAt(generated, field));
    if (merged !== undefined) target[field] = merged;
  }
  for (const field of ["immutable", "type"]) {
    const value = generated[field];
    if (value !== undefined) target[field] = value;
  }
  return target;
}

function mapAt(value: unknown, field: string): ValueMap | undefined {
  if (!isMap(value)) return undefined;
  const map = value[field];
  return isMap(map) ? map : undefined;
}

function union(left: ValueMap | undefined, right: ValueMap | undefined): ValueMap | undefined {
  if (left === undefined) return right;
  if (right === undefined) return left;
  return Object.assign(newMap(left), right);
}
