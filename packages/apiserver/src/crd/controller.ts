import { CustomResourceDefinition } from "@ai-edge/api";
import { type UnstructuredObject, groupResource } from "@ai-edge/apimachinery";
import type { Logger } from "pino";
import { deleteObject } from "../objects/delete.ts";
import { type Environment, systemContext } from "../objects/environment.ts";
import { updateObject } from "../objects/update.ts";
import type { Resource } from "../resources/resource.ts";
import type { StorageEvent } from "../storage/event.ts";
import { type Converter, resourcesOfDefinition } from "./definition.ts";
import { CLEANUP_FINALIZER } from "./strategy.ts";

const STORAGE = groupResource(CustomResourceDefinition);
/** Objects deleted per transaction, so that the server stays responsive while a big kind goes. */
const CLEANUP_BATCH = 200;

/** Native converters by group, for kinds whose versions differ in more than their name. */
export type Converters = Readonly<Record<string, Converter>>;

/** Serves what CustomResourceDefinitions declare, and removes their objects when they go. */
export class CustomResources {
  readonly #environment: Environment;
  readonly #converters: Converters;
  readonly #logger: Logger;

  constructor(environment: Environment, converters: Converters, logger: Logger) {
    this.#environment = environment;
    this.#converters = converters;
    this.#logger = logger;
  }

  /** Serves the stored definitions, and follows changes from now on. */
  start(): void {
    const { store } = this.#environment;
    for (const { object } of store.list(STORAGE)) this.#serve(object);
    // First among the listeners: a definition is served before the write that made it is answered.
    store.subscribe((events) => {
      for (const event of events) if (event.resource === STORAGE) this.#follow(event);
    });
  }

  #follow(event: StorageEvent): void {
    const { object } = event.object;
    if (!isDefinition(object)) return;
    if (event.type === "DELETED") {
      this.#environment.registry.replace(object.spec.group, object.spec.names.plural, []);
      return;
    }
    this.#serve(object);
  }

  #serve(object: UnstructuredObject): void {
    if (!isDefinition(object)) return;
    const { group, names } = object.spec;
    const resources = resourcesOfDefinition(object, this.#converters[group]);
    this.#environment.registry.replace(group, names.plural, resources);
    if (object.metadata.deletionTimestamp !== undefined) void this.#cleanUp(object);
  }

  async #cleanUp(definition: CustomResourceDefinition): Promise<void> {
    const { store, registry } = this.#environment;
    const { group, names } = definition.spec;
    try {
      const resource = registry.findGroupResource(group, names.plural);
      const remaining = resource === undefined ? 0 : await this.#deleteSome(resource);
      // Objects held by finalizers go when their owners let go; the definition waits.
      if (remaining > 0) {
        setTimeout(() => void this.#cleanUp(definition), 1000).unref();
        return;
      }
      const target = registry.find(
        CustomResourceDefinition.group,
        CustomResourceDefinition.version,
        CustomResourceDefinition.plural,
      );
      if (target === undefined) return;
      const withoutFinalizer = (current: UnstructuredObject): UnstructuredObject => {
        const copy = structuredClone(current);
        copy.metadata.finalizers = copy.metadata.finalizers?.filter((one) => one !== CLEANUP_FINALIZER) ?? [];
        return copy;
      };
      const name = definition.metadata.name;
      await store.write((transaction) =>
        updateObject(
          { resource: target, namespace: undefined, name },
          withoutFinalizer,
          systemContext(this.#environment, transaction),
        ),
      );
    } catch (error) {
      this.#logger.debug(
        { err: error, definition: definition.metadata.name },
        "cannot finish a CustomResourceDefinition yet",
      );
    }
  }

  /** Deletes objects of a kind; returns how many are still there. */
  async #deleteSome(resource: Resource): Promise<number> {
    const { store } = this.#environment;
    await store.write((transaction) => {
      const context = systemContext(this.#environment, transaction);
      const objects = transaction.list(resource.storage, undefined).slice(0, CLEANUP_BATCH);
      for (const { object } of objects) {
        if (object.metadata.deletionTimestamp !== undefined) continue;
        deleteObject(resource, object.metadata.namespace, object.metadata.name, {}, context);
      }
    });
    return store.list(resource.storage).length;
  }
}

function isDefinition(object: UnstructuredObject): object is UnstructuredObject & CustomResourceDefinition {
  return object.kind === CustomResourceDefinition.kind;
}
