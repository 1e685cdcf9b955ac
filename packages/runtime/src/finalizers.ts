import { type KubernetesObject, type ResourceType, keyOf } from "@ai-edge/apimachinery";
import type { Client } from "@ai-edge/client";

/** True if the object carries the finalizer. */
export function hasFinalizer(object: KubernetesObject, finalizer: string): boolean {
  return object.metadata.finalizers?.includes(finalizer) ?? false;
}

/** Adds a finalizer if it is missing. @throws StatusError Conflict when the object changed meanwhile */
export async function addFinalizer<T extends KubernetesObject>(
  client: Client,
  type: ResourceType<T>,
  object: T,
  finalizer: string,
): Promise<T> {
  if (hasFinalizer(object, finalizer)) return object;
  return setFinalizers(client, type, object, [...(object.metadata.finalizers ?? []), finalizer]);
}

/** Removes a finalizer if it is there. @throws StatusError Conflict when the object changed meanwhile */
export async function removeFinalizer<T extends KubernetesObject>(
  client: Client,
  type: ResourceType<T>,
  object: T,
  finalizer: string,
): Promise<T> {
  if (!hasFinalizer(object, finalizer)) return object;
  return setFinalizers(
    client,
    type,
    object,
    (object.metadata.finalizers ?? []).filter((name) => name !== finalizer),
  );
}

/** The list is replaced whole, so the resource version guards the entries of others. */
function setFinalizers<T extends KubernetesObject>(
  client: Client,
  type: ResourceType<T>,
  object: T,
  finalizers: string[],
): Promise<T> {
  const { resourceVersion } = object.metadata;
  const body = { metadata: { resourceVersion, finalizers: finalizers.length === 0 ? null : finalizers } };
  return client.patch(type, keyOf(object), { type: "merge", body });
}
