import type { OwnerReference } from "@ai-edge/apimachinery";
import type { StorageKey } from "../storage/event.ts";
import { pathOf } from "../storage/object-table.ts";
import type { StoredObject } from "../storage/stored-object.ts";

/** Tells without parsing whether an object can have owners. */
const MARK = '"ownerReferences":[{';

/** Who depends on whom, by the owners' uid. */
export class DependentIndex {
  readonly #byOwner = new Map<string, Map<string, StorageKey>>();

  /** Takes a change of an object into account. */
  update(key: StorageKey, previous: StoredObject | undefined, next: StoredObject | undefined): void {
    const path = `${key.resource}/${pathOf(key)}`;
    for (const { uid } of ownersOf(previous)) {
      const dependents = this.#byOwner.get(uid);
      dependents?.delete(path);
      if (dependents?.size === 0) this.#byOwner.delete(uid);
    }
    for (const { uid } of ownersOf(next)) {
      const dependents = this.#byOwner.get(uid) ?? new Map<string, StorageKey>();
      dependents.set(path, { resource: key.resource, namespace: key.namespace, name: key.name });
      this.#byOwner.set(uid, dependents);
    }
  }

  /** The objects that name this uid as an owner. */
  of(uid: string): StorageKey[] {
    return [...(this.#byOwner.get(uid)?.values() ?? [])];
  }
}

/** The owner references of an object. */
export function ownersOf(stored: StoredObject | undefined): readonly OwnerReference[] {
  if (stored === undefined || !stored.text.includes(MARK)) return [];
  return stored.object.metadata.ownerReferences ?? [];
}
