import type { UnstructuredObject } from "@ai-edge/apimachinery";
import type { Logger } from "pino";
import { deleteObject } from "../objects/delete.ts";
import { type Environment, systemContext } from "../objects/environment.ts";
import { updateObject } from "../objects/update.ts";
import type { Resource } from "../resources/resource.ts";
import type { StorageEvent, StorageKey } from "../storage/event.ts";
import { pathOf } from "../storage/object-table.ts";
import type { Transaction } from "../storage/store.ts";
import { DependentIndex, ownersOf } from "./dependents.ts";
import { findOwner } from "./owners.ts";

const FOREGROUND = "foregroundDeletion";
const ORPHAN = "orphan";
/** Keys handled per transaction. */
const BATCH = 100;

/**
 * Deletes what lost its owners. Everything follows from what is stored: a restart loses nothing. A key is due when its
 * object, one of its owners or one of its dependents changed.
 */
export class GarbageCollector {
  readonly #environment: Environment;
  readonly #logger: Logger;
  readonly #dependents = new DependentIndex();
  readonly #due = new Map<string, StorageKey>();
  #running = false;

  constructor(environment: Environment, logger: Logger) {
    this.#environment = environment;
    this.#logger = logger;
  }

  /** Indexes what is stored, and follows changes from now on. */
  start(): void {
    const { store } = this.#environment;
    for (const resource of store.resources()) {
      for (const stored of store.list(resource)) {
        const isOwned = ownersOf(stored).length > 0;
        if (!isOwned && !stored.text.includes(FOREGROUND) && !stored.text.includes(ORPHAN)) continue;
        const { namespace = "", name } = stored.object.metadata;
        const key = { resource, namespace, name };
        this.#dependents.update(key, undefined, stored);
        this.#enqueue(key);
      }
    }
    store.subscribe((events) => {
      for (const event of events) this.#follow(event);
      this.#kick();
    });
    this.#kick();
  }

  #follow(event: StorageEvent): void {
    const isDeleted = event.type === "DELETED";
    const before = ownersOf(event.previous);
    const after = isDeleted ? [] : ownersOf(event.object);
    if (before.length > 0 || after.length > 0) {
      this.#dependents.update(event, event.previous, isDeleted ? undefined : event.object);
    }
    if (isDeleted) {
      for (const dependent of this.#dependents.of(event.object.object.metadata.uid ?? ""))
        this.#enqueue(dependent);
      // An owner that waits for its dependents may now be free.
      for (const reference of before) {
        const found = findOwner(this.#environment, reference, event.namespace);
        if (found.state === "present" && found.owner.object.metadata.deletionTimestamp !== undefined) {
          this.#enqueueObject(found.owner.object, reference.apiVersion, reference.kind);
        }
      }
      return;
    }
    const { deletionTimestamp, finalizers = [] } = event.object.object.metadata;
    const isWaiting =
      deletionTimestamp !== undefined && (finalizers.includes(FOREGROUND) || finalizers.includes(ORPHAN));
    if (after.length > 0 || isWaiting) this.#enqueue(event);
  }

  #enqueueObject(object: UnstructuredObject, apiVersion: string, kind: string): void {
    const group = apiVersion.includes("/") ? (apiVersion.split("/", 1)[0] ?? "") : "";
    const resource = this.#environment.registry
      .all()
      .find(({ type }) => type.group === group && type.kind === kind);
    if (resource === undefined) return;
    this.#enqueue({
      resource: resource.storage,
      namespace: object.metadata.namespace ?? "",
      name: object.metadata.name,
    });
  }

  #enqueue(key: StorageKey): void {
    this.#due.set(`${key.resource}/${pathOf(key)}`, {
      resource: key.resource,
      namespace: key.namespace,
      name: key.name,
    });
  }

  #kick(): void {
    if (this.#running || this.#due.size === 0) return;
    this.#running = true;
    void this.#run();
  }

  async #run(): Promise<void> {
    const batch = [...this.#due].slice(0, BATCH);
    for (const [path] of batch) this.#due.delete(path);
    try {
      await this.#environment.store.write((transaction) => {
        for (const [, key] of batch) this.#process(key, transaction);
      });
    } catch (error) {
      this.#logger.warn({ err: error }, "garbage collection failed for a batch");
    }
    this.#running = false;
    this.#kick();
  }

  #process(key: StorageKey, transaction: Transaction): void {
    const stored = transaction.get(key);
    const resource = this.#environment.registry.findStorage(key.resource);
    if (stored === undefined || resource === undefined) return;
    const { deletionTimestamp, finalizers = [] } = stored.object.metadata;
    if (deletionTimestamp !== undefined) {
      if (finalizers.includes(ORPHAN)) this.#orphan(resource, stored.object, transaction);
      else if (finalizers.includes(FOREGROUND)) this.#deleteDependents(resource, stored.object, transaction);
      return;
    }
    this.#collect(resource, key, stored.object, transaction);
  }

  /** Deletes an object none of whose owners is left; drops references to owners that are gone when others remain. */
  #collect(resource: Resource, key: StorageKey, object: UnstructuredObject, transaction: Transaction): void {
    const references = object.metadata.ownerReferences ?? [];
    if (references.length === 0) return;
    const states = references.map((reference) => findOwner(this.#environment, reference, key.namespace));
    if (states.some(({ state }) => state === "unknown") || states.every(({ state }) => state === "present"))
      return;
    const context = systemContext(this.#environment, transaction);
    if (states.every(({ state }) => state === "absent")) {
      const policy = object.metadata.finalizers?.includes(ORPHAN) === true ? "Orphan" : "Background";
      deleteObject(
        resource,
        key.namespace,
        key.name,
        { propagationPolicy: policy, uid: object.metadata.uid },
        context,
      );
      return;
    }
    const kept = references.filter((_reference, index) => states[index]?.state === "present");
    this.#change(resource, object, transaction, (metadata) => ({ ...metadata, ownerReferences: kept }));
  }

  /** Foreground deletion: dependents first; the owner goes when none that blocks it is left. */
  #deleteDependents(resource: Resource, owner: UnstructuredObject, transaction: Transaction): void {
    const uid = owner.metadata.uid ?? "";
    let isBlocked = false;
    for (const key of this.#dependents.of(uid)) {
      const stored = transaction.get(key);
      const dependentResource = this.#environment.registry.findStorage(key.resource);
      const reference = stored?.object.metadata.ownerReferences?.find((one) => one.uid === uid);
      if (stored === undefined || dependentResource === undefined || reference === undefined) continue;
      if (stored.object.metadata.deletionTimestamp === undefined) {
        const hasOwn = this.#dependents.of(stored.object.metadata.uid ?? "").length > 0;
        const propagationPolicy = hasOwn ? "Foreground" : "Background";
        deleteObject(
          dependentResource,
          key.namespace,
          key.name,
          { propagationPolicy },
          systemContext(this.#environment, transaction),
        );
      }
      if (reference.blockOwnerDeletion === true && transaction.get(key) !== undefined) isBlocked = true;
    }
    if (!isBlocked) this.#release(resource, owner, FOREGROUND, transaction);
  }

  #orphan(resource: Resource, owner: UnstructuredObject, transaction: Transaction): void {
    const uid = owner.metadata.uid ?? "";
    for (const key of this.#dependents.of(uid)) {
      const stored = transaction.get(key);
      const dependentResource = this.#environment.registry.findStorage(key.resource);
      if (stored === undefined || dependentResource === undefined) continue;
      this.#change(dependentResource, stored.object, transaction, (metadata) => ({
        ...metadata,
        ownerReferences: (metadata.ownerReferences ?? []).filter((reference) => reference.uid !== uid),
      }));
    }
    this.#release(resource, owner, ORPHAN, transaction);
  }

  #release(
    resource: Resource,
    object: UnstructuredObject,
    finalizer: string,
    transaction: Transaction,
  ): void {
    this.#change(resource, object, transaction, (metadata) => ({
      ...metadata,
      finalizers: (metadata.finalizers ?? []).filter((one) => one !== finalizer),
    }));
  }

  #change(
    resource: Resource,
    object: UnstructuredObject,
    transaction: Transaction,
    edit: (metadata: UnstructuredObject["metadata"]) => UnstructuredObject["metadata"],
  ): void {
    const { namespace, name } = object.metadata;
    updateObject(
      { resource, namespace, name },
      (current) => {
        const copy = structuredClone(current);
        return { ...copy, metadata: edit(copy.metadata) };
      },
      systemContext(this.#environment, transaction),
    );
  }
}
