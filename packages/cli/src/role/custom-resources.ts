import { isConditionTrue } from "@ai-edge/apimachinery";
import {
  argocdCustomResourceDefinitions,
  convertTekton,
  CustomResourceDefinition,
  klusterletCustomResourceDefinitions,
  ocmCustomResourceDefinitions,
  routeCustomResourceDefinitions,
  tektonCustomResourceDefinitions,
} from "@ai-edge/api";
import type { ApiServerOptions } from "@ai-edge/apiserver";
import type { Client } from "@ai-edge/client";

import { waitForObject } from "../watching/wait-for-object.ts";

/** A CRD is established within milliseconds. */
const ESTABLISH_TIMEOUT_MS = 30_000;

/** The kinds beyond Kubernetes' own that a role serves. */
export interface CustomResources {
  definitions: readonly CustomResourceDefinition[];
  converters: NonNullable<ApiServerOptions["converters"]>;
}

export const CORE_RESOURCES: CustomResources = {
  definitions: [
    ...ocmCustomResourceDefinitions,
    ...argocdCustomResourceDefinitions,
    ...tektonCustomResourceDefinitions,
    ...routeCustomResourceDefinitions,
  ],
  converters: {
    "tekton.dev": (object, apiVersion) =>
      convertTekton(object, apiVersion === "tekton.dev/v1" ? "v1" : "v1beta1"),
  },
};

export const EDGE_RESOURCES: CustomResources = {
  definitions: [
    ...klusterletCustomResourceDefinitions,
    ...argocdCustomResourceDefinitions,
    ...routeCustomResourceDefinitions,
  ],
  converters: {},
};

/** Applies the definitions at every start, so that upgrades arrive, and waits until they are served. */
export async function installCustomResources(
  client: Client,
  definitions: readonly CustomResourceDefinition[],
  signal: AbortSignal,
): Promise<void> {
  await Promise.all(
    definitions.map(async (definition) => {
      const applied = await client.apply(CustomResourceDefinition, definition, {
        fieldManager: "ai-edge",
        force: true,
      });
      const established = (object: CustomResourceDefinition) =>
        isConditionTrue(object.status?.conditions, "Established");
      if (established(applied)) return;
      await waitForObject(client, CustomResourceDefinition, { name: definition.metadata.name }, established, {
        timeoutMs: ESTABLISH_TIMEOUT_MS,
        signal,
        goal: "to be established",
      });
    }),
  );
}
