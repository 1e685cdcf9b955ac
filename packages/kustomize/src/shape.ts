import type { Value } from "./value.ts";
import { describeShape, isMap } from "./value.ts";

/**
 * Shapes of configuration files. kustomize decodes them with Go's JSON: field names ignore case, unknown fields and
 * wrong types are errors, null is as absent.
 */
export interface Shape<T> {
  /** @param path the field, for messages: `images.newTag` */
  decode(value: Value, path: string): T;
}

/** Wrong content of a kustomization or configuration file; the message names the field. */
export class ShapeError extends Error {}

function mismatch(value: Value, path: string, expected: string): ShapeError {
  const found =
    value === null ? "null" : isMap(value) ? "object" : Array.isArray(value) ? "array" : goTypeOf(value);
  return new ShapeError(`json: cannot unmarshal ${found} into Go struct field ${path} of type ${expected}`);
}

function goTypeOf(value: Value): string {
  const shape = typeof value;
  return shape === "boolean" ? "bool" : shape === "bigint" ? "number" : shape;
}

export const text: Shape<string> = {
  decode(value, path) {
    if (value === null) return "";
    if (typeof value !== "string") throw mismatch(value, path, "string");
    return value;
  },
};

export const flag: Shape<boolean> = {
  decode(value, path) {
    if (value === null) return false;
    if (typeof value !== "boolean") throw mismatch(value, path, "bool");
    return value;
  },
};

export const integer: Shape<number> = {
  decode(value, path) {
    if (value === null) return 0;
    if (typeof value !== "number" || !Number.isInteger(value)) throw mismatch(value, path, "int64");
    return value;
  },
};

export const anything: Shape<Value> = { decode: (value) => value };

/** A list; null is the empty list. */
export function list<T>(element: Shape<T>): Shape<T[]> {
  return {
    decode(value, path) {
      if (value === null) return [];
      if (!Array.isArray(value)) throw mismatch(value, path, "[]string");
      return value.map((item) => element.decode(item, path));
    },
  };
}

/** A map from text to values of one shape. */
export function mapOf<T>(element: Shape<T>): Shape<Record<string, T>> {
  return {
    decode(value, path) {
      const result: Record<string, T> = Object.create(null);
      if (value === null) return result;
      if (!isMap(value)) throw mismatch(value, path, "map[string]string");
      for (const key of Object.keys(value)) result[key] = element.decode(value[key] ?? null, path);
      return result;
    },
  };
}

type Fields = Readonly<Record<string, Shape<unknown>>>;
export type Decoded<F extends Fields> = { [K in keyof F]?: F[K] extends Shape<infer T> ? T : never };

/** An object with these fields only; absent ones are left out. @param name of the Go type, for messages */
export function object<F extends Fields>(
  fields: F,
  name = "",
  options: { readonly ignoreUnknown?: boolean } = {},
): Shape<Decoded<F>> {
  const byLowerCase = new Map(Object.keys(fields).map((field) => [field.toLowerCase(), field]));
  return {
    decode(value, path) {
      const result: Record<string, unknown> = {};
      if (value === null) return result as Decoded<F>;
      if (!isMap(value)) throw mismatch(value, path || name, name || describeShape(value));
      for (const key of Object.keys(value)) {
        const field = byLowerCase.get(key.toLowerCase());
        const shape = field === undefined ? undefined : fields[field];
        if (field === undefined || shape === undefined) {
          if (options.ignoreUnknown === true) continue;
          throw new ShapeError(`json: unknown field ${JSON.stringify(key)}`);
        }
        const present = value[key] ?? null;
        if (present !== null)
          result[field] = shape.decode(present, path === "" ? `${name}.${field}` : `${path}.${field}`);
      }
      return result as Decoded<F>;
    },
  };
}

/** The type that a shape decodes to. */
export type TypeOf<S> = S extends Shape<infer T> ? T : never;
