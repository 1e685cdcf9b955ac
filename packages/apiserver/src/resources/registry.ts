import { groupResource } from "@ai-edge/apimachinery";
import type { Resource } from "./resource.ts";

/** Every resource that is served now: built-in ones, and those of CustomResourceDefinitions as they come and go. */
export class ResourceRegistry {
  readonly #resources = new Map<string, Resource>();
  #generation = 0;

  constructor(builtIn: Iterable<Resource>) {
    for (const resource of builtIn) this.#resources.set(keyOfType(resource.type), resource);
  }

  /** Grows with every change; discovery documents are cached by it. */
  get generation(): number {
    return this.#generation;
  }

  find(group: string, version: string, plural: string): Resource | undefined {
    return this.#resources.get(keyOfType({ group, version, plural }));
  }

  findKind(group: string, version: string, kind: string): Resource | undefined {
    return this.all().find(
      ({ type }) => type.group === group && type.version === version && type.kind === kind,
    );
  }

  /** The first served version of a group resource. */
  findGroupResource(group: string, plural: string): Resource | undefined {
    return this.all().find(({ type }) => type.group === group && type.plural === plural);
  }

  /** Any served version of the resource under this storage name. */
  findStorage(storage: string): Resource | undefined {
    return this.all().find((resource) => resource.storage === storage);
  }

  all(): Resource[] {
    return [...this.#resources.values()];
  }

  /** Replaces all versions of one group resource; an empty list removes it. */
  replace(group: string, plural: string, versions: readonly Resource[]): void {
    const storage = groupResource({ group, plural });
    for (const [key, { type }] of this.#resources) {
      if (groupResource(type) === storage) this.#resources.delete(key);
    }
    for (const resource of versions) this.#resources.set(keyOfType(resource.type), resource);
    this.#generation += 1;
  }
}

function keyOfType(type: { group: string; version: string; plural: string }): string {
  return `${type.group}/${type.version}/${type.plural}`;
}
