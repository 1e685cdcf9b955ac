import {
  type KubernetesObject,
  type LabelSelector,
  type ResourceType,
  controllerOf,
  controllerReference,
  isStatus,
  keyOf,
  matchesLabelSelector,
} from "@ai-edge/apimachinery";
import type { Client } from "@ai-edge/client";

/**
 * The objects that a controller may manage, as upstream's ControllerRefManager: those it owns and selects, plus
 * orphans that it selects (adopted now); owned ones that it no longer selects are released.
 * @param candidates all objects of the namespace, from a store
 */
export async function claim<T extends KubernetesObject>(
  client: Client,
  type: ResourceType<T>,
  options: {
    owner: KubernetesObject;
    selector: LabelSelector;
    candidates: readonly T[];
    adoptable?: (object: T) => boolean;
  },
): Promise<T[]> {
  const { owner, selector, candidates, adoptable = () => true } = options;
  const deleting = owner.metadata.deletionTimestamp !== undefined;
  const claimed: T[] = [];
  for (const object of candidates) {
    const controller = controllerOf(object);
    const selected = matchesLabelSelector(selector, object.metadata.labels);
    if (controller !== undefined && controller.uid !== owner.metadata.uid) continue;
    if (controller !== undefined && (selected || deleting)) claimed.push(object);
    else if (controller !== undefined) await release(client, type, object, owner);
    else if (selected && !deleting && object.metadata.deletionTimestamp === undefined && adoptable(object)) {
      const adopted = await adopt(client, type, object, owner);
      if (adopted !== undefined) claimed.push(adopted);
    }
  }
  return claimed;
}

/** undefined when somebody else was faster or the object is gone. */
async function adopt<T extends KubernetesObject>(
  client: Client,
  type: ResourceType<T>,
  object: T,
  owner: KubernetesObject,
): Promise<T | undefined> {
  const ownerReferences = [...(object.metadata.ownerReferences ?? []), controllerReference(owner)];
  return patchOwners(client, type, object, ownerReferences);
}

async function release<T extends KubernetesObject>(
  client: Client,
  type: ResourceType<T>,
  object: T,
  owner: KubernetesObject,
): Promise<void> {
  const others = (object.metadata.ownerReferences ?? []).filter(({ uid }) => uid !== owner.metadata.uid);
  await patchOwners(client, type, object, others);
}

async function patchOwners<T extends KubernetesObject>(
  client: Client,
  type: ResourceType<T>,
  object: T,
  references: NonNullable<KubernetesObject["metadata"]["ownerReferences"]>,
): Promise<T | undefined> {
  const { resourceVersion } = object.metadata;
  const ownerReferences = references.length === 0 ? null : references;
  try {
    const body = { metadata: { resourceVersion, ownerReferences } };
    return await client.patch(type, keyOf(object), { type: "merge", body });
  } catch (error) {
    // A newer version is on its way through the informer and makes the key due again.
    if (isStatus(error, "NotFound", "Conflict")) return undefined;
    throw error;
  }
}
