import {
  type ResourceType,
  type UnstructuredObject,
  formatQuantity,
  isJsonObject,
  parseQuantity,
  statusError,
} from "@ai-edge/apimachinery";
import type { ObjectSchema } from "../resources/resource.ts";
import { openApiOf } from "./open-api.ts";
import { scalarProblem } from "./scalars.ts";
import { type Field, type MessageType, TypeTable, packageOfGroup } from "./type-table.ts";

const TABLE = new TypeTable();

interface Walk {
  readonly apiVersion: string;
  readonly kind: string;
  readonly unknown: string[];
}

/** The schema of a built-in kind from the type table; undefined for a kind that the table does not hold. */
export function builtInObjectSchema({ group, version, kind }: ResourceType): ObjectSchema | undefined {
  const home = packageOfGroup(group);
  // A package of its own has a version whose shape is not that of the others.
  const type = TABLE.find(`${home}${version}.${kind}`) ?? TABLE.find(`${home}.${kind}`);
  if (type === undefined) return undefined;
  return {
    conform(object: UnstructuredObject): string[] {
      const walk: Walk = { apiVersion: object.apiVersion, kind: object.kind, unknown: [] };
      conformMessage(object, type, "", walk);
      return walk.unknown;
    },
    validate: () => [],
    openApi: () => openApiOf(type, TABLE),
  };
}

function conformMessage(object: Record<string, unknown>, type: MessageType, path: string, walk: Walk): void {
  for (const [name, value] of Object.entries(object)) {
    if (path === "" && (name === "apiVersion" || name === "kind")) continue;
    const field = type.byName.get(name);
    const fieldPath = path === "" ? name : `${path}.${name}`;
    if (field === undefined) {
      delete object[name];
      walk.unknown.push(fieldPath);
    } else if (value === null || value === undefined) {
      // A Go decoder leaves the zero value.
      delete object[name];
    } else conformField(object, field, fieldPath, walk, type);
  }
  for (const field of type.byName.values()) {
    if (field.isValue && object[field.name] === undefined) object[field.name] = {};
    const value = object[field.name];
    if (field.isValue && isJsonObject(value) && Object.keys(value).length === 0) fillValues(value, field);
  }
}

/** Structs in structs, as Go prints them: `status: {loadBalancer: {}}`. */
function fillValues(object: Record<string, unknown>, { type }: Field): void {
  const message = type.message === undefined ? undefined : TABLE.find(type.message);
  for (const field of message?.byName.values() ?? []) {
    if (!field.isValue || object[field.name] !== undefined) continue;
    const value = {};
    object[field.name] = value;
    fillValues(value, field);
  }
}

function conformField(
  object: Record<string, unknown>,
  field: Field,
  path: string,
  walk: Walk,
  parent: MessageType,
): void {
  const value = object[field.name];
  const { container } = field.type;
  if (container === "list") {
    if (!Array.isArray(value)) throw wrongType(walk, value, path, parent, "a list");
    value.forEach((item, index) => conformItem(item, field, `${path}[${index}]`, walk, parent));
  } else if (container === "map") {
    if (!isJsonObject(value)) throw wrongType(walk, value, path, parent, "an object");
    for (const [key, item] of Object.entries(value)) {
      if (item === null && field.type.scalar === "s") value[key] = "";
      else {
        conformItem(item, field, `${path}.${key}`, walk, parent);
        if (field.type.scalar === "q") value[key] = canonicalQuantity(item);
      }
    }
  } else {
    conformItem(value, field, path, walk, parent);
    if (field.type.scalar === "q") object[field.name] = canonicalQuantity(value);
  }
}

/** As Go's decoder leaves it: `0.5` is `500m`, the number 2 is `"2"`, `1024Mi` is `1Gi`. */
function canonicalQuantity(value: unknown): unknown {
  if (typeof value !== "string" && typeof value !== "number") return value;
  const quantity = parseQuantity(value);
  return quantity === undefined ? value : formatQuantity(quantity);
}

function conformItem(value: unknown, { type }: Field, path: string, walk: Walk, parent: MessageType): void {
  const message = type.message === undefined ? undefined : TABLE.find(type.message);
  if (message !== undefined) {
    if (!isJsonObject(value)) throw wrongType(walk, value, path, parent, "an object");
    conformMessage(value, message, path, walk);
    return;
  }
  const problem = type.scalar === undefined ? undefined : scalarProblem(value, type.scalar);
  if (problem !== undefined) throw wrongType(walk, value, path, parent, problem);
}

/** In the words of Go's decoder, which people search for. */
function wrongType(
  { apiVersion, kind }: Walk,
  value: unknown,
  path: string,
  parent: MessageType,
  expected: string,
): Error {
  const version = apiVersion.slice(apiVersion.indexOf("/") + 1);
  const actual = Array.isArray(value)
    ? "array"
    : value === null
      ? "null"
      : typeof value === "boolean"
        ? "bool"
        : typeof value;
  const struct = parent.name.slice(parent.name.indexOf(".") + 1);
  return statusError(
    "BadRequest",
    `${kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind}: json: cannot unmarshal ${actual} into Go struct field ${struct}.${path} of type ${expected}`,
  );
}
