import { isJsonObject } from "@ai-edge/apimachinery";
import type { ScalarCode } from "./type-table.ts";

const BASE64 = /^[A-Za-z0-9+/\s]*={0,2}\s*$/;
/** Quantities: a decimal number with an optional suffix or exponent. */
const QUANTITY = /^[+-]?(\d+\.?\d*|\.\d+)(([KMGTPE]i)|[numkMGTPE]|[eE][+-]?\d+)?$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** What a value should be but is not, in Go's words; undefined if it is of the type. */
export function scalarProblem(value: unknown, scalar: ScalarCode): string | undefined {
  switch (scalar) {
    case "s":
      return typeof value === "string" ? undefined : "string";
    case "b":
      return typeof value === "boolean" ? undefined : "bool";
    case "i":
      return Number.isInteger(value) ? undefined : "int32";
    case "d":
      return typeof value === "number" ? undefined : "float64";
    case "y":
      return typeof value === "string" && BASE64.test(value) ? undefined : "[]uint8: illegal base64 data";
    case "q":
      return typeof value === "number" || (typeof value === "string" && QUANTITY.test(value))
        ? undefined
        : "resource.Quantity: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
    case "t":
    case "T":
      return typeof value === "string" && TIME.test(value) ? undefined : "v1.Time: an RFC 3339 time";
    case "D":
      return typeof value === "string" ? undefined : "v1.Duration";
    case "x":
      return typeof value === "string" || Number.isInteger(value) ? undefined : "intstr.IntOrString";
    case "f":
      return isJsonObject(value) ? undefined : "v1.FieldsV1";
    case "L":
      return Array.isArray(value) && value.every((one) => typeof one === "string") ? undefined : "[]string";
    case "r":
      return undefined;
  }
}
