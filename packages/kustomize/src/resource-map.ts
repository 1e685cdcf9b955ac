import type { ResourceId } from "./gvk.ts";
import { formatId, idKey, idsEqual } from "./gvk.ts";
import type { Resource } from "./resource.ts";
import { mergeGenerated } from "./generator-merge.ts";

/** The resources of a build, in order, each id at most once. */
export class ResourceMap {
  #resources: Resource[] = [];

  constructor(resources: readonly Resource[] = []) {
    this.#resources = [...resources];
  }

  get resources(): readonly Resource[] {
    return this.#resources;
  }

  /** Replaces the content, for transformers that reorder or drop. */
  replaceAll(resources: readonly Resource[]): void {
    this.#resources = [...resources];
  }

  /** Adds resources with new ids. @throws Error when an id is taken */
  append(resources: readonly Resource[]): void {
    const taken = new Set(this.#resources.map((resource) => idKey(resource.id)));
    for (const resource of resources) {
      const key = idKey(resource.id);
      if (taken.has(key)) {
        throw new Error(`may not add resource with an already registered id: ${formatId(resource.id)}`);
      }
      taken.add(key);
      this.#resources.push(resource);
    }
  }

  /** Resources whose present id is this. */
  byCurrentId(id: ResourceId): Resource[] {
    return this.#resources.filter((resource) => idsEqual(resource.id, id));
  }

  /** Resources that have or had this id. */
  byAnyId(id: ResourceId): Resource[] {
    return this.#resources.filter(
      (resource) =>
        idsEqual(resource.id, id) || resource.previousIds.some((previous) => idsEqual(previous, id)),
    );
  }

  /** Adds what generators made: new ones are appended, `merge` and `replace` change the one with that id. */
  absorb(generated: readonly Resource[]): void {
    for (const resource of generated) {
      const matches = this.byAnyId(resource.id);
      const [match] = matches;
      if (matches.length > 1) {
        throw new Error(
          `multiple matches for ${formatId(resource.id)}: ${matches.map((found) => formatId(found.id)).join(", ")}`,
        );
      }
      if (match === undefined) {
        if (resource.behavior === "merge" || resource.behavior === "replace") {
          throw new Error(`id ${formatId(resource.id)} does not exist; cannot merge or replace`);
        }
        this.append([resource]);
      } else {
        mergeGenerated(match, resource);
      }
    }
  }
}
