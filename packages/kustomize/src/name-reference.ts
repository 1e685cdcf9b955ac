import { applyFieldSpec, splitPath } from "./field-spec.ts";
import type { FieldSpec } from "./field-spec.ts";
import type { Gvk } from "./gvk.ts";
import { effectiveNamespace, formatId, gvkOf, isClusterScoped, isSelectedBy } from "./gvk.ts";
import type { ResourceMap } from "./resource-map.ts";
import type { Resource } from "./resource.ts";
import type { NameReference } from "./name-reference-fields.ts";
import type { Value, ValueMap } from "./value.ts";
import { getIn, isMap, scalarText } from "./value.ts";

/** Lets every field that names an object by a name of old name it by the present one. */
export function fixNameReferences(map: ResourceMap, references: readonly NameReference[]): void {
  const index = new CandidateIndex(map.resources);
  for (const resource of map.resources) if (resource.kind === "RoleBinding") subjectNamespaces(resource);
  if (index.size === 0) return;
  const specsByKind = new Map<string, FieldSpec[]>();
  for (const reference of references) {
    for (const resource of map.resources) {
      for (const spec of specsFor(reference, resource, specsByKind)) {
        new Referrer(resource, reference, spec, index).fix();
      }
    }
  }
}

function specsFor(
  reference: NameReference,
  resource: Resource,
  _cache: Map<string, FieldSpec[]>,
): FieldSpec[] {
  const original = resource.originalId;
  return reference.fieldSpecs.filter((spec) => isSelectedBy(original, spec));
}

/** Renamed resources, by every name that they had. */
class CandidateIndex {
  readonly #byName = new Map<string, Resource[]>();

  constructor(resources: readonly Resource[]) {
    for (const resource of resources) {
      for (const name of new Set(resource.previousIds.map((id) => id.name))) {
        const present = this.#byName.get(name);
        if (present === undefined) this.#byName.set(name, [resource]);
        else present.push(resource);
      }
    }
  }

  get size(): number {
    return this.#byName.size;
  }

  named(name: string): readonly Resource[] {
    return this.#byName.get(name) ?? [];
  }
}

class Referrer {
  readonly #resource: Resource;
  readonly #target: NameReference;
  readonly #spec: FieldSpec;
  readonly #index: CandidateIndex;

  constructor(resource: Resource, target: NameReference, spec: FieldSpec, index: CandidateIndex) {
    this.#resource = resource;
    this.#target = target;
    this.#spec = spec;
    this.#index = index;
  }

  fix(): void {
    try {
      const spec = { path: this.#spec.path };
      applyFieldSpec(this.#resource.value, this.#resource.gvk, spec, (value) => this.#set(value), undefined);
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      throw new Error(
        `updating name reference in '${this.#spec.path}' field of '${formatId(this.#resource.id)}': ${cause}`,
        { cause: error },
      );
    }
  }

  #set(value: Value): Value {
    if (value === null) return value;
    if (Array.isArray(value)) return value.map((element) => this.#set(element));
    return isMap(value) ? this.#setMap(value) : this.#setScalar(value);
  }

  #setScalar(value: Value): Value {
    const referral = this.#select(scalarText(value), undefined);
    return referral === undefined || referral.name === value ? value : referral.name;
  }

  /** A reference by name and perhaps namespace: a subject of a role binding, the service of a webhook. */
  #setMap(map: ValueMap): Value {
    const name = map.name;
    if (name === undefined || name === null) throw new Error("path config error; no 'name' field in node");
    const namespace = scalarText(map.namespace);
    const referral = this.#select(scalarText(name), namespace === "" ? undefined : namespace, true);
    if (referral === undefined) return map;
    map.name = referral.name;
    if (referral.namespace !== "") map.namespace = referral.namespace;
    return map;
  }

  #select(oldName: string, namespace: string | undefined, withNamespace = false): Resource | undefined {
    let candidates = this.#index.named(oldName).filter((candidate) => this.#mayBeReferred(candidate));
    if (namespace !== undefined) candidates = inNamespace(candidates, namespace);
    const keep = (predicate: (candidate: Resource) => boolean): void => {
      candidates = candidates.filter(predicate);
    };
    keep(
      (candidate) =>
        candidate.previousIds.some((id) => id.name === oldName && true) &&
        candidate.previousIds.some((id) => isSelectedBy(id, this.#target)),
    );
    const roleRef = this.#roleRef();
    if (roleRef !== undefined)
      keep((candidate) => candidate.previousIds.some((id) => isSelectedBy(id, roleRef)));
    keep((candidate) => this.#sameNamespace(candidate));
    if (candidates.length > 1) keep((candidate) => affixesEqual(this.#resource, candidate, true));
    if (candidates.length > 1) keep((candidate) => affixesEqual(this.#resource, candidate, false));
    const [first] = candidates;
    if (first === undefined) return undefined;
    const same = candidates.every(
      (candidate) =>
        candidate.name === first.name && (!withNamespace || candidate.namespace === first.namespace),
    );
    if (same) return first;
    throw new Error(
      `found multiple possible referrals: ${candidates.map((candidate) => formatId(candidate.id)).join(", ")}`,
    );
  }

  #roleRef(): Partial<Gvk> | undefined {
    const path = splitPath(this.#spec.path);
    if (path.at(-2) !== "roleRef" || path.at(-1) !== "name") return undefined;
    const roleRef = this.#resource.value.roleRef;
    const apiGroup = scalarText(getIn(roleRef, "apiGroup"));
    return { ...gvkOf("", scalarText(getIn(roleRef, "kind"))), group: apiGroup, version: "" };
  }

  /** Objects in another namespace cannot be named, save through the subjects of a role binding. */
  #mayBeReferred(candidate: Resource): boolean {
    const referrer = this.#resource.id;
    const id = candidate.id;
    if (isClusterScoped(referrer) || isClusterScoped(id)) return true;
    if (effectiveNamespace(id) === effectiveNamespace(referrer)) return true;
    return (
      this.#resource.kind === "RoleBinding" && subjectNamespaces(this.#resource).has(candidate.namespace)
    );
  }

  #sameNamespace(candidate: Resource): boolean {
    const referrer = this.#resource.id;
    if (isClusterScoped(referrer) || isClusterScoped(candidate.id)) return true;
    if (candidate.kind === "ServiceAccount") return true;
    return effectiveNamespace(candidate.id) === effectiveNamespace(referrer);
  }
}

function inNamespace(candidates: readonly Resource[], namespace: string): Resource[] {
  const current = candidates.filter((candidate) => effectiveNamespace(candidate.id) === namespace);
  if (current.length > 0) return current;
  return candidates.filter((candidate) => effectiveNamespace(candidate.originalId) === namespace);
}

function subjectNamespaces(binding: Resource): Set<string> {
  const { subjects } = binding.value;
  const namespaces = new Set<string>();
  for (const subject of Array.isArray(subjects) ? subjects : []) {
    if (scalarText(getIn(subject, "kind")) !== "ServiceAccount") continue;
    const namespace = getIn(subject, "namespace");
    if (namespace === undefined) continue;
    if (namespace === null || namespace === "") {
      throw new Error(
        `Invalid Input: namespace is blank for resource ${JSON.stringify(formatId(binding.id))}`,
      );
    }
    namespaces.add(scalarText(namespace));
  }
  return namespaces;
}

/** @param allowEmpty a side without affixes agrees with any */
function affixesEqual(left: Resource, right: Resource, allowEmpty: boolean): boolean {
  const same = (a: readonly string[], b: readonly string[]): boolean => {
    if (allowEmpty && (a.length === 0 || b.length === 0)) return true;
    const length = Math.min(a.length, b.length);
    if (length === 0) return a.length === b.length;
    return a.slice(a.length - length).every((text, index) => text === b[b.length - length + index]);
  };
  return same(left.namePrefixes, right.namePrefixes) && same(left.nameSuffixes, right.nameSuffixes);
}
