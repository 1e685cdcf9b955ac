import type { Container, EnvVar, Pod } from "@ai-edge/api";

import { ConfigurationError } from "./configuration-error.ts";
import type { KeyedContent, ReferenceReader } from "./references.ts";

/** Names that may stand in an environment; others from `envFrom` are skipped, as the kubelet does. */
const ENV_NAME = /^[-._a-zA-Z][-._a-zA-Z0-9]*$/;

/** What a pod knows about itself at run time. */
export interface PodFacts {
  pod: Pod;
  podIP: string;
  hostIP: string;
  nodeName: string;
}

/**
 * A container's variables: Service links, `envFrom`, then `env` in order, each of which may use the ones before it as
 * `$(NAME)` (core/v1 EnvVar).
 * @throws ConfigurationError for references to what is not there
 */
export async function resolveEnvironment(
  container: Container,
  facts: PodFacts,
  references: ReferenceReader,
  defaults: Record<string, string>,
): Promise<Record<string, string>> {
  const namespace = facts.pod.metadata.namespace ?? "";
  const env: Record<string, string> = { ...defaults };
  for (const { prefix = "", configMapRef, secretRef } of container.envFrom ?? []) {
    const content =
      configMapRef === undefined
        ? secretRef && (await references.secret(namespace, secretRef.name, secretRef.optional === true))
        : await references.configMap(namespace, configMapRef.name, configMapRef.optional === true);
    for (const [key, value] of content ?? []) {
      if (ENV_NAME.test(prefix + key)) env[prefix + key] = value.toString("utf8");
    }
  }
  for (const variable of container.env ?? []) {
    const value =
      variable.valueFrom === undefined
        ? expand(variable.value ?? "", env)
        : await valueFrom(variable, facts, references);
    if (value !== undefined) env[variable.name] = value;
  }
  return env;
}

/**
 * Replaces `$(NAME)`; an unknown name stays as it is and `$$` is a literal `$` (k8s.io/kubernetes/third_party/forked/golang/expansion).
 */
export function expand(text: string, env: Readonly<Record<string, string>>): string {
  return text.replace(/\$(?:\$|\(([^()]*)\))/g, (whole, name: string | undefined) => {
    if (name === undefined) return "$";
    return Object.hasOwn(env, name) ? (env[name] ?? "") : whole;
  });
}

async function valueFrom(
  variable: EnvVar,
  facts: PodFacts,
  references: ReferenceReader,
): Promise<string | undefined> {
  const { fieldRef, configMapKeyRef, secretKeyRef, resourceFieldRef } = variable.valueFrom ?? {};
  const namespace = facts.pod.metadata.namespace ?? "";
  if (fieldRef !== undefined) return fieldValue(fieldRef.fieldPath, facts);
  if (resourceFieldRef !== undefined) {
    throw new ConfigurationError(
      `env ${variable.name}: valueFrom.resourceFieldRef is not supported on this node`,
    );
  }
  const reference = configMapKeyRef ?? secretKeyRef;
  if (reference === undefined) return "";
  const optional = reference.optional === true;
  const content: KeyedContent | undefined =
    configMapKeyRef === undefined
      ? await references.secret(namespace, reference.name, optional)
      : await references.configMap(namespace, reference.name, optional);
  const value = content?.get(reference.key);
  if (value === undefined && !optional) {
    const kind = configMapKeyRef === undefined ? "Secret" : "ConfigMap";
    throw new ConfigurationError(
      `couldn't find key ${reference.key} in ${kind} ${namespace}/${reference.name}`,
    );
  }
  return value?.toString("utf8");
}

/** The downward API's fields. @throws ConfigurationError for one that does not exist */
export function fieldValue(fieldPath: string, { pod, podIP, hostIP, nodeName }: PodFacts): string {
  const { metadata, spec } = pod;
  const keyed = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(fieldPath);
  if (keyed !== null)
    return (keyed[1] === "labels" ? metadata.labels : metadata.annotations)?.[keyed[2] ?? ""] ?? "";
  switch (fieldPath) {
    case "metadata.name":
      return metadata.name;
    case "metadata.namespace":
      return metadata.namespace ?? "";
    case "metadata.uid":
      return metadata.uid ?? "";
    case "metadata.labels":
    case "metadata.annotations": {
      const map = fieldPath === "metadata.labels" ? metadata.labels : metadata.annotations;
      return Object.entries(map ?? {})
        .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
        .sort()
        .join("\n");
    }
    case "spec.nodeName":
      return nodeName;
    case "spec.serviceAccountName":
      return spec.serviceAccountName ?? "default";
    case "status.podIP":
    case "status.podIPs":
      return podIP;
    case "status.hostIP":
    case "status.hostIPs":
      return hostIP;
    default:
      throw new ConfigurationError(`fieldRef ${fieldPath} is not a field that a pod can refer to`);
  }
}
