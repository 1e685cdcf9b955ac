import {
  type JsonObject,
  type KubernetesObject,
  type ResourceType,
  createMergePatch,
  isJsonObject,
  keyOf,
} from "@ai-edge/apimachinery";
import type { Client } from "@ai-edge/client";

export interface PatchStatusOptions {
  /** False for kinds without a status subresource (Argo CD's Application). Default true. */
  subresource?: boolean;
  fieldManager?: string;
  /** Fail with Conflict if anybody changed the object since `before` was read. Default false. */
  optimisticLock?: boolean;
  signal?: AbortSignal;
}

/**
 * Writes the difference between two versions of an object's status as one JSON merge patch; no difference, no
 * request. Lists are replaced whole, as merge patches do.
 * @returns the object as the server has it now, or `after` when there was nothing to write
 */
export async function patchStatus<T extends KubernetesObject>(
  client: Client,
  type: ResourceType<T>,
  before: T,
  after: T,
  options: PatchStatusOptions = {},
): Promise<T> {
  const status = createMergePatch(statusOf(before), statusOf(after));
  if (status === undefined) return after;
  const { resourceVersion } = before.metadata;
  const lock = options.optimisticLock === true && resourceVersion !== undefined;
  return client.patch(
    type,
    keyOf(before),
    { type: "merge", body: { ...(lock ? { metadata: { resourceVersion } } : {}), status } },
    {
      ...(options.subresource === false ? {} : { subresource: "status" }),
      fieldManager: options.fieldManager,
      signal: options.signal,
    },
  );
}

function statusOf(object: KubernetesObject): JsonObject {
  return "status" in object && isJsonObject(object.status) ? object.status : {};
}
