import { isStatus } from "@ai-edge/apimachinery";
import { type Pod, Secret, SECRET_TYPE_DOCKER_CONFIG_JSON, ServiceAccount } from "@ai-edge/api";
import type { Client } from "@ai-edge/client";
import { credentialsFor, parseDockerConfig, type Reference, type RegistryCredentials } from "@ai-edge/oci";

/** The node's own pull secret, delivered by the hub. */
export const NODE_PULL_SECRET = { namespace: "kube-system", name: "aiedge-registry" };

/**
 * The credentials to try for an image, in the kubelet's order: the pod's pull secrets, its ServiceAccount's, the node's.
 * A secret that does not exist is skipped, as the kubelet does.
 */
export async function pullCredentials(
  client: Client,
  pod: Pod,
  reference: Reference,
): Promise<RegistryCredentials[]> {
  const namespace = pod.metadata.namespace ?? "";
  const account = await orUndefined(
    client.get(ServiceAccount, { namespace, name: pod.spec.serviceAccountName ?? "default" }),
  );
  const names = [...(pod.spec.imagePullSecrets ?? []), ...(account?.imagePullSecrets ?? [])];
  const keys = [...names.map(({ name }) => ({ namespace, name })), NODE_PULL_SECRET];
  const secrets = await Promise.all(keys.map((key) => orUndefined(client.get(Secret, key))));
  return secrets.flatMap((secret) => {
    const data =
      secret?.type === SECRET_TYPE_DOCKER_CONFIG_JSON ? secret.data?.[".dockerconfigjson"] : undefined;
    if (secret === undefined || data === undefined) return [];
    const byHost = parseDockerConfig(
      Buffer.from(data, "base64").toString("utf8"),
      `secret ${secret.metadata.namespace}/${secret.metadata.name}`,
    );
    const found = credentialsFor(byHost, reference.registry, reference.repository);
    return found === undefined ? [] : [found];
  });
}

async function orUndefined<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (isStatus(error, "NotFound")) return undefined;
    throw error;
  }
}
