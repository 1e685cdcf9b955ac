import { isStatus, type KubernetesObject, type ResourceType } from "@ai-edge/apimachinery";
import { ConfigMap, Secret } from "@ai-edge/api";
import type { Client } from "@ai-edge/client";

import { ConfigurationError } from "./configuration-error.ts";

/** The content of a ConfigMap or Secret as bytes, by key. */
export type KeyedContent = Map<string, Buffer>;

/** Reads what pods refer to; a site has few pods, so it asks when it needs to instead of watching all Secrets. */
export interface ReferenceReader {
  /** @throws ConfigurationError if it does not exist and is not optional; then an optional one is undefined */
  configMap(namespace: string, name: string, optional: boolean): Promise<KeyedContent | undefined>;
  secret(namespace: string, name: string, optional: boolean): Promise<KeyedContent | undefined>;
}

export function createReferenceReader(client: Client): ReferenceReader {
  const read = async <T extends KubernetesObject>(
    type: ResourceType<T>,
    namespace: string,
    name: string,
    optional: boolean,
  ): Promise<T | undefined> => {
    try {
      return await client.get(type, { namespace, name });
    } catch (error) {
      if (!isStatus(error, "NotFound")) throw error;
      if (optional) return undefined;
      throw new ConfigurationError(`${type.kind.toLowerCase()} "${name}" not found`);
    }
  };
  return {
    configMap: async (namespace, name, optional) => {
      const object = await read(ConfigMap, namespace, name, optional);
      if (object === undefined) return undefined;
      const text = Object.entries(object.data ?? {}).map(
        ([key, value]) => [key, Buffer.from(value)] as const,
      );
      const binary = Object.entries(object.binaryData ?? {}).map(
        ([key, value]) => [key, Buffer.from(value, "base64")] as const,
      );
      return new Map([...text, ...binary]);
    },
    secret: async (namespace, name, optional) => {
      const object = await read(Secret, namespace, name, optional);
      if (object === undefined) return undefined;
      return new Map(
        Object.entries(object.data ?? {}).map(([key, value]) => [key, Buffer.from(value, "base64")]),
      );
    },
  };
}
