import { createHash } from "node:crypto";
import type { ResourceMap } from "./resource-map.ts";
import { compareBytes } from "./natural-order.ts";
import type { Value, ValueMap } from "./value.ts";
import { isMap } from "./value.ts";

const SUFFIX_LENGTH = 10;
/** Letters that cannot form words (kubernetes/kubernetes `SafeEncodeString`). */
const SAFE_LETTERS: Readonly<Record<string, string>> = { "0": "g", "1": "h", "3": "k", a: "m", e: "t" };

/**
 * The name suffix of a generated object: SHA-256 of its content as JSON. The name does not enter, so that objects of
 * equal content share it (as in kustomize).
 */
function contentHash(object: ValueMap): string {
  const digest = createHash("sha256")
    .update(toGoJson(hashedContent(object)))
    .digest("hex");
  return digest.slice(0, SUFFIX_LENGTH).replace(/[013ae]/g, (letter) => SAFE_LETTERS[letter] ?? letter);
}

/** Appends the hash to the name of every resource that a generator marked. */
export function appendHashes(map: ResourceMap): void {
  for (const resource of map.resources) {
    if (!resource.needsHash) continue;
    resource.rememberId();
    resource.setName(`${resource.name}-${contentHash(resource.value)}`);
  }
}

function hashedContent(object: ValueMap): Value {
  const kind = object.kind ?? "";
  const content: ValueMap = { kind, name: "", data: object.data ?? "" };
  if (kind === "ConfigMap") {
    if (object.binaryData !== undefined) content.binaryData = object.binaryData;
    return content;
  }
  if (kind === "Secret") {
    content.type = object.type ?? "";
    if (object.stringData !== undefined) content.stringData = object.stringData;
    return content;
  }
  return object;
}

/** JSON as Go's `json.Marshal` prints maps: keys sorted by bytes, `<`, `>`, `&` and line separators escaped. */
export function toGoJson(value: Value): string {
  if (value === null) return "null";
  switch (typeof value) {
    case "string":
      return JSON.stringify(value).replace(
        /[<>&\u2028\u2029]/g,
        (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
      );
    case "number":
      return formatGoNumber(value);
    case "object":
      break;
    default:
      return String(value);
  }
  if (Array.isArray(value)) return `[${value.map(toGoJson).join(",")}]`;
  if (!isMap(value)) return "null";
  const entries = Object.keys(value)
    .toSorted(compareBytes)
    .map((key) => `${toGoJson(key)}:${toGoJson(value[key] ?? null)}`);
  return `{${entries.join(",")}}`;
}

function formatGoNumber(value: number): string {
  const magnitude = Math.abs(value);
  if (value === 0 || (magnitude >= 1e-6 && magnitude < 1e21)) return String(value);
  // Go writes e-07 as e-7 in JSON, and e+21.
  return value.toExponential();
}
