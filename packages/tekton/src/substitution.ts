import type { TektonValue } from "@ai-edge/api";

/** The value of a variable by its canonical dotted name (`params.x`, `tasks.t.results.r`), or undefined if it has none. */
export type Lookup = (name: string) => TektonValue | undefined;

/** A variable reference, as far as its last closing bracket: values never nest. */
const REFERENCE = /\$\(([^()$]{1,512})\)/g;
const WHOLE_REFERENCE = /^\$\(([^()$]{1,512})\)$/;
/** A value grown beyond this by substitution is an attack or a mistake: etcd takes 1.5 MB for the whole object. */
export const MAX_VALUE_CHARS = 256 * 1024;

/** A substitution that cannot be done; the message names the variable. */
export class SubstitutionError extends Error {
  override readonly name = "SubstitutionError";
}

/** One reference taken apart: `params["x"][*]` → name `params.x`, star. */
export interface VariableReference {
  name: string;
  star: boolean;
  index?: number;
}

/** Parses the inside of `$(…)`: dotted names, quoted bracket keys, and a final `[*]` or `[0]`. */
function parseReference(text: string): VariableReference {
  const suffix = /\[(\*|\d{1,6})\]$/.exec(text);
  const head = suffix === null ? text : text.slice(0, suffix.index);
  const name = head.replaceAll(
    /\[(?:'([^']*)'|"([^"]*)")\]/g,
    (_match, single?: string, double?: string) => `.${single ?? double ?? ""}`,
  );
  if (suffix === null) return { name, star: false };
  return suffix[1] === "*" ? { name, star: true } : { name, star: false, index: Number(suffix[1]) };
}

/** Every reference in a JSON value, in order. */
export function referencesIn(value: unknown): VariableReference[] {
  if (typeof value === "string")
    return [...value.matchAll(REFERENCE)].map((match) => parseReference(match[1] ?? ""));
  if (Array.isArray(value)) return value.flatMap((item) => referencesIn(item));
  if (typeof value === "object" && value !== null)
    return Object.values(value).flatMap((item) => referencesIn(item));
  return [];
}

/** Replaces the references in a text; unknown ones stay as they are, as in Tekton. */
export function substituteText(text: string, lookup: Lookup): string {
  let length = 0;
  return text.replaceAll(REFERENCE, (whole, inner: string) => {
    const value = scalar(parseReference(inner), lookup);
    length += value?.length ?? 0;
    if (length > MAX_VALUE_CHARS)
      throw new SubstitutionError(
        `a value grows beyond ${MAX_VALUE_CHARS} characters at ${whole.slice(0, 100)}`,
      );
    return value ?? whole;
  });
}

/** Replaces the references in a parameter's value: a whole `$(x[*])` becomes the list, also in the middle of one. */
export function substituteValue(value: TektonValue, lookup: Lookup): TektonValue {
  if (typeof value === "string") return wholeValue(value, lookup) ?? substituteText(value, lookup);
  if (Array.isArray(value)) {
    return value.flatMap((item) => {
      const whole = wholeValue(item, lookup);
      return Array.isArray(whole) ? whole : [substituteText(item, lookup)];
    });
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, substituteText(item, lookup)]));
}

/** Replaces the references in every string of a JSON value; lists of strings take `$(x[*])` apart. */
export function substituteDeep<T>(value: T, lookup: Lookup): T;
export function substituteDeep(value: unknown, lookup: Lookup): unknown {
  if (typeof value === "string") return wholeValue(value, lookup) ?? substituteText(value, lookup);
  if (Array.isArray(value)) {
    return value.flatMap((item: unknown): unknown[] => {
      const whole = typeof item === "string" ? wholeValue(item, lookup) : undefined;
      return Array.isArray(whole) ? whole : [substituteDeep(item, lookup)];
    });
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, substituteDeep(item, lookup)]));
}

/** The list or map that a text of one whole reference stands for; undefined when it stands for text. */
function wholeValue(text: string, lookup: Lookup): string[] | Record<string, string> | undefined {
  const inner = WHOLE_REFERENCE.exec(text)?.[1];
  if (inner === undefined) return undefined;
  const reference = parseReference(inner);
  if (reference.index !== undefined) return undefined;
  const value = lookup(reference.name);
  return value === undefined || typeof value === "string" ? undefined : value;
}

function scalar(reference: VariableReference, lookup: Lookup): string | undefined {
  const value = lookup(reference.name);
  if (value === undefined) return property(reference, lookup);
  if (typeof value === "string") return value;
  return Array.isArray(value) && reference.index !== undefined ? value[reference.index] : undefined;
}

/** `params.object.key`: the last part is the key of a map. */
function property({ name }: VariableReference, lookup: Lookup): string | undefined {
  const dot = name.lastIndexOf(".");
  const owner = dot < 0 ? undefined : lookup(name.slice(0, dot));
  return typeof owner === "object" && !Array.isArray(owner) ? owner[name.slice(dot + 1)] : undefined;
}
