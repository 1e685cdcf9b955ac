import { Namespace } from "@ai-edge/api";
import { apiVersionOf } from "@ai-edge/apimachinery";
import { createObject } from "../objects/create.ts";
import { type Environment, storageKey, systemContext } from "../objects/environment.ts";

const NAMESPACES = ["default", "kube-system", "kube-public", "kube-node-lease"];

/** Makes what every cluster has from its start. Run at every start; leaves alone what is there. */
export async function startBootstrap(environment: Environment): Promise<void> {
  const resource = environment.registry.find("", "v1", "namespaces");
  if (resource === undefined) return;
  await environment.store.write((transaction) => {
    for (const name of NAMESPACES) {
      if (transaction.get(storageKey(resource, undefined, name)) !== undefined) continue;
      const object = { apiVersion: apiVersionOf(Namespace), kind: Namespace.kind, metadata: { name } };
      createObject(resource, object, undefined, systemContext(environment, transaction));
    }
  });
}
