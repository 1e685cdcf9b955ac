import { type KubernetesObject, type ObjectKey, type ResourceType, isStatus } from "@ai-edge/apimachinery";
import type { Client, DeleteOptions } from "@ai-edge/client";

/** Deletes an object; one that is not there is what was wanted. @returns false if it was not there */
export async function deleteIfFound<T extends KubernetesObject>(
  client: Client,
  type: ResourceType<T>,
  key: ObjectKey,
  options?: DeleteOptions,
): Promise<boolean> {
  try {
    await client.delete(type, key, options);
    return true;
  } catch (error) {
    if (isStatus(error, "NotFound")) return false;
    throw error;
  }
}
