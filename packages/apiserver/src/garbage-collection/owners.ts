import { type OwnerReference, parseApiVersion } from "@ai-edge/apimachinery";
import type { Environment } from "../objects/environment.ts";
import type { StorageKey } from "../storage/event.ts";
import type { StoredObject } from "../storage/stored-object.ts";

export type OwnerState =
  | { readonly state: "present"; readonly owner: StoredObject }
  | { readonly state: "absent" }
  /** Its kind is not served (now): nothing may be concluded. */
  | { readonly state: "unknown" };

/** Looks up an owner. An owner in another namespace cannot be: it counts as absent, as upstream. */
export function findOwner(
  environment: Environment,
  reference: OwnerReference,
  namespace: string,
): OwnerState {
  const { group } = parseApiVersion(reference.apiVersion);
  const resource = environment.registry
    .all()
    .find(({ type }) => type.group === group && type.kind === reference.kind);
  if (resource === undefined) return { state: "unknown" };
  const key: StorageKey = {
    resource: resource.storage,
    namespace: resource.type.namespaced ? namespace : "",
    name: reference.name,
  };
  const owner = environment.store.get(key);
  return owner?.object.metadata.uid === reference.uid && owner !== undefined
    ? { state: "present", owner }
    : { state: "absent" };
}
