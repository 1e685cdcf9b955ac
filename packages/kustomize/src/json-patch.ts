import type { Value, ValueMap } from "./value.ts";
import { cloneValue, isMap, scalarText, valuesEqual } from "./value.ts";
import { parseYamlDocuments } from "./yaml-parse.ts";

/** One operation of RFC 6902. */
export interface JsonPatchOperation {
  readonly op: string;
  readonly path: string;
  readonly from: string;
  readonly value: Value | undefined;
}

/** The API server takes as many in one request. */
const MAX_OPERATIONS = 10_000;
/** Values that `copy` may add in all, against documents that double with every operation. */
const MAX_COPIED_CHARACTERS = 3 * 1024 * 1024;

/** Parses a patch in JSON or YAML. @throws Error when it is not a list of operations */
export function parseJsonPatch(text: string): JsonPatchOperation[] {
  const [document] = parseYamlDocuments(text, { booleans11: true });
  if (!Array.isArray(document)) throw new Error("a JSON patch must be a list of operations");
  if (document.length > MAX_OPERATIONS)
    throw new Error(`a JSON patch has at most ${MAX_OPERATIONS} operations`);
  return document.map((operation) => {
    if (!isMap(operation)) throw new Error("an operation of a JSON patch must be a map");
    return {
      op: scalarText(operation.op),
      path: scalarText(operation.path),
      from: scalarText(operation.from),
      value: operation.value,
    };
  });
}

/** Applies the operations to the object in place. @throws Error that names the path which failed */
export function applyJsonPatch(object: ValueMap, operations: readonly JsonPatchOperation[]): void {
  let copied = 0;
  for (const operation of operations) {
    const { op, path, from } = operation;
    switch (op) {
      case "add":
        add(object, path, cloneValue(operation.value ?? null));
        break;
      case "remove":
        remove(object, path);
        break;
      case "replace":
        replace(object, path, cloneValue(operation.value ?? null));
        break;
      case "move":
        add(object, path, remove(object, from));
        break;
      case "copy": {
        const value = cloneValue(
          find(object, from, `copy operation does not apply: doc is missing from path: ${from}`),
        );
        copied += JSON.stringify(value, (_, part: unknown) =>
          typeof part === "bigint" ? String(part) : part,
        ).length;
        if (copied > MAX_COPIED_CHARACTERS)
          throw new Error(`copy operations of the JSON patch add too much: ${path}`);
        add(object, path, value);
        break;
      }
      case "test":
        test(object, path, operation.value ?? null);
        break;
      default:
        throw new Error(`Unexpected kind: ${op || "unknown"}`);
    }
  }
}

function splitPointer(pointer: string): string[] {
  if (!pointer.startsWith("/")) throw new Error(`JSON pointer '${pointer}' must begin with '/'`);
  return pointer
    .slice(1)
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function child(container: Value | undefined, key: string): Value | undefined {
  if (Array.isArray(container))
    return container[arrayIndex(key, container.length, container.length - 1) ?? -1];
  return isMap(container) ? container[key] : undefined;
}

/** An index; negative ones count from the end. */
function arrayIndex(key: string, length: number, highest: number): number | undefined {
  if (!/^-?\d+$/.test(key)) return undefined;
  const index = Number(key) < 0 ? Number(key) + length : Number(key);
  return index < 0 || index > highest ? undefined : index;
}

function parentOf(
  object: ValueMap,
  pointer: string,
  operation: string,
): { parent: Value[] | ValueMap; key: string } {
  const parts = splitPointer(pointer);
  const key = parts.pop() ?? "";
  let parent: Value | undefined = object;
  for (const part of parts) parent = child(parent, part);
  if (!isMap(parent) && !Array.isArray(parent)) {
    throw new Error(
      `${operation} operation does not apply: doc is missing path: "${pointer}": missing value`,
    );
  }
  return { parent, key };
}

function find(object: ValueMap, pointer: string, message: string): Value {
  const { parent, key } = parentOf(object, pointer, "copy");
  const value = child(parent, key);
  if (value === undefined) throw new Error(message);
  return value;
}

function add(object: ValueMap, pointer: string, value: Value): void {
  const { parent, key } = parentOf(object, pointer, "add");
  if (!Array.isArray(parent)) {
    parent[key] = value;
    return;
  }
  // Negative indices of `add` count from behind the last element.
  const index = key === "-" ? parent.length : arrayIndex(key, parent.length + 1, parent.length);
  if (index === undefined) {
    throw new Error(
      `error in add for path: '${pointer}': Unable to access invalid index: ${key}: invalid index referenced`,
    );
  }
  parent.splice(index, 0, value);
}

function remove(object: ValueMap, pointer: string): Value {
  const { parent, key } = parentOf(object, pointer, "remove");
  if (Array.isArray(parent)) {
    const index = arrayIndex(key, parent.length, parent.length - 1);
    const [removed] = index === undefined ? [] : parent.splice(index, 1);
    if (removed === undefined) {
      throw new Error(
        `error in remove for path: '${pointer}': Unable to access invalid index: ${key}: invalid index referenced`,
      );
    }
    return removed;
  }
  const removed = parent[key];
  if (removed === undefined) {
    throw new Error(
      `error in remove for path: '${pointer}': Unable to remove nonexistent key: ${key}: missing value`,
    );
  }
  delete parent[key];
  return removed;
}

/** A missing key of a map is created: kustomize's JSON patch library does so. */
function replace(object: ValueMap, pointer: string, value: Value): void {
  const { parent, key } = parentOf(object, pointer, "replace");
  if (!Array.isArray(parent)) {
    parent[key] = value;
    return;
  }
  const index = arrayIndex(key, parent.length, parent.length - 1);
  if (index === undefined) {
    throw new Error(`replace operation does not apply: doc is missing key: ${pointer}: missing value`);
  }
  parent[index] = value;
}

function test(object: ValueMap, pointer: string, expected: Value): void {
  const { parent, key } = parentOf(object, pointer, "test");
  if (!valuesEqual(child(parent, key) ?? null, expected)) {
    throw new Error(`testing value ${pointer} failed: test failed`);
  }
}
