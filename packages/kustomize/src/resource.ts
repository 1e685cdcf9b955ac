import type { Gvk, ResourceId } from "./gvk.ts";
import { apiVersionOf, gvkOf } from "./gvk.ts";
import type { Origin } from "./origin.ts";
import type { Value, ValueMap } from "./value.ts";
import { cloneMap, ensureMap, getIn, isMap, scalarText } from "./value.ts";

export type GeneratorBehavior = "unspecified" | "create" | "merge" | "replace";

/** A manifest on its way through the build, with the history that name references need. */
export class Resource {
  value: ValueMap;
  /** Identities that the resource had before, the original one first. */
  previousIds: ResourceId[] = [];
  namePrefixes: string[] = [];
  nameSuffixes: string[] = [];
  /** Set by generators: the name gets a content hash at the end of the build. */
  needsHash = false;
  behavior: GeneratorBehavior = "unspecified";
  origin: Origin | undefined;
  transformations: Origin[] = [];
  nameChangeAllowed = false;
  kindChangeAllowed = false;
  #id: ResourceId | undefined;

  constructor(value: ValueMap) {
    this.value = value;
  }

  /** The id as of now. Call {@link changed} after editing name, namespace, kind or apiVersion in `value` directly. */
  get id(): ResourceId {
    this.#id ??= { ...this.gvk, name: this.name, namespace: this.namespace };
    return this.#id;
  }

  /** The id that the resource was loaded with. */
  get originalId(): ResourceId {
    return this.previousIds[0] ?? this.id;
  }

  /** Every id that ever was, the present one last. */
  get allIds(): ResourceId[] {
    return [...this.previousIds, this.id];
  }

  get gvk(): Gvk {
    return gvkOf(scalarText(this.value.apiVersion), this.kind);
  }

  get kind(): string {
    return scalarText(this.value.kind);
  }

  get name(): string {
    return scalarText(getIn(this.value.metadata, "name"));
  }

  get namespace(): string {
    return scalarText(getIn(this.value.metadata, "namespace"));
  }

  /** Labels; values that are not text are left as they are written. */
  get labels(): Record<string, string> {
    return this.#texts("labels");
  }

  get annotations(): Record<string, string> {
    return this.#texts("annotations");
  }

  /** True once a patch deleted everything. */
  get isEmpty(): boolean {
    return Object.keys(this.value).length === 0;
  }

  /** Forgets the cached id. */
  changed(): void {
    this.#id = undefined;
  }

  setName(name: string): void {
    ensureMap(this.value, "metadata").name = name;
    this.changed();
  }

  /** Sets the namespace; "" removes it. */
  setNamespace(namespace: string): void {
    if (namespace === "") {
      const metadata = this.value.metadata;
      if (isMap(metadata)) delete metadata.namespace;
    } else {
      ensureMap(this.value, "metadata").namespace = namespace;
    }
    this.changed();
  }

  setGvk(gvk: Gvk): void {
    this.value.apiVersion = apiVersionOf(gvk);
    this.value.kind = gvk.kind;
    this.changed();
  }

  setKind(kind: string): void {
    this.value.kind = kind;
    this.changed();
  }

  /** Adds the present id to the history, before a change of name, namespace or kind. */
  rememberId(): void {
    this.previousIds.push(this.id);
  }

  addNamePrefix(prefix: string): void {
    if (prefix !== "") this.namePrefixes.push(prefix);
  }

  addNameSuffix(suffix: string): void {
    if (suffix !== "") this.nameSuffixes.push(suffix);
  }

  /** Adds annotations, over present ones. */
  annotate(annotations: Readonly<Record<string, string>>): void {
    const target = ensureMap(ensureMap(this.value, "metadata"), "annotations");
    for (const key of Object.keys(annotations)) target[key] = annotations[key] ?? "";
  }

  /** A copy that shares nothing. */
  clone(): Resource {
    const copy = new Resource(cloneMap(this.value));
    copy.copyHistory(this);
    return copy;
  }

  /** Takes over everything but the content, as a generator with behavior `replace` or `merge` does. */
  copyHistory(other: Resource): void {
    this.previousIds = [...other.previousIds];
    this.namePrefixes = [...other.namePrefixes];
    this.nameSuffixes = [...other.nameSuffixes];
    this.needsHash = other.needsHash;
    this.behavior = other.behavior;
    this.origin = other.origin;
    this.transformations = [...other.transformations];
  }

  #texts(field: string): Record<string, string> {
    const map: Value | undefined = getIn(this.value.metadata, field);
    const texts: Record<string, string> = Object.create(null);
    if (isMap(map)) for (const key of Object.keys(map)) texts[key] = scalarText(map[key]);
    return texts;
  }
}
