import { deepEqual } from "./deep-equal.ts";
import { fieldSchema, type FieldSchema } from "./field-schema.ts";
import { isJsonObject, setField, type JsonObject } from "./json.ts";
import { dropDirectives } from "./strategic-merge-directives.ts";
import { mergeOrder } from "./strategic-merge-order.ts";
import { statusError } from "./status.ts";

const DIRECTIVE = "$patch";
const RETAIN_KEYS = "$retainKeys";
const DELETE_FROM_LIST = "$deleteFromPrimitiveList/";
const ELEMENT_ORDER = "$setElementOrder/";

/**
 * Applies a strategic merge patch (`k8s.io/apimachinery/pkg/util/strategicpatch`). Nothing is modified.
 * @param schema the merge rules of the type; without any, lists are replaced whole
 * @throws StatusError BadRequest for a malformed directive or an element without its merge key
 */
export function applyStrategicMerge(
  original: JsonObject,
  patch: JsonObject,
  schema: FieldSchema | undefined,
): JsonObject {
  return mergeMap(original, patch, schema, "");
}

function mergeMap(
  original: JsonObject,
  patch: JsonObject,
  schema: FieldSchema | undefined,
  path: string,
): JsonObject {
  const directive = patch[DIRECTIVE];
  if (directive === "replace") return withoutField(patch, DIRECTIVE);
  if (directive === "delete") return {};
  if (directive !== undefined) throw unknownDirective(directive, path);
  const result = retained(original, patch, path);
  const fields = Object.keys(patch);
  for (const field of fields.filter((name) => name.startsWith(DELETE_FROM_LIST)))
    deleteFromList(result, patch, field, path);
  for (const field of fields) {
    if (field === DIRECTIVE || field === RETAIN_KEYS) continue;
    if (field.startsWith(DELETE_FROM_LIST) || field.startsWith(ELEMENT_ORDER)) continue;
    mergeField(result, patch, field, fieldSchema(schema, field), `${path}.${field}`);
  }
  for (const field of fields.filter((name) => name.startsWith(ELEMENT_ORDER)))
    orderAlone(result, original, patch, field, schema);
  return result;
}

function mergeField(
  result: JsonObject,
  patch: JsonObject,
  field: string,
  schema: FieldSchema | undefined,
  path: string,
): void {
  const value = patch[field];
  if (value === null) {
    delete result[field];
    return;
  }
  const previous = Object.hasOwn(result, field) ? result[field] : undefined;
  if (isJsonObject(value) && isJsonObject(previous) && schema?.replace !== true) {
    setField(result, field, mergeMap(previous, value, schema, path));
  } else if (Array.isArray(value) && schema?.merge === true) {
    const order = patch[`${ELEMENT_ORDER}${field}`];
    setField(result, field, mergeList(Array.isArray(previous) ? previous : [], value, order, schema, path));
  } else if (isJsonObject(value) && value[DIRECTIVE] === "delete") {
    delete result[field];
  } else {
    setField(result, field, dropDirectives(value));
  }
}

/** `$retainKeys`: fields of the original that it does not name go; the patch may set only those that it names. */
function retained(original: JsonObject, patch: JsonObject, path: string): JsonObject {
  const keys = patch[RETAIN_KEYS];
  if (keys === undefined) return { ...original };
  if (!Array.isArray(keys))
    throw statusError("BadRequest", `${path || "."}: ${RETAIN_KEYS} must be a list of field names`);
  const stray = Object.keys(patch).find(
    (field) => !field.startsWith("$") && patch[field] !== null && !keys.includes(field),
  );
  if (stray !== undefined) {
    throw statusError(
      "BadRequest",
      `${path || "."}: ${RETAIN_KEYS} list doesn't contain field ${JSON.stringify(stray)}, which the patch sets`,
    );
  }
  return Object.fromEntries(Object.entries(original).filter(([field]) => keys.includes(field)));
}

function deleteFromList(result: JsonObject, patch: JsonObject, directive: string, path: string): void {
  const field = directive.slice(DELETE_FROM_LIST.length);
  const gone = patch[directive];
  if (!Array.isArray(gone)) throw statusError("BadRequest", `${path}.${directive}: must be a list of values`);
  const list = Object.hasOwn(result, field) ? result[field] : undefined;
  if (Array.isArray(list))
    setField(
      result,
      field,
      list.filter((item) => !gone.some((value) => deepEqual(value, item))),
    );
}

/** An order for a list that the patch does not otherwise mention. */
function orderAlone(
  result: JsonObject,
  original: JsonObject,
  patch: JsonObject,
  directive: string,
  schema: FieldSchema | undefined,
): void {
  const field = directive.slice(ELEMENT_ORDER.length);
  const list = Object.hasOwn(result, field) ? result[field] : undefined;
  const order = patch[directive];
  if (Object.hasOwn(patch, field) || !Array.isArray(list) || !Array.isArray(order)) return;
  const server = Array.isArray(original[field]) ? original[field] : list;
  setField(result, field, mergeOrder(list, order, server, fieldSchema(schema, field)?.mergeKey));
}

function mergeList(
  original: readonly unknown[],
  patch: readonly unknown[],
  order: unknown,
  schema: FieldSchema,
  path: string,
): unknown[] {
  const { mergeKey } = schema;
  const merged =
    mergeKey === undefined
      ? mergeScalars(original, patch)
      : mergeObjects(original, patch, mergeKey, schema.items, path);
  if (merged.replaced) return merged.items;
  if (order !== undefined && !Array.isArray(order))
    throw statusError("BadRequest", `${path}: ${ELEMENT_ORDER} must be a list`);
  if (order !== undefined) checkOrder(merged.patched, order, mergeKey, path);
  return mergeOrder(merged.items, order ?? merged.patched, original, mergeKey);
}

interface MergedList {
  items: unknown[];
  /** The elements that the patch names, in its order. */
  patched: readonly unknown[];
  replaced: boolean;
}

function mergeScalars(original: readonly unknown[], patch: readonly unknown[]): MergedList {
  const added = patch.filter((value, index) => !original.includes(value) && patch.indexOf(value) === index);
  return { items: [...original, ...added], patched: patch, replaced: false };
}

function mergeObjects(
  original: readonly unknown[],
  patch: readonly unknown[],
  mergeKey: string,
  items: FieldSchema | undefined,
  path: string,
): MergedList {
  const elements = patch.map((element) => {
    if (isJsonObject(element)) return element;
    throw statusError("BadRequest", `${path}: an element of the patch is not an object`);
  });
  if (elements.some((element) => element[DIRECTIVE] === "replace")) {
    const kept = elements.filter(
      (element) => element[DIRECTIVE] !== "replace" || Object.hasOwn(element, mergeKey),
    );
    return { items: kept.map(dropDirectives), patched: [], replaced: true };
  }
  const keyOf = (element: JsonObject): unknown => {
    const key = element[mergeKey];
    if (key === undefined) {
      throw statusError(
        "BadRequest",
        `${path}: map: ${JSON.stringify(element)} does not contain declared merge key: ${mergeKey}`,
      );
    }
    return key;
  };
  let result = [...original];
  const patched: JsonObject[] = [];
  for (const element of elements) {
    const key = keyOf(element);
    const matches = (candidate: unknown) => isJsonObject(candidate) && deepEqual(candidate[mergeKey], key);
    const directive = element[DIRECTIVE];
    if (directive === "delete") {
      result = result.filter((candidate) => !matches(candidate));
      continue;
    }
    if (directive !== undefined) throw unknownDirective(directive, path);
    patched.push(element);
    const index = result.findIndex(matches);
    const previous = result[index];
    if (index < 0 || !isJsonObject(previous)) result.push(dropDirectives(element));
    else result[index] = mergeMap(previous, element, items, `${path}[${mergeKey}=${JSON.stringify(key)}]`);
  }
  return { items: result, patched, replaced: false };
}

/** The elements of a patch must appear in `$setElementOrder` in the same relative order. */
function checkOrder(
  patched: readonly unknown[],
  order: readonly unknown[],
  mergeKey: string | undefined,
  path: string,
): void {
  const keyOf = (element: unknown) =>
    mergeKey !== undefined && isJsonObject(element) ? element[mergeKey] : element;
  let from = 0;
  for (const element of patched) {
    const index = order.findIndex(
      (candidate, position) => position >= from && deepEqual(keyOf(candidate), keyOf(element)),
    );
    if (index < 0) {
      throw statusError(
        "BadRequest",
        `${path}: the order in the patch doesn't match the ${ELEMENT_ORDER} list`,
      );
    }
    from = index;
  }
}

function withoutField(object: JsonObject, field: string): JsonObject {
  const { [field]: _, ...rest } = object;
  return rest;
}

function unknownDirective(directive: unknown, path: string): Error {
  return statusError(
    "BadRequest",
    `${path || "."}: unknown patch type found: ${JSON.stringify(directive)} ($patch is replace or delete)`,
  );
}
