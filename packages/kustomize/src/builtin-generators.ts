import { generateConfigMap, generateSecret } from "./generators.ts";
import { secretPluginShape } from "./kustomization.ts";
import type { Loader } from "./loader.ts";
import type { Resource } from "./resource.ts";
import type { ValueMap } from "./value.ts";
import { getIn, newMap, scalarText } from "./value.ts";

/** Builds the one object of an IAM policy generator: a ServiceAccount bound to a cloud identity. */
function generateIamPolicy(config: ValueMap): ValueMap {
  const cloud = scalarText(config.cloud);
  if (cloud !== "gke")
    throw new Error(`cloud provider ${cloud} not supported yet: IAMPolicyGenerator knows gke`);
  const account = config.kubernetesService;
  const identity = `${scalarText(getIn(config.serviceAccount, "name"))}@${scalarText(getIn(config.serviceAccount, "projectId"))}.iam.gserviceaccount.com`;
  const metadata = newMap({
    annotations: newMap({ "iam.gke.io/gcp-service-account": identity }),
    name: scalarText(getIn(account, "name")),
  });
  const namespace = scalarText(getIn(account, "namespace"));
  if (namespace !== "") metadata.namespace = namespace;
  return newMap({ apiVersion: "v1", kind: "ServiceAccount", metadata });
}

export function isGeneratorKind(kind: string): boolean {
  return kind === "ConfigMapGenerator" || kind === "SecretGenerator" || kind === "IAMPolicyGenerator";
}

/** Runs a built-in generator configured by an object. */
export function generatePlugin(config: Resource, loader: Loader): Resource {
  if (config.kind === "IAMPolicyGenerator") {
    const generated = config.clone();
    generated.value = generateIamPolicy(config.value);
    generated.changed();
    generated.previousIds = [];
    return generated;
  }
  const own = secretPluginShape.decode(config.value, "");
  const args = { ...own, name: own.name || config.name, namespace: own.namespace || config.namespace };
  return config.kind === "SecretGenerator" ? generateSecret(loader, args) : generateConfigMap(loader, args);
}
