import {
  type ApplicationSet,
  type ClusterDecisionResourceGenerator,
  ConfigMap,
  type Secret,
} from "@ai-edge/api";
import {
  isJsonObject,
  type KubernetesObject,
  matchesLabelSelector,
  parseApiVersion,
  valueAt,
} from "@ai-edge/apimachinery";
import type { Manager } from "@ai-edge/runtime";
import { type UnstructuredType } from "../application/unstructured-type.ts";
import { GeneratorError } from "./generator-error.ts";
import type { TemplateParameters } from "./template.ts";

/** How to read decisions: the ConfigMap that `configMapRef` names. */
interface DecisionResource {
  type: UnstructuredType;
  statusListKey: string;
  matchKey: string;
}

export interface DecisionParameters {
  parameters: TemplateParameters;
  /** No Argo CD cluster Secret of that name: upstream drops the cluster, we keep what it has and make nothing new. */
  isUnregistered: boolean;
}

/** Reads the ConfigMap of a generator. @throws GeneratorError when it is missing or incomplete */
function decisionResource(
  configMap: ConfigMap | undefined,
  generator: ClusterDecisionResourceGenerator,
  namespace: string,
): DecisionResource {
  const where = `ConfigMap ${namespace}/${generator.configMapRef}`;
  if (configMap === undefined)
    throw new GeneratorError(`${where} of the clusterDecisionResource generator does not exist`);
  const { apiVersion, kind, statusListKey = "clusters", matchKey } = configMap.data ?? {};
  for (const [key, value] of Object.entries({ apiVersion, kind, matchKey })) {
    if (value === undefined || value === "") throw new GeneratorError(`${where}: key ${key} is missing`);
  }
  // `kind` holds the plural name of the resource, in spite of its name.
  const plural = kind ?? "";
  return {
    type: { ...parseApiVersion(apiVersion ?? ""), kind: plural, plural, namespaced: true },
    statusListKey,
    matchKey: matchKey ?? "",
  };
}

/**
 * One set of parameters per decision.
 * @param clusters the Argo CD cluster Secrets of the namespace
 * @throws GeneratorError when there is no decision to read: no answer is not an empty answer
 */
export function decisionParameters(
  generator: ClusterDecisionResourceGenerator,
  resource: DecisionResource,
  objects: readonly KubernetesObject[],
  clusters: readonly Secret[],
): DecisionParameters[] {
  const { name = "", labelSelector } = generator;
  if ((name === "") === (labelSelector === undefined))
    throw new GeneratorError("clusterDecisionResource needs either name or labelSelector");
  const selected = objects.filter(({ metadata }) =>
    name === "" ? matchesLabelSelector(labelSelector, metadata.labels) : metadata.name === name,
  );
  if (selected.length === 0)
    throw new GeneratorError(
      `no ${resource.type.plural} found: ${name === "" ? JSON.stringify(labelSelector) : name}`,
    );
  const servers = new Map(clusters.map((secret) => [dataOf(secret, "name"), dataOf(secret, "server")]));
  return selected.flatMap((object) =>
    decisionsOf(object, resource).map((decision) => {
      const cluster = decision[resource.matchKey] ?? "";
      if (cluster === "")
        throw new GeneratorError(
          `${resource.type.plural} ${object.metadata.name}: a decision has no ${resource.matchKey}`,
        );
      const server = servers.get(cluster);
      const values = Object.entries(generator.values ?? {}).map(
        ([key, value]) => [`values.${key}`, value] as const,
      );
      const parameters = { ...decision, ...Object.fromEntries(values), name: cluster, server: server ?? "" };
      return { parameters, isUnregistered: server === undefined };
    }),
  );
}

/** The decisions of one object, their fields as texts. */
function decisionsOf(
  object: KubernetesObject,
  { type, statusListKey }: DecisionResource,
): Record<string, string>[] {
  const decisions = valueAt(object, ["status", statusListKey]);
  if (!Array.isArray(decisions)) {
    throw new GeneratorError(`${type.plural} ${object.metadata.name} has no status.${statusListKey} yet`);
  }
  return decisions
    .filter(isJsonObject)
    .map((decision) =>
      Object.fromEntries(
        Object.entries(decision).map(([key, value]) => [
          key,
          typeof value === "string" ? value : JSON.stringify(value),
        ]),
      ),
    );
}

function dataOf(secret: Secret, key: string): string {
  return Buffer.from(secret.data?.[key] ?? "", "base64").toString("utf8");
}

/** Reads what the generators of an ApplicationSet need, by watches. */
export class DecisionSource {
  readonly #manager: Manager;
  readonly #onChange: (namespace: string) => void;
  readonly #watched = new Set<string>();

  /** @param onChange called with the namespace in which a decision changed */
  constructor(manager: Manager, onChange: (namespace: string) => void) {
    this.#manager = manager;
    this.#onChange = onChange;
  }

  /** @throws GeneratorError when anything that the answer depends on is missing */
  async parameters(
    set: ApplicationSet,
    generator: ClusterDecisionResourceGenerator,
    secrets: readonly Secret[],
  ): Promise<DecisionParameters[]> {
    const { namespace = "" } = set.metadata;
    const configMaps = this.#manager.informer(ConfigMap);
    await configMaps.synced;
    const resource = decisionResource(
      configMaps.store.get({ namespace, name: generator.configMapRef }),
      generator,
      namespace,
    );
    const informer = this.#manager.informer(resource.type);
    const key = `${resource.type.group}/${resource.type.version}/${resource.type.plural}`;
    if (!this.#watched.has(key)) {
      this.#watched.add(key);
      informer.onEvent(({ object }) => this.#onChange(object.metadata.namespace ?? ""));
    }
    await informer.synced;
    return decisionParameters(generator, resource, informer.store.list({ namespace }), secrets);
  }
}
