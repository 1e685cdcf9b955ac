import type { TektonParam, TektonParamSpec, TektonValue, TektonValueType } from "@ai-edge/api";
import { SubstitutionError, referencesIn, substituteValue } from "./substitution.ts";
import type { Lookup } from "./substitution.ts";

/** Why the parameters of a run do not fit; `reason` is Tekton's condition reason. */
export class ParamError extends Error {
  override readonly name = "ParamError";
  readonly reason: "ParameterMissing" | "ParameterTypeMismatch" | "InvalidParamValue";

  constructor(reason: ParamError["reason"], message: string) {
    super(message);
    this.reason = reason;
  }
}

/** The type of a declared parameter: said, or that of its default, or string. */
function typeOf(spec: TektonParamSpec): TektonValueType {
  return spec.type ?? (spec.default === undefined ? "string" : typeOfValue(spec.default));
}

function typeOfValue(value: TektonValue): TektonValueType {
  if (typeof value === "string") return "string";
  return Array.isArray(value) ? "array" : "object";
}

/**
 * The values of all declared parameters: given ones before defaults, with every reference between them resolved
 * whatever the order (upstream resolves nested references only by reconciling twice; the outcome is the same).
 * Parameters that nobody declared are ignored, as Tekton ignores them.
 * @param context the other variables, e.g. `context.pipelineRun.name`
 * @throws ParamError for missing ones, wrong types, values outside `enum`, and circles
 */
export function resolveParams(
  specs: readonly TektonParamSpec[],
  given: readonly TektonParam[],
  context: Lookup,
): Map<string, TektonValue> {
  const provided = new Map(given.map((param) => [param.name, param.value]));
  const missing = specs
    .filter((spec) => !provided.has(spec.name) && spec.default === undefined)
    .map((spec) => spec.name);
  if (missing.length > 0)
    throw new ParamError("ParameterMissing", `missing parameters: [${missing.join(" ")}]`);
  const mismatched = specs.filter((spec) => {
    const value = provided.get(spec.name);
    return value !== undefined && typeOfValue(value) !== typeOf(spec) && !isWholeReference(value);
  });
  if (mismatched.length > 0) {
    const names = mismatched.map((spec) => `${spec.name} (want ${typeOf(spec)})`);
    throw new ParamError("ParameterTypeMismatch", `parameters have the wrong type: ${names.join(", ")}`);
  }
  const resolved = resolveAll(specs, provided, context);
  for (const spec of specs) requireEnum(spec, resolved.get(spec.name));
  return resolved;
}

/** A lookup of `params.<name>` (and Tekton's old `inputs.params.<name>`). */
export function paramLookup(params: ReadonlyMap<string, TektonValue>): Lookup {
  return (name) => {
    const key = /^(?:inputs\.)?params\.(.+)$/.exec(name)?.[1];
    return key === undefined ? undefined : params.get(key);
  };
}

function resolveAll(
  specs: readonly TektonParamSpec[],
  provided: ReadonlyMap<string, TektonValue>,
  context: Lookup,
): Map<string, TektonValue> {
  const declared = new Map(specs.map((spec) => [spec.name, provided.get(spec.name) ?? spec.default ?? ""]));
  const resolved = new Map<string, TektonValue>();
  const path: string[] = [];
  const visit = (name: string): TektonValue | undefined => {
    const done = resolved.get(name);
    const raw = declared.get(name);
    if (done !== undefined || raw === undefined) return done;
    if (path.includes(name)) {
      throw new ParamError(
        "InvalidParamValue",
        `parameters refer to each other in a circle: ${[...path, name].join(" -> ")}`,
      );
    }
    path.push(name);
    const value = substituteValue(raw, (variable) => {
      const key = /^(?:inputs\.)?params\.(.+)$/.exec(variable)?.[1];
      return key === undefined ? context(variable) : visit(key);
    });
    path.pop();
    resolved.set(name, value);
    return value;
  };
  try {
    for (const spec of specs) visit(spec.name);
  } catch (error) {
    if (error instanceof SubstitutionError) throw new ParamError("InvalidParamValue", error.message);
    throw error;
  }
  return resolved;
}

function requireEnum(spec: TektonParamSpec, value: TektonValue | undefined): void {
  if (
    spec.enum === undefined ||
    value === undefined ||
    typeof value !== "string" ||
    spec.enum.includes(value)
  )
    return;
  throw new ParamError(
    "InvalidParamValue",
    `parameter ${spec.name} is ${JSON.stringify(value)}: it must be one of ${spec.enum.join(", ")}`,
  );
}

/** `$(params.list[*])` is text until it is replaced by the list. */
function isWholeReference(value: TektonValue): boolean {
  return typeof value === "string" && /^\$\([^()]+\)$/.test(value) && referencesIn(value).length === 1;
}
