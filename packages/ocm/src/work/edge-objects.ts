/** Live copies of the objects that works are about, fed by watches, and who wants to know of their changes. */
import { type ObjectKey, type ResourceType, type UnstructuredObject, keyOf } from "@ai-edge/apimachinery";
import type { Informer, Manager } from "@ai-edge/runtime";
import { idOf } from "./manifest.ts";

/** A first list that takes longer than this is a fault of the cluster's API to report, not to wait for. */
const SYNC_TIMEOUT_MS = 10_000;

export interface EdgeObjects {
  /** The object as last seen; waits for the first list of its kind. */
  get(type: ResourceType<UnstructuredObject>, key: ObjectKey): Promise<UnstructuredObject | undefined>;
  /** From now on changes of these objects make a work due; replaces what it followed before. */
  follow(work: string, objects: readonly { type: ResourceType<UnstructuredObject>; key: ObjectKey }[]): void;
}

/**
 * One watch per resource and namespace, or per object for cluster-scoped kinds. A watch stays until the process ends:
 * a site's works name few kinds and namespaces.
 */
export function edgeObjects(manager: Manager, changed: (work: string) => void): EdgeObjects {
  const informers = new Map<string, Informer<UnstructuredObject>>();
  const followers = new Map<string, Set<string>>();
  const followed = new Map<string, string[]>();

  function informerFor(type: ResourceType<UnstructuredObject>, key: ObjectKey): Informer<UnstructuredObject> {
    const options = type.namespaced
      ? { namespace: key.namespace }
      : { fieldSelector: `metadata.name=${key.name}` };
    const id = JSON.stringify([type.group, type.version, type.plural, options]);
    const existing = informers.get(id);
    if (existing !== undefined) return existing;
    const informer = manager.informer(type, options);
    informers.set(id, informer);
    informer.onEvent(({ object }) => {
      for (const work of followers.get(objectId(type, keyOf(object))) ?? []) changed(work);
    });
    return informer;
  }

  return {
    get: async (type, key) => {
      const informer = informerFor(type, key);
      await withTimeout(informer.synced, `the first list of ${type.plural} at this cluster`);
      return informer.store.get(key);
    },
    follow: (work, objects) => {
      for (const id of followed.get(work) ?? []) followers.get(id)?.delete(work);
      const ids = objects.map(({ type, key }) => objectId(type, key));
      for (const id of ids) followers.set(id, (followers.get(id) ?? new Set()).add(work));
      if (ids.length === 0) followed.delete(work);
      else followed.set(work, ids);
    },
  };
}

function objectId(type: ResourceType, key: ObjectKey): string {
  return idOf({ group: type.group, resource: type.plural, ...key });
}

async function withTimeout(promise: Promise<void>, what: string): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${what} took longer than ${SYNC_TIMEOUT_MS / 1000} s`)),
      SYNC_TIMEOUT_MS,
    );
  });
  try {
    await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
