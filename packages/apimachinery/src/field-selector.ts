import { valueAt } from "./json.ts";
import { statusError } from "./status.ts";

/** One comma-separated part of a field selector: `metadata.name=a`, `status.phase!=Running`. */
export interface FieldRequirement {
  path: string;
  operator: "=" | "!=";
  value: string;
}

const REQUIREMENT = /^\s*([^=!\s]+?)\s*(==|!=|=)(.*)$/s;

/**
 * Parses a field selector (`fields.ParseSelector`); `\,`, `\=` and `\\` stand for themselves in a value.
 * Which fields a kind supports is the server's to check.
 * @throws StatusError BadRequest for a part that is not `field=value`, `field==value` or `field!=value`
 */
export function parseFieldSelector(text: string): FieldRequirement[] {
  return splitUnescaped(text)
    .filter((part) => part.trim() !== "")
    .map((part) => {
      const match = REQUIREMENT.exec(part);
      if (match === null)
        throw statusError("BadRequest", `invalid field selector: '${text}'; can't understand '${part}'`);
      const [, path = "", operator, value = ""] = match;
      return { path, operator: operator === "!=" ? "!=" : "=", value: unescape(value.trim(), text) };
    });
}

/**
 * Whether an object satisfies all requirements. An absent field counts as the empty string, as in kube-apiserver.
 * @param fieldOf reads a field by its path; default: the scalar at that path of the object
 */
export function matchesFieldSelector(
  requirements: readonly FieldRequirement[],
  object: unknown,
  fieldOf: (object: unknown, path: string) => string = scalarAt,
): boolean {
  return requirements.every(
    ({ path, operator, value }) => (fieldOf(object, path) === value) === (operator === "="),
  );
}

function scalarAt(object: unknown, path: string): string {
  const value = valueAt(object, path.split("."));
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean"
    ? String(value)
    : "";
}

function splitUnescaped(text: string): string[] {
  const parts: string[] = [];
  let part = "";
  for (let index = 0; index < text.length; index++) {
    const character = text.charAt(index);
    if (character === "\\") part += character + text.charAt(++index);
    else if (character === ",") {
      parts.push(part);
      part = "";
    } else part += character;
  }
  return [...parts, part];
}

function unescape(value: string, selector: string): string {
  return value.replace(/\\(.?)/gs, (_, character: string) => {
    if (character === "\\" || character === "," || character === "=") return character;
    throw statusError(
      "BadRequest",
      `invalid field selector: '${selector}': invalid escape sequence '\\${character}'`,
    );
  });
}
