import { ClusterRole, ClusterRoleBinding, Namespace } from "@ai-edge/api";
import { type KubernetesObject, type ResourceType, apiVersionOf } from "@ai-edge/apimachinery";
import { defaultClusterRoleBindings, defaultClusterRoles } from "../authorization/default-roles.ts";
import { createObject } from "../objects/create.ts";
import { type Environment, storageKey, systemContext } from "../objects/environment.ts";

const NAMESPACES = ["default", "kube-system", "kube-public", "kube-node-lease"];

/** Makes what every cluster has from its start. Run at every start; leaves alone what is there. */
export async function startBootstrap(environment: Environment): Promise<void> {
  const namespaces = NAMESPACES.map((name) => ({
    apiVersion: apiVersionOf(Namespace),
    kind: Namespace.kind,
    metadata: { name },
  }));
  await ensure(environment, Namespace, namespaces);
  await ensure(environment, ClusterRole, defaultClusterRoles());
  await ensure(environment, ClusterRoleBinding, defaultClusterRoleBindings());
}

async function ensure(
  environment: Environment,
  type: ResourceType,
  objects: readonly KubernetesObject[],
): Promise<void> {
  const resource = environment.registry.find(type.group, type.version, type.plural);
  if (resource === undefined) return;
  await environment.store.write((transaction) => {
    for (const object of objects) {
      if (transaction.get(storageKey(resource, undefined, object.metadata.name)) !== undefined) continue;
      createObject(resource, { ...object }, undefined, systemContext(environment, transaction));
    }
  });
}
