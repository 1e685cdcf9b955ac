import { applyFieldSpec } from "./field-spec.ts";
import type { FieldSpec } from "./field-spec.ts";
import { lookUp, splitFieldPath } from "./field-path.ts";
import type { ResourceId } from "./gvk.ts";
import { formatGvk, gvkOf, idsEqual, isClusterScoped } from "./gvk.ts";
import type { VarArgs } from "./kustomization.ts";
import type { ResourceMap } from "./resource-map.ts";
import type { Resource } from "./resource.ts";
import type { Value } from "./value.ts";
import { isMap, isScalar } from "./value.ts";

const DEFAULT_FIELD = "metadata.name";

/** The vars of a kustomization and its bases, each with the object that it was found on. */
export class VarSet {
  readonly #vars = new Map<string, { readonly args: VarArgs; readonly resource: Resource | undefined }>();

  get isEmpty(): boolean {
    return this.#vars.size === 0;
  }

  /** Adds the vars of one kustomization. @throws Error for a name twice or an object that is not unique */
  add(vars: readonly VarArgs[], map: ResourceMap): void {
    for (const args of vars) {
      const name = args.name ?? "";
      this.#claim(name);
      this.#vars.set(name, { args, resource: findObject(args, map) });
    }
  }

  /** Takes over the vars of a base. @throws Error for a name twice */
  absorb(other: VarSet): void {
    for (const [name, entry] of other.#vars) {
      this.#claim(name);
      this.#vars.set(name, entry);
    }
  }

  #claim(name: string): void {
    if (name === "") throw new Error("var with empty name");
    if (this.#vars.has(name)) throw new Error(`var '${name}' already encountered`);
  }

  /** The values. @throws Error for a var whose object or field is missing */
  values(): ReadonlyMap<string, Value> {
    const values = new Map<string, Value>();
    for (const [name, { args, resource }] of this.#vars) {
      const path = args.fieldref?.fieldPath || DEFAULT_FIELD;
      const value =
        resource === undefined
          ? undefined
          : lookUp(resource.value, splitFieldPath(path.replace(/\[(\d+)\]/g, ".$1")));
      if (value === undefined) {
        throw new Error(
          `var '{${name} ${describeObject(args)} {${path}}}' cannot be mapped to a field in the set of known resources`,
        );
      }
      values.set(name, value);
    }
    return values;
  }
}

function describeObject(args: VarArgs): string {
  const { apiVersion = "", kind = "", name = "" } = args.objref ?? {};
  return `${formatGvk(gvkOf(apiVersion, kind))} ${name}`;
}

function findObject(args: VarArgs, map: ResourceMap): Resource | undefined {
  const reference = args.objref ?? {};
  const gvk = reference.apiVersion
    ? gvkOf(reference.apiVersion, reference.kind ?? "")
    : { group: reference.group ?? "", version: reference.version ?? "", kind: reference.kind ?? "" };
  const wanted: ResourceId = { ...gvk, name: reference.name ?? "", namespace: reference.namespace ?? "" };
  const anyNamespace = wanted.namespace === "" && !isClusterScoped(wanted);
  const matches = map.resources.filter((resource) =>
    resource.allIds.some((id) => idsEqual(anyNamespace ? { ...id, namespace: "" } : id, wanted)),
  );
  if (matches.length > 1) {
    throw new Error(
      `found ${matches.length} resId matches for var ${args.name ?? ""} (unable to disambiguate)`,
    );
  }
  return matches[0];
}

/** Replaces `$(NAME)` in every field that may have references. @returns the vars that were in none, sorted */
export function replaceVars(
  map: ResourceMap,
  values: ReadonlyMap<string, Value>,
  specs: readonly FieldSpec[],
): string[] {
  const unused = new Set(values.keys());
  const find = (name: string): Value | undefined => {
    const value = values.get(name);
    if (value !== undefined) unused.delete(name);
    return value;
  };
  const set = (value: Value): Value => {
    if (typeof value === "string") return expandVars(value, find);
    if (Array.isArray(value))
      return value.map((element) => (typeof element === "string" ? set(element) : element));
    if (isMap(value)) {
      for (const key of Object.keys(value)) {
        const element = value[key] ?? null;
        if (typeof element === "string") value[key] = set(element);
      }
    }
    return value;
  };
  for (const resource of map.resources) {
    for (const spec of specs) applyFieldSpec(resource.value, resource.gvk, spec, set, undefined);
    resource.changed();
  }
  return [...unused].toSorted();
}

/**
 * Expands `$(NAME)` as Kubernetes does in `command`: `$$` stands for one dollar sign, unknown names stay. A text that
 * is one reference and nothing else becomes the value itself, a number for instance.
 */
function expandVars(text: string, find: (name: string) => Value | undefined): Value {
  const whole = /^\$\(([^()]+)\)$/.exec(text)?.[1];
  const value = whole === undefined ? undefined : find(whole);
  if (value !== undefined && isScalar(value)) return value;
  return text.replace(/\$(\$|\(([^)]*)\))/g, (match, after: string, name: string | undefined) => {
    if (after === "$") return "$";
    const found = name === undefined ? undefined : find(name);
    return found === undefined || !isScalar(found) ? match : String(found);
  });
}
