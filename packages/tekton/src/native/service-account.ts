import { Secret, SECRET_TYPE_BASIC_AUTH, SECRET_TYPE_DOCKER_CONFIG_JSON, ServiceAccount } from "@ai-edge/api";
import { isStatus } from "@ai-edge/apimachinery";
import { parseDockerConfig } from "@ai-edge/oci";
import type { RegistryCredentials } from "@ai-edge/oci";
import type { NativeTaskCall } from "./native-task.ts";

export interface ServiceAccountCredentials {
  git: { url: string; username: string; password: string }[];
  /** By registry host. */
  registries: Map<string, RegistryCredentials>;
}

/** Without a ServiceAccount in the run, Tekton takes this one. */
const DEFAULT_SERVICE_ACCOUNT = "default";

/**
 * The credentials of a TaskRun's ServiceAccount, as Tekton's credential initialisation finds them: Secrets listed in
 * `secrets` that are annotated `tekton.dev/git-*` or `tekton.dev/docker-*` (basic-auth), and docker configs. Missing
 * accounts and Secrets are passed over, as Tekton does.
 */
export async function serviceAccountCredentials(call: NativeTaskCall): Promise<ServiceAccountCredentials> {
  const found: ServiceAccountCredentials = { git: [], registries: new Map() };
  const name = call.taskRun.spec.serviceAccountName ?? DEFAULT_SERVICE_ACCOUNT;
  const account = await present(call.client.get(ServiceAccount, { namespace: call.namespace, name }));
  const names = [...(account?.secrets ?? []), ...(account?.imagePullSecrets ?? [])].flatMap(
    (reference) => reference.name ?? [],
  );
  for (const secretName of new Set(names)) {
    const secret = await present(call.client.get(Secret, { namespace: call.namespace, name: secretName }));
    if (secret !== undefined) addSecret(found, secret);
  }
  return found;
}

function addSecret(found: ServiceAccountCredentials, secret: Secret): void {
  const decode = (key: string): string => Buffer.from(secret.data?.[key] ?? "", "base64").toString("utf8");
  if (secret.type === SECRET_TYPE_DOCKER_CONFIG_JSON) {
    for (const [host, credentials] of parseDockerConfig(
      decode(".dockerconfigjson"),
      `Secret ${secret.metadata.name}`,
    ))
      found.registries.set(host, credentials);
    return;
  }
  if (secret.type !== SECRET_TYPE_BASIC_AUTH) return;
  const login = { username: decode("username"), password: decode("password") };
  for (const [annotation, value] of Object.entries(secret.metadata.annotations ?? {})) {
    if (annotation.startsWith("tekton.dev/git-")) found.git.push({ url: value, ...login });
    else if (annotation.startsWith("tekton.dev/docker-"))
      found.registries.set(value.replace(/^https?:\/\//, "").replace(/\/.*$/, ""), login);
  }
}

async function present<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read;
  } catch (error) {
    if (isStatus(error, "NotFound")) return undefined;
    throw error;
  }
}
