import type { UnstructuredObject } from "@ai-edge/apimachinery";

/**
 * One version of one object as stored: immutable, shared by the current table, the event ring and every reader. The
 * text comes from the database; it is parsed only when somebody looks inside.
 */
export class StoredObject {
  readonly text: string;
  #object: UnstructuredObject | undefined;

  constructor(text: string, object?: UnstructuredObject) {
    this.text = text;
    this.#object = object;
  }

  /** The parsed object. It is shared: never modify it. */
  get object(): UnstructuredObject {
    this.#object ??= JSON.parse(this.text) as UnstructuredObject;
    return this.#object;
  }

  get revision(): number {
    return Number(this.object.metadata.resourceVersion);
  }
}
