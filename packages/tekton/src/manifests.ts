import { readdirSync, readFileSync } from "node:fs";
import { PIPELINES_NAMESPACE } from "@ai-edge/api";
import type { UnstructuredObject } from "@ai-edge/apimachinery";
import { parseAllDocuments } from "yaml";

export interface TektonManifestsOptions {
  /** `host:port` of the registry that candidates go to unless the run says otherwise. */
  registry?: string | undefined;
}

/** Upstream's default for candidates: OpenShift's internal registry, which only OpenShift has. */
const OPENSHIFT_REGISTRY = "image-registry.openshift-image-registry.svc:5000";

/**
 * The Tasks and Pipelines that ai-edge ships, in namespace `openshift-pipelines`; runs in every namespace find them by
 * name. To be applied after the CRDs and the namespace.
 */
export function tektonManifests(options: TektonManifestsOptions = {}): UnstructuredObject[] {
  const directory = new URL("../manifests/", import.meta.url);
  const files = readdirSync(directory).filter((name) => name.endsWith(".yaml"));
  return files.toSorted().flatMap((name) => {
    const text = readFileSync(new URL(name, directory), "utf8");
    const placed =
      options.registry === undefined ? text : text.replaceAll(OPENSHIFT_REGISTRY, options.registry);
    const documents = parseAllDocuments(placed);
    return (Array.isArray(documents) ? documents : []).map((document) => shipped(document.toJS(), name));
  });
}

function shipped(value: unknown, file: string): UnstructuredObject {
  if (!isManifest(value)) throw new Error(`${file} holds something else than Kubernetes objects`);
  return { ...value, metadata: { ...value.metadata, namespace: PIPELINES_NAMESPACE } };
}

function isManifest(value: unknown): value is UnstructuredObject {
  return (
    typeof value === "object" &&
    value !== null &&
    "kind" in value &&
    "metadata" in value &&
    "apiVersion" in value
  );
}
