import type { StorageKey } from "./event.ts";
import type { StoredObject } from "./stored-object.ts";

/** Sorts after every character that a namespace may contain. */
const AFTER_SLASH = "0";

/** Every current object in memory, ordered by namespace and name within a resource. */
export class ObjectTable {
  readonly #resources = new Map<string, ResourceTable>();

  get(key: StorageKey): StoredObject | undefined {
    return this.#resources.get(key.resource)?.objects.get(pathOf(key));
  }

  /** Puts, or deletes if `object` is undefined; returns what was there. */
  set(key: StorageKey, object: StoredObject | undefined): StoredObject | undefined {
    let table = this.#resources.get(key.resource);
    if (table === undefined) {
      table = { objects: new Map(), sorted: [] };
      this.#resources.set(key.resource, table);
    }
    const path = pathOf(key);
    const previous = table.objects.get(path);
    if ((previous === undefined) !== (object === undefined)) table.sorted = undefined;
    if (object === undefined) table.objects.delete(path);
    else table.objects.set(path, object);
    return previous;
  }

  /** The objects of a resource in order. @param namespace undefined for all */
  list(resource: string, namespace: string | undefined): StoredObject[] {
    const table = this.#resources.get(resource);
    if (table === undefined) return [];
    table.sorted ??= [...table.objects.keys()].toSorted(comparePaths);
    const { sorted, objects } = table;
    const [from, to] =
      namespace === undefined
        ? [0, sorted.length]
        : [lowerBound(sorted, `${namespace}/`), lowerBound(sorted, namespace + AFTER_SLASH)];
    const result: StoredObject[] = [];
    for (let index = from; index < to; index += 1) {
      const object = objects.get(sorted[index] ?? "");
      if (object !== undefined) result.push(object);
    }
    return result;
  }

  resources(): string[] {
    return [...this.#resources].filter(([, table]) => table.objects.size > 0).map(([resource]) => resource);
  }

  count(resource: string): number {
    return this.#resources.get(resource)?.objects.size ?? 0;
  }
}

interface ResourceTable {
  objects: Map<string, StoredObject>;
  /** Undefined after an insertion or deletion, until the next list. */
  sorted: string[] | undefined;
}

/** The order of lists and of continue tokens. */
export function pathOf(key: { namespace: string; name: string }): string {
  return `${key.namespace}/${key.name}`;
}

export function comparePaths(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function lowerBound(sorted: readonly string[], path: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? "") < path) low = middle + 1;
    else high = middle;
  }
  return low;
}
