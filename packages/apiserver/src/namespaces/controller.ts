import { type UnstructuredObject, valueAt } from "@ai-edge/apimachinery";
import type { Logger } from "pino";
import { deleteObject } from "../objects/delete.ts";
import { type Environment, systemContext } from "../objects/environment.ts";
import { updateObject } from "../objects/update.ts";
import type { StorageEvent } from "../storage/event.ts";
import { NAMESPACE_FINALIZER } from "./strategy.ts";

/** Objects deleted per transaction, so that the server stays responsive while a big namespace goes. */
const BATCH = 200;

/** Empties namespaces that are being deleted, and lets them go when nothing is left. */
export class NamespaceController {
  readonly #environment: Environment;
  readonly #logger: Logger;
  /** Namespaces being deleted. */
  readonly #terminating = new Set<string>();
  readonly #due = new Set<string>();
  #running = false;

  constructor(environment: Environment, logger: Logger) {
    this.#environment = environment;
    this.#logger = logger;
  }

  /** Goes on with deletions that a restart interrupted, and follows new ones. */
  start(): void {
    const { store } = this.#environment;
    for (const { object } of store.list("namespaces")) this.#note(object);
    store.subscribe((events) => {
      for (const event of events) this.#follow(event);
      this.#kick();
    });
    this.#kick();
  }

  #follow(event: StorageEvent): void {
    if (event.resource === "namespaces") {
      if (event.type === "DELETED") this.#terminating.delete(event.name);
      else this.#note(event.object.object);
    } else if (event.type === "DELETED" && this.#terminating.has(event.namespace))
      this.#due.add(event.namespace);
  }

  #note(object: UnstructuredObject): void {
    if (object.metadata.deletionTimestamp === undefined || this.#terminating.has(object.metadata.name))
      return;
    this.#terminating.add(object.metadata.name);
    this.#due.add(object.metadata.name);
  }

  #kick(): void {
    if (this.#running || this.#due.size === 0) return;
    this.#running = true;
    void this.#run();
  }

  async #run(): Promise<void> {
    for (const name of this.#due) {
      this.#due.delete(name);
      try {
        await this.#empty(name);
      } catch (error) {
        this.#logger.warn({ err: error, namespace: name }, "could not empty a namespace");
      }
    }
    this.#running = false;
    this.#kick();
  }

  async #empty(name: string): Promise<void> {
    const { store } = this.#environment;
    const started = await store.write((transaction) => {
      const context = systemContext(this.#environment, transaction);
      let count = 0;
      for (const resource of this.#namespaced()) {
        for (const { object } of transaction.list(resource.storage, name)) {
          if (object.metadata.deletionTimestamp !== undefined) continue;
          deleteObject(resource, name, object.metadata.name, {}, context);
          count += 1;
          if (count >= BATCH) return count;
        }
      }
      return count;
    });
    if (started > 0) {
      this.#due.add(name);
      return;
    }
    if (this.#namespaced().some((resource) => store.list(resource.storage, name).length > 0)) return;
    await this.#finalize(name);
  }

  /** One resource per storage. */
  #namespaced(): ReturnType<Environment["registry"]["all"]> {
    const seen = new Set<string>();
    return this.#environment.registry.all().filter(({ type, storage }) => {
      if (!type.namespaced || seen.has(storage)) return false;
      seen.add(storage);
      return true;
    });
  }

  async #finalize(name: string): Promise<void> {
    const { store, registry } = this.#environment;
    const resource = registry.find("", "v1", "namespaces");
    if (resource === undefined || store.get({ resource: "namespaces", namespace: "", name }) === undefined)
      return;
    const finalize = (current: UnstructuredObject): UnstructuredObject => {
      const finalizers = valueAt(current, ["spec", "finalizers"]);
      const rest = Array.isArray(finalizers) ? finalizers.filter((one) => one !== NAMESPACE_FINALIZER) : [];
      return { ...structuredClone(current), spec: { finalizers: rest } };
    };
    await store.write((transaction) =>
      updateObject(
        { resource, namespace: undefined, name, subresource: "finalize" },
        finalize,
        systemContext(this.#environment, transaction),
      ),
    );
  }
}
