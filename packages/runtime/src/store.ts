import { type KubernetesObject, type ObjectKey, formatKey, keyOf } from "@ai-edge/apimachinery";
import type { IndexFunction, Store } from "./types.ts";

/** The objects of one resource by key, with a namespace index and any number of named ones. */
export class ObjectStore<T extends KubernetesObject> implements Store<T> {
  readonly #objects = new Map<string, T>();
  readonly #namespaces = new Map<string, Set<string>>();
  readonly #indexes = new Map<string, Index<T>>();

  get size(): number {
    return this.#objects.size;
  }

  get(key: ObjectKey): T | undefined {
    return this.#objects.get(formatKey(key));
  }

  list(filter: { namespace?: string | undefined; labels?: Record<string, string> | undefined } = {}): T[] {
    const { namespace, labels } = filter;
    const candidates = namespace === undefined ? [...this.#objects.values()] : this.#inNamespace(namespace);
    if (labels === undefined) return candidates;
    const wanted = Object.entries(labels);
    return candidates.filter(({ metadata }) =>
      wanted.every(([name, value]) => metadata.labels?.[name] === value),
    );
  }

  byIndex(index: string, value: string): T[] {
    const found = this.#indexes.get(index);
    if (found === undefined) throw new TypeError(`index "${index}" was not declared with the informer`);
    return this.#resolve(found.keys.get(value));
  }

  /** True if the index exists with this very function, or not at all: then it can be added. */
  accepts(name: string, of: IndexFunction<T>): boolean {
    const existing = this.#indexes.get(name);
    return existing === undefined || existing.of === of;
  }

  addIndex(name: string, of: IndexFunction<T>): void {
    if (this.#indexes.has(name)) return;
    const index: Index<T> = { of, keys: new Map() };
    this.#indexes.set(name, index);
    for (const [key, object] of this.#objects) addTo(index, key, object);
  }

  /** @returns what the key held before */
  set(object: T): T | undefined {
    const key = formatKey(keyOf(object));
    const old = this.#objects.get(key);
    if (old !== undefined) this.#unindex(key, old);
    this.#objects.set(key, object);
    const namespace = object.metadata.namespace ?? "";
    const keys = this.#namespaces.get(namespace) ?? new Set();
    this.#namespaces.set(namespace, keys.add(key));
    for (const index of this.#indexes.values()) addTo(index, key, object);
    return old;
  }

  /** @returns what the key held before */
  delete(key: ObjectKey): T | undefined {
    const text = formatKey(key);
    const old = this.#objects.get(text);
    if (old === undefined) return undefined;
    this.#unindex(text, old);
    this.#objects.delete(text);
    const namespace = old.metadata.namespace ?? "";
    const keys = this.#namespaces.get(namespace);
    keys?.delete(text);
    if (keys?.size === 0) this.#namespaces.delete(namespace);
    return old;
  }

  #inNamespace(namespace: string): T[] {
    return this.#resolve(this.#namespaces.get(namespace));
  }

  #resolve(keys: Iterable<string> | undefined): T[] {
    const objects: T[] = [];
    for (const key of keys ?? []) {
      const object = this.#objects.get(key);
      if (object !== undefined) objects.push(object);
    }
    return objects;
  }

  #unindex(key: string, object: T): void {
    for (const index of this.#indexes.values()) {
      for (const value of index.of(object)) {
        const keys = index.keys.get(value);
        keys?.delete(key);
        if (keys?.size === 0) index.keys.delete(value);
      }
    }
  }
}

interface Index<T extends KubernetesObject> {
  of: IndexFunction<T>;
  keys: Map<string, Set<string>>;
}

function addTo<T extends KubernetesObject>(index: Index<T>, key: string, object: T): void {
  for (const value of index.of(object)) {
    const keys = index.keys.get(value) ?? new Set();
    index.keys.set(value, keys.add(key));
  }
}
