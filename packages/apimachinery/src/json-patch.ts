import { deepEqual } from "./deep-equal.ts";
import { arrayIndexOf, parseJsonPointer } from "./json-pointer.ts";
import { isJsonObject, setField } from "./json.ts";
import { statusError } from "./status.ts";

export interface JsonPatchOperation {
  op: "add" | "remove" | "replace" | "move" | "copy" | "test";
  path: string;
  from?: string;
  value?: unknown;
}

/** kube-apiserver's bound on one request (`maxJSONPatchOperations`). */
export const MAX_JSON_PATCH_OPERATIONS = 10_000;
/** Bytes that `copy` may add in all: without it 30 copies of the root into itself fill any memory. kube-apiserver: 3 MiB. */
const MAX_COPIED_BYTES = 3 * 1024 * 1024;

/**
 * Applies a JSON patch (RFC 6902). The document is not modified; the patch holds as a whole or not at all.
 * @throws StatusError BadRequest for a malformed patch, RequestEntityTooLarge for too many operations, Invalid (as
 *   kube-apiserver) when a path does not exist or a `test` does not hold
 */
export function applyJsonPatch(document: unknown, operations: unknown): unknown {
  if (!Array.isArray(operations))
    throw statusError("BadRequest", "a JSON patch must be a list of operations (RFC 6902)");
  if (operations.length > MAX_JSON_PATCH_OPERATIONS) {
    throw statusError(
      "RequestEntityTooLarge",
      `The allowed maximum operations in a JSON patch is ${MAX_JSON_PATCH_OPERATIONS}, got ${operations.length}`,
    );
  }
  const root = { value: structuredClone(document) };
  let copiedBytes = 0;
  for (const [index, candidate] of operations.entries()) {
    const operation = readOperation(candidate, index);
    if (operation.op === "copy") {
      copiedBytes += JSON.stringify(find(root.value, operation.from ?? "", operation)).length;
      if (copiedBytes > MAX_COPIED_BYTES) {
        throw statusError("RequestEntityTooLarge", `JSON patch copies more than ${MAX_COPIED_BYTES} bytes`);
      }
    }
    applyOperation(root, operation);
  }
  return root.value;
}

const OPERATIONS = new Set(["add", "remove", "replace", "move", "copy", "test"]);

function readOperation(candidate: unknown, index: number): JsonPatchOperation {
  const where = `operation ${index} of the JSON patch`;
  if (!isJsonObject(candidate)) throw statusError("BadRequest", `${where} is not an object`);
  const { op, path, from, value } = candidate;
  if (!isOperationName(op)) {
    throw statusError(
      "BadRequest",
      `${where}: "op" must be one of ${[...OPERATIONS].join(", ")}, not ${JSON.stringify(op)}`,
    );
  }
  if (typeof path !== "string" || !isPointer(path)) {
    throw statusError("BadRequest", `${where}: "path" must be a JSON pointer, not ${JSON.stringify(path)}`);
  }
  if (op === "move" || op === "copy") {
    if (typeof from !== "string" || !isPointer(from)) {
      throw statusError("BadRequest", `${where}: "from" must be a JSON pointer, not ${JSON.stringify(from)}`);
    }
    return { op, path, from };
  }
  if ((op === "add" || op === "replace" || op === "test") && !Object.hasOwn(candidate, "value")) {
    throw statusError("BadRequest", `${where}: "value" is missing`);
  }
  return { op, path, value };
}

function isOperationName(op: unknown): op is JsonPatchOperation["op"] {
  return typeof op === "string" && OPERATIONS.has(op);
}

function isPointer(text: string): boolean {
  return text === "" || text.startsWith("/");
}

function applyOperation(root: { value: unknown }, operation: JsonPatchOperation): void {
  switch (operation.op) {
    case "add":
      return add(root, operation.path, structuredClone(operation.value), operation);
    case "remove":
      remove(root, operation.path, operation);
      return;
    case "replace":
      find(root.value, operation.path, operation);
      return replace(root, operation.path, structuredClone(operation.value), operation);
    case "copy":
      return add(
        root,
        operation.path,
        structuredClone(find(root.value, operation.from ?? "", operation)),
        operation,
      );
    case "move": {
      const from = operation.from ?? "";
      if (operation.path.startsWith(`${from}/`))
        throw failed(operation, "a value cannot be moved into itself");
      return add(root, operation.path, remove(root, from, operation), operation);
    }
    case "test":
      if (!deepEqual(find(root.value, operation.path, operation), operation.value)) {
        throw failed(operation, "testing value failed");
      }
  }
}

function add(root: { value: unknown }, path: string, value: unknown, operation: JsonPatchOperation): void {
  const { parent, token } = locate(root.value, path, operation);
  if (token === undefined) {
    root.value = value;
  } else if (Array.isArray(parent)) {
    const index = token === "-" ? parent.length : arrayIndexOf(token);
    if (index === undefined || index > parent.length)
      throw failed(operation, `index ${token} is outside the list`);
    parent.splice(index, 0, value);
  } else if (isJsonObject(parent)) {
    setField(parent, token, value);
  } else {
    throw failed(operation, "the parent is neither an object nor a list");
  }
}

function replace(
  root: { value: unknown },
  path: string,
  value: unknown,
  operation: JsonPatchOperation,
): void {
  const { parent, token } = locate(root.value, path, operation);
  if (token === undefined) root.value = value;
  else if (Array.isArray(parent)) parent[Number(token)] = value;
  else if (isJsonObject(parent)) setField(parent, token, value);
}

function remove(root: { value: unknown }, path: string, operation: JsonPatchOperation): unknown {
  const removed = find(root.value, path, operation);
  const { parent, token } = locate(root.value, path, operation);
  if (token === undefined) root.value = null;
  else if (Array.isArray(parent)) parent.splice(Number(token), 1);
  else if (isJsonObject(parent)) delete parent[token];
  return removed;
}

/** The container that holds the last token of a path; no token for the root. */
function locate(
  root: unknown,
  path: string,
  operation: JsonPatchOperation,
): { parent: unknown; token?: string } {
  const tokens = parseJsonPointer(path);
  const token = tokens.pop();
  if (token === undefined) return { parent: undefined };
  return { parent: descend(root, tokens, operation), token };
}

function find(root: unknown, path: string, operation: JsonPatchOperation): unknown {
  return descend(root, parseJsonPointer(path), operation);
}

function descend(root: unknown, tokens: readonly string[], operation: JsonPatchOperation): unknown {
  let value = root;
  for (const token of tokens) {
    if (Array.isArray(value)) {
      const index = arrayIndexOf(token);
      if (index === undefined || index >= value.length)
        throw failed(operation, `no element ${token} in the list`);
      value = value[index];
    } else if (isJsonObject(value) && Object.hasOwn(value, token)) {
      value = value[token];
    } else {
      throw failed(operation, `missing field ${JSON.stringify(token)}`);
    }
  }
  return value;
}

function failed(operation: JsonPatchOperation, cause: string): Error {
  const from = operation.from === undefined ? "" : ` from '${operation.from}'`;
  return statusError("Invalid", `JSON patch: ${operation.op} for path '${operation.path}'${from}: ${cause}`);
}
